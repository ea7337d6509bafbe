import { expect, test } from "vitest";
import { describeCell, describeSelection, pairCount } from "./describe";
import { ALL } from "./selection";

const name = (label: number): string => ["cat", "dog"][label] ?? "?";

test("selections in words", () => {
  const cell = { benign: 0, adversarial: 1 };
  expect(describeSelection(ALL, name)).toBe("all pairs");
  expect(describeSelection({ kind: "cells", cells: [cell] }, name)).toBe("cat → dog");
  expect(describeSelection({ kind: "cells", cells: [cell, { benign: 1, adversarial: 0 }] }, name)).toBe(
    "2 cells",
  );
  expect(describeSelection({ kind: "lasso", side: "adversarial", polygon: [] }, name)).toBe(
    "lasso in the adversarial plot",
  );
});

test("rows, columns and other classes in words", () => {
  expect(describeCell({ benign: 0, adversarial: null }, name)).toBe("cat → any class");
  expect(describeCell({ benign: "other", adversarial: 1 }, name)).toBe("other classes → dog");
});

test("numbers of pairs", () => {
  expect([1, 2, 8457].map(pairCount)).toEqual(["1 pair", "2 pairs", "8,457 pairs"]);
});
