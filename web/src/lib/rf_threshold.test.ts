import fc from "fast-check";
import { expect, test } from "vitest";
import { levelAt, ordinal, percentileOf } from "./rf_threshold";

const PERCENTILES = [0, 0, 0, 1, 5];

test("levels are interpolated between percentiles", () => {
  expect(levelAt(PERCENTILES, 0)).toBe(0);
  expect(levelAt(PERCENTILES, 62.5)).toBe(0.5);
  expect(levelAt(PERCENTILES, 100)).toBe(5);
});

test("equal levels have their largest percentile", () => {
  expect(percentileOf(PERCENTILES, 0)).toBe(50);
  expect(percentileOf(PERCENTILES, 3)).toBe(87.5);
  expect([percentileOf(PERCENTILES, -1), percentileOf(PERCENTILES, 9)]).toEqual([0, 100]);
});

test("a level survives the round trip through its percentile", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 5, noNaN: true }), (level) => {
      expect(levelAt(PERCENTILES, percentileOf(PERCENTILES, level))).toBeCloseTo(level, 9);
    }),
  );
});

test("ordinals", () => {
  expect([80, 81, 82, 83, 11, 12, 99.5, 91.04].map(ordinal)).toEqual([
    "80th",
    "81st",
    "82nd",
    "83rd",
    "11th",
    "12th",
    "99.5th",
    "91st",
  ]);
});
