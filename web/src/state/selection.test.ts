import { expect, test } from "vitest";
import { Table } from "../lib/table";
import {
  ALL,
  contains,
  describeCell,
  describeSelection,
  inClasses,
  membership,
  pairsThat,
  parseSelection,
  selectionText,
  withCell,
  type Cell,
  type PairSelection,
} from "./selection";
import { SUMMARY } from "./test_summary";

const pairs = new Table(
  ["benign_label", "adversarial_label", "benign_x", "benign_y", "adversarial_x", "adversarial_y"],
  Float32Array.from([
    3, 3, 5, 3, /**/ 5, 1, 3, 5, /**/ 0, 1, 2, 3, /**/ 0, 0, 0, 0, /**/ 9, 9, 9, 0, /**/ 9, 9, 9, 0,
  ]),
  4,
);
const catDog: Cell = { benign: 3, adversarial: 5 };
const cat: Cell = { benign: 3, adversarial: null };
const toCat: Cell = { benign: null, adversarial: 3 };

function selectedPairs(selection: PairSelection, table: Table): Uint32Array {
  return pairsThat(membership(selection, table), table);
}

test("a cell, a row and a column select their pairs", () => {
  expect([...selectedPairs({ kind: "cells", cells: [catDog] }, pairs)]).toEqual([0, 3]);
  expect([...selectedPairs({ kind: "cells", cells: [cat] }, pairs)]).toEqual([0, 1, 3]);
  expect([...selectedPairs({ kind: "cells", cells: [catDog, toCat] }, pairs)]).toEqual([0, 2, 3]);
  expect([...selectedPairs(ALL, pairs)]).toEqual([0, 1, 2, 3]);
});

test("a lasso selects by the points of its own side", () => {
  const polygon = [
    { x: -1, y: -1 },
    { x: 1.5, y: -1 },
    { x: 1.5, y: 1 },
    { x: -1, y: 1 },
  ];
  expect([...selectedPairs({ kind: "lasso", side: "benign", polygon }, pairs)]).toEqual([0, 1]);
  expect([...selectedPairs({ kind: "lasso", side: "adversarial", polygon }, pairs)]).toEqual([3]);
});

test("clicks replace, shift-clicks add, and a second click removes", () => {
  const one = withCell(ALL, catDog, false);
  expect(one).toEqual({ kind: "cells", cells: [catDog] });
  expect(withCell(one, cat, false)).toEqual({ kind: "cells", cells: [cat] });
  expect(withCell(one, cat, true)).toEqual({ kind: "cells", cells: [catDog, cat] });
  expect(withCell(one, catDog, false)).toBe(ALL);
  expect(withCell(one, catDog, true)).toBe(ALL);
});

test("the even-odd rule leaves the notch of a concave polygon out", () => {
  const notched = [
    { x: 0, y: 0 },
    { x: 4, y: 0 },
    { x: 4, y: 4 },
    { x: 2, y: 1 },
    { x: 0, y: 4 },
  ];
  expect(contains(notched, { x: 1, y: 1 })).toBe(true);
  expect(contains(notched, { x: 2, y: 3 })).toBe(false);
  expect(contains([], { x: 0, y: 0 })).toBe(false);
});

test("both labels of a pair are among the chosen classes, in their own lists", () => {
  expect([...pairsThat(inClasses({ rows: [3], columns: [5, 3] }, pairs), pairs)]).toEqual([0, 3]);
  expect([...pairsThat(inClasses(null, pairs), pairs)]).toEqual([0, 1, 2, 3]);
});

test("the other classes are those without a row of their own", () => {
  // Labels 0 to 24, of which the first 14 occur twice.
  const labels = [
    ...Array.from({ length: 25 }, (_, label) => label),
    ...Array.from({ length: 14 }, (_, label) => label),
  ];
  const zeros = labels.map(() => 0);
  const many = new Table(
    ["benign_label", "adversarial_label"],
    Float32Array.from([...labels, ...zeros]),
    labels.length,
  );
  const rare: Cell = { benign: "other", adversarial: 0 };
  expect([...selectedPairs({ kind: "cells", cells: [rare] }, many)]).toEqual(
    Array.from({ length: 11 }, (_, index) => 14 + index),
  );
  expect([
    ...selectedPairs({ kind: "cells", cells: [{ benign: null, adversarial: "other" }] }, many),
  ]).toEqual([]);
});

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

test("a list selects its pairs, and is kept in the address", () => {
  const list = { kind: "list", pairs: [0, 2, 3] } as const;
  expect([...selectedPairs(list, pairs)]).toEqual([0, 2, 3]);
  expect(selectionText(list)).toBe("list_0,2-3");
  expect(parseSelection("list_0,2-3", SUMMARY)).toEqual(list);
  expect(parseSelection("list_9999", SUMMARY)).toBeUndefined();
});

test("the nearest pairs keep their order in the address, and are pairs of the record", () => {
  const nearest = { kind: "nearest", by: "change", pairs: [7, 3, 12] } as const;
  expect(parseSelection("nearest_change_7,3,12,3,99,x", SUMMARY)).toEqual(nearest);
  expect(selectionText(nearest)).toBe("nearest_change_7,3,12");
  expect(parseSelection("nearest_color_7,3", SUMMARY)).toBeUndefined();
  expect(parseSelection("nearest_change_x", SUMMARY)).toBeUndefined();
  expect(describeSelection(nearest, name, SUMMARY.likenesses)).toBe("nearest to 7 by change");
});
