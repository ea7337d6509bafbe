import { expect, test } from "vitest";
import { selectedPairs, shownPairs } from "./figures";
import type { Cell } from "./selection";

const screen = (cell: Cell, { isFiltered = false, selected = [1, 2, 3, 7] } = {}) => ({
  view: { pairs: { kind: "cells", cells: [cell] } as const },
  pairs: { value: { length: 9 } },
  pairSets: {
    classes: isFiltered ? { rows: [0], columns: [1, 2] } : null,
    isFiltered,
    shown: Uint32Array.from([1, 2, 5]),
    selected: Uint32Array.from(selected),
  },
  className: (label: number) => ["cat", "dog", "a:b"][label] ?? "",
});

test("selected pairs have the name of their cell, unless it has more pairs", () => {
  const cell = { benign: 0, adversarial: 2 };
  expect(selectedPairs(screen(cell))).toBe("cat:a:b");
  expect(selectedPairs(screen({ benign: null, adversarial: 1 }))).toBe(":dog");
  expect(selectedPairs(screen({ benign: "other", adversarial: 1 }))).toBe("1-3,7");
  expect(selectedPairs(screen(cell, { isFiltered: true }))).toBe("1-3,7");
  expect(selectedPairs(screen(cell, { selected: [...Array(9).keys()] }))).toBe("all");
});

test("the pairs on the screen are those of the filters and classes", () => {
  const cell = { benign: 0, adversarial: 1 };
  expect(shownPairs(screen(cell))).toEqual({ pairs: "all", true_labels: null, adversarial_labels: null });
  expect(shownPairs(screen(cell, { isFiltered: true }))).toEqual({
    pairs: "1-2,5",
    true_labels: ["cat"],
    adversarial_labels: ["dog", "a:b"],
  });
});
