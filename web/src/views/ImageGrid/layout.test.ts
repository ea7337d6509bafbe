import fc from "fast-check";
import { expect, test } from "vitest";
import { GAP, gridLayout, imageSides, placeAfter, ROW_GAP, scrollTo, visibleRows } from "./layout";

const CIFAR = { width: 32, height: 32 };
const LINE = 14;
const PANEL = { width: 412, height: 430 };

test("many pairs are in three columns of whole multiples, and few ones are larger", () => {
  const many = gridLayout(8000, PANEL, CIFAR, null, LINE);
  expect([many.columns, many.imageWidth]).toEqual([3, 64]);
  const few = gridLayout(5, PANEL, CIFAR, null, LINE);
  expect(few.imageWidth).toBe(96);
  expect(few.rows * few.rowHeight - ROW_GAP).toBeLessThanOrEqual(PANEL.height);
  expect(gridLayout(8000, { width: 768, height: 600 }, CIFAR, null, LINE).imageWidth).toBe(96);
});

test("a chosen size is kept", () => {
  expect(imageSides(CIFAR).slice(0, 3)).toEqual([64, 96, 128]);
  expect(gridLayout(8000, PANEL, CIFAR, 128, LINE)).toMatchObject({ columns: 1, imageWidth: 128 });
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
        const layout = gridLayout(n, { width, height: 500 }, { width: w, height: h }, null, LINE);
        expect((layout.columns - 1) * layout.columnWidth + layout.cardWidth).toBeLessThanOrEqual(width);
        expect(layout.columns === 1 || layout.columnWidth >= layout.cardWidth + GAP).toBe(true);
        expect(layout.rows).toBe(Math.ceil(n / layout.columns));
        expect(layout.imageHeight / layout.imageWidth).toBeCloseTo(h / w, 0);
      },
    ),
  );
});

test("only visible rows and a few around them are drawn", () => {
  const layout = { ...gridLayout(1000, PANEL, CIFAR, null, LINE), rowHeight: 100, rows: 250 };
  expect(visibleRows(layout, 0, 400, 2)).toEqual([0, 6]);
  expect(visibleRows(layout, 1050, 400, 2)).toEqual([8, 17]);
  expect(visibleRows(layout, 24_600, 400, 2)).toEqual([244, 250]);
});

test("scrolling moves as little as possible", () => {
  const layout = { ...gridLayout(1000, PANEL, CIFAR, null, LINE), rowHeight: 100, rows: 250 };
  expect(scrollTo(layout, 3, 200, 400)).toBe(200);
  expect(scrollTo(layout, 1, 200, 400)).toBe(100);
  expect(scrollTo(layout, 9, 200, 400)).toBe(1000 - ROW_GAP - 400);
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
