import fc from "fast-check";
import { expect, test } from "vitest";
import { commonClasses, condensed, MOST_CLASSES, total, type ClassGroup } from "./matrix";

test("few classes are all common, and of many the most frequent are", () => {
  expect(commonClasses([5, 3, 3], [3, 9, 5])).toEqual([3, 5, 9]);
  const many = Array.from({ length: 30 }, (_, label) => label);
  // Twice what is even: then the 15 even ones are common, and the first odd ones.
  const labels = commonClasses(many, [...many.filter((label) => label % 2 === 0), 29]);
  expect(labels).toHaveLength(MOST_CLASSES);
  expect(labels).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 29]);
});

test("condensed counts are those of the pairs", () => {
  const label = fc.nat(5);
  fc.assert(
    fc.property(fc.array(fc.tuple(label, label)), (pairs) => {
      const used = [0, 1, 2, 3, 4, 5];
      const counts = new Int32Array(36);
      for (const [row, column] of pairs) counts[row * 6 + column] = (counts[row * 6 + column] as number) + 1;
      const groups: ClassGroup[] = [1, 4, "other"];
      const groupOf = (one: number): number => (one === 1 ? 0 : one === 4 ? 1 : 2);
      const sums = condensed(counts, used, groups);
      for (const row of [0, 1, 2]) {
        for (const column of [0, 1, 2]) {
          const found = pairs.filter(([a, b]) => groupOf(a) === row && groupOf(b) === column);
          expect(sums[row * 3 + column]).toBe(found.length);
          expect(total(sums, 3, row, column)).toBe(found.length);
        }
        expect(total(sums, 3, row, null)).toBe(pairs.filter(([a]) => groupOf(a) === row).length);
        expect(total(sums, 3, null, row)).toBe(pairs.filter(([, b]) => groupOf(b) === row).length);
      }
      expect(total(sums, 3, null, null)).toBe(pairs.length);
    }),
  );
});
