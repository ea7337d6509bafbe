import fc from "fast-check";
import { expect, test } from "vitest";
import { fitFrame, thinned, toData, toScreen, zoomed } from "./frame";

const number = fc.double({ min: -100, max: 100, noNaN: true });

test("all points fit, upright and in the middle", () => {
  const frame = fitFrame([0, 10], [0, 5], 120, 120, 10);
  expect(toScreen(frame, { x: 0, y: 0 })).toEqual({ x: 10, y: 85 });
  expect(toScreen(frame, { x: 10, y: 5 })).toEqual({ x: 110, y: 35 });
});

test("a single point is in the middle", () => {
  expect(toScreen(fitFrame([3], [4], 100, 50, 10), { x: 3, y: 4 })).toEqual({ x: 50, y: 25 });
});

test("positions survive the round trip to the screen, zoomed or not", () => {
  fc.assert(
    fc.property(
      number,
      number,
      fc.double({ min: 1, max: 64, noNaN: true }),
      number,
      number,
      (x, y, k, dx, dy) => {
        const frame = zoomed(fitFrame([-100, 100], [-100, 100], 200, 300, 12), { k, x: dx, y: dy });
        const back = toData(frame, toScreen(frame, { x, y }));
        expect(back.x).toBeCloseTo(x, 6);
        expect(back.y).toBeCloseTo(y, 6);
      },
    ),
  );
});

test("a zoom matches d3-zoom", () => {
  const frame = fitFrame([0, 1], [0, 1], 100, 100, 0);
  const before = toScreen(frame, { x: 0.25, y: 0.75 });
  const after = toScreen(zoomed(frame, { k: 2, x: 5, y: -7 }), { x: 0.25, y: 0.75 });
  expect(after).toEqual({ x: 2 * before.x + 5, y: 2 * before.y - 7 });
});

test("an outline keeps few corners", () => {
  const line = Array.from({ length: 100 }, (_, x) => ({ x, y: 0 }));
  expect(thinned(line, 10, 1000).map(({ x }) => x)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
  expect(thinned(line, 1, 30).length).toBeLessThanOrEqual(30);
  expect(thinned([], 1, 30)).toEqual([]);
});
