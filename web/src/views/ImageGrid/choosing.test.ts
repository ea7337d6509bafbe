import { expect, test } from "vitest";
import { extended, toggled } from "./choosing";

test("a click adds a pair to the focused one, and a second click removes it", () => {
  expect(toggled([], 7, 4)).toEqual([4, 7]);
  expect(toggled([], 7, undefined)).toEqual([7]);
  expect(toggled([], 4, 4)).toEqual([4]);
  expect(toggled([4, 7], 9, 4)).toEqual([4, 7, 9]);
  expect(toggled([4, 7], 7, 4)).toEqual([4]);
});

test("a range has both its ends", () => {
  const list = Uint32Array.from([9, 3, 5, 8]);
  expect(extended([1, 5], list, 1, 3)).toEqual([1, 5, 3, 8]);
  expect(extended([], list, 2, 1)).toEqual([3, 5]);
  expect(extended([], list, -1, 1)).toEqual([9, 3]);
});
