import fc from "fast-check";
import { expect, test } from "vitest";
import {
  COMMON_CLASSES,
  condensed,
  countedBetween,
  matrixGroups,
  mostAttacked,
  total,
  type MatrixGroups,
} from "./matrix";
import { Table } from "./table";

test("few classes all have a row and a column, and of many the most frequent on each side", () => {
  expect(matrixGroups([5, 3, 3], [3, 9, 5])).toEqual({ rows: [3, 5, 9], columns: [3, 5, 9] });
  const many = Array.from({ length: 30 }, (_, label) => label);
  // Even labels are attacked twice, and all images become one of three classes.
  const attacked = [...many, ...many.filter((label) => label % 2 === 0)];
  const { rows, columns } = matrixGroups(
    attacked,
    attacked.map((label) => label % 3),
  );
  expect(rows).toEqual([...many.filter((label) => label % 2 === 0).slice(0, COMMON_CLASSES), "other"]);
  expect(columns).toEqual([0, 1, 2]);
});

test("the most attacked classes, and those that their images become", () => {
  // Class 9 is the most frequent adversarial label, but not of the attacked classes 4 and 7.
  const pairs = [[4, 1], [4, 2], [4, 2], [7, 2], [7, 3], [7, 3], [5, 9], [6, 9], [8, 9], [3, 9]]; // prettier-ignore
  const side = (at: number): number[] => pairs.map((pair) => pair[at] as number);
  expect(mostAttacked(side(0), side(1), 2)).toEqual({ rows: [4, 7], columns: [2, 3] });
});

test("pairs are counted between the used classes", () => {
  const pairs = new Table(["benign_label", "adversarial_label"], Float32Array.from([5, 5, 9, 9, 5, 7]), 3);
  expect([...countedBetween([0, 1, 2], pairs, [5, 7, 9])]).toEqual([1, 0, 1, 0, 0, 0, 0, 1, 0]);
  expect([...countedBetween([0], pairs, [5, 7, 9])]).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0]);
});

test("condensed counts are those of the pairs", () => {
  const label = fc.nat(5);
  fc.assert(
    fc.property(fc.array(fc.tuple(label, label)), (pairs) => {
      const used = [0, 1, 2, 3, 4, 5];
      const counts = new Int32Array(36);
      for (const [row, column] of pairs) counts[row * 6 + column] = (counts[row * 6 + column] as number) + 1;
      // Rows have an "other", columns leave out the classes 0, 3, 4 and 5.
      const groups: MatrixGroups = { rows: [1, 4, "other"], columns: [2, 1] };
      const rowOf = (one: number): number => (one === 1 ? 0 : one === 4 ? 1 : 2);
      const inside = pairs.filter(([, column]) => column === 1 || column === 2);
      const sums = condensed(counts, used, groups);
      for (const row of [0, 1, 2]) {
        for (const column of [0, 1]) {
          const found = inside.filter(([a, b]) => rowOf(a) === row && b === 2 - column);
          expect(sums[row * 2 + column]).toBe(found.length);
          expect(total(sums, 2, row, column)).toBe(found.length);
        }
        expect(total(sums, 2, row, null)).toBe(inside.filter(([a]) => rowOf(a) === row).length);
      }
      expect(total(sums, 2, null, 1)).toBe(inside.filter(([, b]) => b === 1).length);
      expect(total(sums, 2, null, null)).toBe(inside.length);
    }),
  );
});
