import { expect, test } from "vitest";
import { FAINT, HIDDEN } from "../../lib/dots";
import { pointColors } from "./point_colors";

const colorOf = (label: number): number => 100 + label;

test("without a selection all points have their classes' colors, but for hidden ones", () => {
  expect([...pointColors([1, 2, 1], colorOf, [], null)]).toEqual([101, 102, 101]);
  expect([...pointColors([1, 2, 1], colorOf, [2], null)]).toEqual([101, HIDDEN, 101]);
});

test("what is not selected turns faint; hidden points stay hidden, selected or not", () => {
  const selected = Uint32Array.of(1, 2);
  expect([...pointColors([1, 2, 3, 3], colorOf, [3], selected)]).toEqual([FAINT, 102, HIDDEN, HIDDEN]);
});
