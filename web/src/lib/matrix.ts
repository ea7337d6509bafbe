/** A class of the prediction matrix by its index, or all classes that are too rare for their own row and column. */
export type ClassGroup = number | "other";

/** The largest number of classes with their own row and column. */
export const MOST_CLASSES = 20;

/**
 * Classes with their own row and column, ascending: all, or the `MOST_CLASSES` that occur most often as benign or
 * adversarial label.
 */
export function commonClasses(benign: Iterable<number>, adversarial: Iterable<number>): number[] {
  const counts = new Map<number, number>();
  for (const labels of [benign, adversarial]) {
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const ranked = [...counts].sort(([a, many], [b, more]) => more - many || a - b).map(([label]) => label);
  return ranked.slice(0, MOST_CLASSES).sort((a, b) => a - b);
}

/**
 * Counts between groups, from counts between all used classes; rows are benign labels in both.
 *
 * The result has `groups.length` rows and columns; the last one may be "other".
 */
export function condensed(
  counts: ArrayLike<number>,
  used: readonly number[],
  groups: readonly ClassGroup[],
): Int32Array {
  const size = groups.length;
  const places = used.map((label) => {
    const place = groups.indexOf(label);
    return place < 0 ? groups.indexOf("other") : place;
  });
  const sums = new Int32Array(size * size);
  places.forEach((row, from) => {
    places.forEach((column, to) => {
      const at = row * size + column;
      sums[at] = (sums[at] as number) + (counts[from * used.length + to] as number);
    });
  });
  return sums;
}

/** Sum of a cell, of a row or column where the other one is null, or of all cells. */
export function total(
  counts: ArrayLike<number>,
  size: number,
  row: number | null,
  column: number | null,
): number {
  let sum = 0;
  for (let at = 0; at < size * size; at += 1) {
    const inside =
      (row ?? Math.floor(at / size)) === Math.floor(at / size) && (column ?? at % size) === at % size;
    if (inside) sum += counts[at] as number;
  }
  return sum;
}
