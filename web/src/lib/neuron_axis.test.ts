import fc from "fast-check";
import { expect, test } from "vitest";
import {
  anchorAt,
  asState,
  isTop,
  moved,
  paged,
  placeAt,
  placesBetween,
  placesOf,
  positionOf,
  regionsOf,
  topOf,
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

test("zooming at the ends keeps them, also beside the axis, and elsewhere the place under the pointer", () => {
  expect(anchorAt([0, COUNT], 0.03, COUNT)).toBe(0);
  expect(anchorAt([0, COUNT], -0.1, COUNT)).toBe(0);
  expect(anchorAt([0, COUNT], 0.97, COUNT)).toBe(COUNT);
  expect(anchorAt([100, 200], 0.03, COUNT)).toBeCloseTo(103);
  expect(anchorAt([0, COUNT], 0.5, COUNT)).toBe(COUNT / 2);
});

test("the first neurons of a ranking, and the next ones", () => {
  expect(topOf(COUNT)).toEqual([0, 25]);
  expect(topOf(10)).toEqual([0, 10]);
  expect(isTop([30, 55], COUNT)).toBe(true);
  expect(isTop([0, COUNT], COUNT)).toBe(false);
  expect(isTop([0, 10], 10)).toBe(false);
  expect(paged([0.2, 25.2], 1, COUNT)).toEqual([25, 50]);
  expect(paged([10, 35], -1, COUNT)).toEqual([0, 25]);
  expect(paged([480, 505], 1, COUNT)).toEqual([487, 512]);
});

test("the vertical axis includes 0, and depends on shown neurons only", () => {
  const curves = [
    [1, 5, 100],
    [Number.NaN, 2, 3],
  ];
  const { low, high, beyond } = valueRange(curves, [], [0, 1, 2], [0, 2]);
  expect(low).toBe(0);
  expect(high).toBeCloseTo(5.25);
  expect(beyond).toBeUndefined();
  expect(valueRange([[0, 0]], [], [0, 1], [0, 2])).toMatchObject({ low: -1, high: 1 });
});

test("wide bands extend the vertical axis only a little, and the widest one is named", () => {
  const [curve, band] = [
    [0, 1],
    [1.2, 30],
  ];
  expect(valueRange([curve], [band], [0, 1], [0, 2])).toEqual({
    low: 0,
    high: 1.575,
    beyond: { neuron: 1, value: 30 },
  });
  expect(valueRange([curve], [[1.2, 1.3]], [0, 1], [0, 2]).beyond).toBeUndefined();
  // Curves of zeros have no range of their own.
  expect(valueRange([[0, 0]], [band], [0, 1], [0, 2])).toMatchObject({ high: 31.5, beyond: undefined });
});
