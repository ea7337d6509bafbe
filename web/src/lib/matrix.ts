import { ascending } from "./ranges";
import type { Table } from "./table";

/** A class of the prediction matrix by its index, or all classes that are too rare for their own row or column. */
export type ClassGroup = number | "other";

/** Classes with their own row or column. */
export interface ClassSubset {
  /** Benign labels. */
  readonly rows: readonly number[];
  /** Adversarial labels. */
  readonly columns: readonly number[];
}

/** Rows and columns of the prediction matrix. */
export interface MatrixGroups {
  readonly rows: readonly ClassGroup[];
  readonly columns: readonly ClassGroup[];
}

/** The largest number of classes that all have their own row and column. */
const MOST_CLASSES = 16;
/** With more classes, this many have their own row, and as many their own column. */
export const COMMON_CLASSES = 14;

/** Rows and columns for all pairs: all classes, or the most common benign and adversarial labels and "other". */
export function matrixGroups(benign: Iterable<number>, adversarial: Iterable<number>): MatrixGroups {
  const [rows, columns] = [ranked(countsOf(benign)), ranked(countsOf(adversarial))];
  const used = ascending([...rows, ...columns]);
  if (used.length <= MOST_CLASSES) return { rows: used, columns: used };
  const common = (labels: readonly number[]): ClassGroup[] =>
    labels.length > COMMON_CLASSES
      ? [...ascending(labels.slice(0, COMMON_CLASSES)), "other"]
      : ascending(labels);
  return { rows: common(rows), columns: common(columns) };
}

/**
 * The classes that are attacked most often, and those that the network most often takes their images for (paper, Section
 * 6.2.2).
 */
export function mostAttacked(
  benign: ArrayLike<number>,
  adversarial: ArrayLike<number>,
  most: number,
): ClassSubset {
  const rows = ranked(countsOf(Array.from(benign))).slice(0, most);
  const attacked = new Set(rows);
  const become = Array.from(adversarial).filter((_, pair) => attacked.has(benign[pair] as number));
  return { rows: ascending(rows), columns: ascending(ranked(countsOf(become)).slice(0, most)) };
}

export function countsOf(labels: Iterable<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

/** The most frequent first. */
function ranked(counts: ReadonlyMap<number, number>): number[] {
  return [...counts].sort(([a, many], [b, more]) => more - many || a - b).map(([label]) => label);
}

/**
 * Counts between groups in row-major order, from counts between all used classes; rows are benign labels in both. Classes
 * that belong to no group are left out.
 */
export function condensed(
  counts: ArrayLike<number>,
  used: readonly number[],
  { rows, columns }: MatrixGroups,
): Int32Array {
  const places = (groups: readonly ClassGroup[]): number[] =>
    used.map((label) => {
      const place = groups.indexOf(label);
      return place < 0 ? groups.indexOf("other") : place;
    });
  const [rowOf, columnOf] = [places(rows), places(columns)];
  const sums = new Int32Array(rows.length * columns.length);
  rowOf.forEach((row, from) => {
    columnOf.forEach((column, to) => {
      if (row < 0 || column < 0) return;
      const at = row * columns.length + column;
      sums[at] = (sums[at] as number) + (counts[from * used.length + to] as number);
    });
  });
  return sums;
}

/** Counts of some pairs between all used classes in row-major order; rows are benign labels. */
export function countedBetween(members: Iterable<number>, pairs: Table, used: readonly number[]): Int32Array {
  const [benign, adversarial] = [pairs.column("benign_label"), pairs.column("adversarial_label")];
  const places = new Map(used.map((label, place) => [label, place]));
  const placeOf = (labels: ArrayLike<number>, pair: number): number =>
    places.get(labels[pair] as number) as number;
  const counts = new Int32Array(used.length ** 2);
  for (const pair of members) {
    const at = placeOf(benign, pair) * used.length + placeOf(adversarial, pair);
    counts[at] = (counts[at] as number) + 1;
  }
  return counts;
}

/** Sum of a cell, of a row or column where the other one is null, or of all cells. */
export function total(
  counts: ArrayLike<number>,
  columns: number,
  row: number | null,
  column: number | null,
): number {
  let sum = 0;
  for (let at = 0; at < counts.length; at += 1) {
    const inside =
      (row ?? Math.floor(at / columns)) === Math.floor(at / columns) &&
      (column ?? at % columns) === at % columns;
    if (inside) sum += counts[at] as number;
  }
  return sum;
}
