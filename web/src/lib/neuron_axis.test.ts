import fc from "fast-check";
import { expect, test } from "vitest";
import {
  asState,
  moved,
  placeAt,
  placesBetween,
  placesOf,
  positionOf,
  regionsOf,
  valueRange,
  withPlace,
  zoomAround,
  type Zoom,
} from "./neuron_axis";

const COUNT = 512;
const zooms = fc
  .tuple(fc.double({ min: 0, max: COUNT - 8, noNaN: true }), fc.double({ min: 8, max: COUNT, noNaN: true }))
  .map(([low, span]): Zoom => [low, Math.min(COUNT, low + span)])
  .filter(([low, high]) => high - low >= 8);

test("zooming stays within the axis and keeps the place under the pointer, except at the ends", () => {
  fc.assert(
    fc.property(
      zooms,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0.2, max: 5, noNaN: true }),
      (zoom, position, factor) => {
        const place = zoom[0] + position * (zoom[1] - zoom[0]);
        const [low, high] = zoomAround(zoom, place, factor, COUNT);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(COUNT + 1e-9);
        expect(high - low).toBeGreaterThanOrEqual(8 - 1e-9);
        if (low > 1e-9 && high < COUNT - 1e-9) expect((place - low) / (high - low)).toBeCloseTo(position, 6);
      },
    ),
  );
});

test("panning keeps the width", () => {
  expect(moved([10, 20], 5, COUNT)).toEqual([15, 25]);
  expect(moved([10, 20], -50, COUNT)).toEqual([0, 10]);
  expect(moved([10, 20], 1000, COUNT)).toEqual([502, 512]);
});

test("a place is made visible by the smallest step", () => {
  expect(withPlace([10, 20], 15, COUNT)).toEqual([10, 20]);
  expect(withPlace([10, 20], 20, COUNT)).toEqual([11, 21]);
  expect(withPlace([10, 20], 0, COUNT)).toEqual([0, 10]);
});

test("places and positions are each other's inverse", () => {
  for (const place of [10, 14, 19]) expect(placeAt([10, 20], positionOf([10, 20], place), COUNT)).toBe(place);
  expect([...placesOf(Uint32Array.of(2, 0, 1))]).toEqual([1, 2, 0]);
});

test("a range takes the places whose middles are in it", () => {
  expect(placesBetween([10, 20], [0.04, 0.26], COUNT)).toEqual([10, 12]);
  expect(placesBetween([10, 20], [0.06, 0.24], COUNT)).toEqual([11, 11]);
  expect(placesBetween([10, 20], [0.06, 0.1], COUNT)).toEqual([10, 10]);
  expect(placesBetween([0, COUNT], [-0.1, 1.1], COUNT)).toEqual([0, COUNT - 1]);
});

test("the whole axis is stored as null", () => {
  expect(asState([0, 512], 512)).toBeNull();
  expect(asState([0, 511.5], 512)).toEqual([0, 511.5]);
});

test("regions count gaps by sign, without unknown ones", () => {
  expect(regionsOf([-1, -2, 0, 3, Number.NaN])).toEqual({ inhibited: 2, unchanged: 1, excited: 1 });
});

test("the value range includes 0, and depends on shown neurons only", () => {
  const [least, most] = valueRange(
    [
      [1, 5, 100],
      [Number.NaN, 2, 3],
    ],
    [0, 1, 2],
    [0, 2],
  );
  expect(least).toBe(0);
  expect(most).toBeCloseTo(5.25);
  expect(valueRange([[0, 0]], [0, 1], [0, 2])).toEqual([-1, 1]);
});
