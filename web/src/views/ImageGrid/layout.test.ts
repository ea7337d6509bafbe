import fc from "fast-check";
import { expect, test } from "vitest";
import { CARD_SIDES, GAP, gridLayout, placeAfter, scrollTo, visibleRows } from "./layout";

const CIFAR = { width: 32, height: 32 };

test("few pairs have large images and need no scrolling; many have small ones", () => {
  const few = gridLayout(5, 580, 480, CIFAR);
  const many = gridLayout(8000, 580, 480, CIFAR);
  expect(few.rows * few.rowHeight).toBeLessThanOrEqual(480 + GAP);
  expect(few.imageWidth).toBeGreaterThan(2 * many.imageWidth);
  expect(many.columns).toBe(5);
});

test("cards fit beside each other, whatever the images' shape", () => {
  const side = fc.integer({ min: 28, max: 299 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9999 }),
      fc.integer({ min: 200, max: 1200 }),
      side,
      side,
      (n, width, w, h) => {
        const layout = gridLayout(n, width, 500, { width: w, height: h });
        expect(layout.columns * layout.columnWidth - GAP).toBeLessThanOrEqual(width);
        expect(2 * layout.imageWidth + CARD_SIDES).toBeLessThanOrEqual(layout.columnWidth - GAP);
        expect(layout.rows).toBe(Math.ceil(n / layout.columns));
        expect(layout.imageHeight / layout.imageWidth).toBeCloseTo(h / w, 0);
      },
    ),
  );
});

test("only visible rows and a few around them are drawn", () => {
  const layout = { ...gridLayout(1000, 580, 480, CIFAR), rowHeight: 100, rows: 250 };
  expect(visibleRows(layout, 0, 400, 2)).toEqual([0, 6]);
  expect(visibleRows(layout, 1050, 400, 2)).toEqual([8, 17]);
  expect(visibleRows(layout, 24_600, 400, 2)).toEqual([244, 250]);
});

test("scrolling moves as little as possible", () => {
  const layout = { ...gridLayout(1000, 580, 480, CIFAR), rowHeight: 100, rows: 250 };
  expect(scrollTo(layout, 3, 200, 400)).toBe(200);
  expect(scrollTo(layout, 1, 200, 400)).toBe(100);
  expect(scrollTo(layout, 9, 200, 400)).toBe(1000 - GAP - 400);
});

test("keys move by one, by a row or by a page, and stop at the ends", () => {
  const after = (key: string, place: number): number | undefined => placeAfter(key, place, 23, 5, 3);
  expect(after("ArrowRight", 4)).toBe(5);
  expect(after("ArrowLeft", 0)).toBe(0);
  expect(after("ArrowDown", 4)).toBe(9);
  expect(after("ArrowDown", 19)).toBe(19);
  expect(after("ArrowUp", 3)).toBe(3);
  expect(after("PageDown", 20)).toBe(22);
  expect(after("PageUp", 20)).toBe(5);
  expect(after("Home", 7)).toBe(0);
  expect(after("End", 7)).toBe(22);
  expect(after("ArrowRight", -1)).toBe(0);
  expect(after("x", 7)).toBeUndefined();
});
