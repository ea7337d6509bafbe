import fc from "fast-check";
import { expect, test } from "vitest";
import { formatRanges, parseRanges } from "./ranges";

test("runs of numbers are written with a dash", () => {
  expect(formatRanges([9, 0, 1, 2, 5, 6])).toBe("0-2,5-6,9");
  expect(formatRanges([])).toBe("");
});

test("invalid and too large numbers are ignored", () => {
  expect(parseRanges("3,x,7-9,-1,2-", 9)).toEqual([3, 7, 8]);
  expect(parseRanges("5-999999999", 7)).toEqual([5, 6]);
});

test("any set survives the round trip", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(3000)), (numbers) => {
      const sorted = [...numbers].sort((a, b) => a - b);
      expect(parseRanges(formatRanges(numbers), 3001)).toEqual(sorted);
    }),
  );
});
