import { expect, test } from "vitest";
import { pairCount } from "./format";

test("numbers of pairs", () => {
  expect([1, 2, 8457].map(pairCount)).toEqual(["1 pair", "2 pairs", "8,457 pairs"]);
});
