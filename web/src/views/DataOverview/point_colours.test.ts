import { expect, test } from "vitest";
import { FAINT, HIDDEN } from "../../lib/dots";
import { pointColours } from "./point_colours";

const colourOf = (label: number): number => 100 + label;

test("without a selection all points have their classes' colours, but for hidden ones", () => {
  expect([...pointColours([1, 2, 1], colourOf, [], null)]).toEqual([101, 102, 101]);
  expect([...pointColours([1, 2, 1], colourOf, [2], null)]).toEqual([101, HIDDEN, 101]);
});

test("what is not selected turns faint; hidden points stay hidden, selected or not", () => {
  const selected = Uint32Array.of(1, 2);
  expect([...pointColours([1, 2, 3, 3], colourOf, [3], selected)]).toEqual([FAINT, 102, HIDDEN, HIDDEN]);
});
