import { extent } from "d3-array";
import type { RecordSummary, Side } from "../api/types";
import type { Position } from "../lib/frame";
import { matrixGroups, type ClassGroup, type ClassSubset } from "../lib/matrix";
import { formatRanges, parseRanges } from "../lib/ranges";
import type { Table } from "../lib/table";
import { wholeNumberBelow } from "./slice";

/** A cell of the prediction matrix, or a whole row or column if the other one is null. */
export interface Cell {
  readonly benign: ClassGroup | null;
  readonly adversarial: ClassGroup | null;
}

/**
 * Selected pairs: all, a list, a pair and those that are most like it, those of some cells, or those inside a lasso in one
 * of the plots.
 */
export type PairSelection =
  | { readonly kind: "all" }
  | { readonly kind: "list"; readonly pairs: readonly number[] }
  | NearestSelection
  | { readonly kind: "cells"; readonly cells: readonly Cell[] }
  | { readonly kind: "lasso"; readonly side: Side; readonly polygon: readonly Position[] };

/** A pair and those that are most like it. */
export interface NearestSelection {
  readonly kind: "nearest";
  /** What makes pairs alike, by the server's name for it. */
  readonly by: string;
  /** The pair itself, then the nearest first. */
  readonly pairs: readonly number[];
}

/** The order of nearest pairs, beside those that the server declares. */
export const NEAREST_FIRST = {
  name: "nearest",
  label: "nearest first",
  meaning: "By the cosine distance to the first pair, the smallest first.",
};

export const ALL: PairSelection = { kind: "all" };

function sameCell(a: Cell, b: Cell): boolean {
  return a.benign === b.benign && a.adversarial === b.adversarial;
}

/** The selection after a click on a cell, with the others if `add` is true. A second click removes the cell. */
export function withCell(selection: PairSelection, cell: Cell, add: boolean): PairSelection {
  const before = selection.kind === "cells" ? selection.cells : [];
  const others = before.filter((one) => !sameCell(one, cell));
  const wasChosen = others.length < before.length;
  if (!add) return wasChosen && before.length === 1 ? ALL : { kind: "cells", cells: [cell] };
  const cells = wasChosen ? others : [...before, cell];
  return cells.length ? { kind: "cells", cells } : ALL;
}

/** Pairs that pass a test, ascending. */
export function pairsThat(isIn: (pair: number) => boolean, pairs: Table): Uint32Array {
  return Uint32Array.from({ length: pairs.length }, (_, pair) => pair).filter(isIn);
}

/** A test of whether both labels of a pair are among some classes; null for all classes. */
export function inClasses(classes: ClassSubset | null, pairs: Table): (pair: number) => boolean {
  if (!classes) return () => true;
  const [benign, adversarial] = [pairs.column("benign_label"), pairs.column("adversarial_label")];
  const [rows, columns] = [new Set(classes.rows), new Set(classes.columns)];
  return (pair) => rows.has(benign[pair] as number) && columns.has(adversarial[pair] as number);
}

/** A test of whether a selection contains a pair. */
export function membership(selection: PairSelection, pairs: Table): (pair: number) => boolean {
  if (selection.kind === "all") return () => true;
  if (selection.kind === "list" || selection.kind === "nearest") {
    const listed = new Set(selection.pairs);
    return (pair) => listed.has(pair);
  }
  if (selection.kind === "cells") {
    const [benign, adversarial] = [pairs.column("benign_label"), pairs.column("adversarial_label")];
    const groups = matrixGroups(benign, adversarial);
    const isIn = (group: ClassGroup | null, label: number, own: readonly ClassGroup[]): boolean =>
      group === null || group === label || (group === "other" && !own.includes(label));
    return (pair) =>
      selection.cells.some(
        (cell) =>
          isIn(cell.benign, benign[pair] as number, groups.rows) &&
          isIn(cell.adversarial, adversarial[pair] as number, groups.columns),
      );
  }
  const [xs, ys] = [pairs.column(`${selection.side}_x`), pairs.column(`${selection.side}_y`)];
  const [left = 0, right = 0] = extent(selection.polygon, (corner) => corner.x);
  return (pair) => {
    const x = xs[pair] as number;
    // A cheap test excludes most points.
    return x >= left && x <= right && contains(selection.polygon, { x, y: ys[pair] as number });
  };
}

/** Whether a point is inside a polygon, by the even-odd rule. */
export function contains(polygon: readonly Position[], point: Position): boolean {
  let inside = false;
  let previous = polygon.at(-1);
  for (const corner of polygon) {
    if (previous && corner.y > point.y !== previous.y > point.y) {
      const crossing = corner.x + ((point.y - corner.y) / (previous.y - corner.y)) * (previous.x - corner.x);
      if (point.x < crossing) inside = !inside;
    }
    previous = corner;
  }
  return inside;
}

/** A selection in the address: "all", "list_0-5,9", "nearest_benign_7,3,12", cells such as "3-5_0-*", or the corners of a lasso. */
export function selectionText(selection: PairSelection): string {
  if (selection.kind === "all") return "all";
  if (selection.kind === "list") return `list_${formatRanges(selection.pairs)}`;
  if (selection.kind === "nearest") return `nearest_${selection.by}_${selection.pairs.join(",")}`;
  if (selection.kind === "cells") {
    return selection.cells.map((cell) => `${cell.benign ?? "*"}-${cell.adversarial ?? "*"}`).join("_");
  }
  const points = selection.polygon.map(({ x, y }) => `${x.toFixed(2)}.${y.toFixed(2)}`.replaceAll(".", "*"));
  return [selection.side, ...points].join("_");
}

/** Classes in the address, such as "0-3_4-9": rows, then columns of the matrix; empty for all classes. */
export function classesText(classes: ClassSubset | null): string {
  return classes ? `${formatRanges(classes.rows)}_${formatRanges(classes.columns)}` : "";
}

/** The classes in an address, without those that do not occur in the record; undefined if none is left. */
export function parseClasses(
  text: string,
  { classes, used_classes: used }: RecordSummary,
): ClassSubset | undefined {
  const [rows = [], columns = []] = text
    .split("_")
    .map((part) => parseRanges(part, classes.length).filter((label) => used.includes(label)));
  return rows.length && columns.length ? { rows, columns } : undefined;
}

/** The selection in an address; undefined if the text is invalid or has no class of the record. */
export function parseSelection(text: string, summary: RecordSummary): PairSelection | undefined {
  if (text === "all") return { kind: "all" };
  const [head, ...parts] = text.split("_");
  if (head === "list") {
    const pairs = parseRanges(parts.join(), summary.pairs);
    return pairs.length ? { kind: "list", pairs } : undefined;
  }
  if (head === "nearest") return parseNearest(parts, summary);
  if (head === "benign" || head === "adversarial") return parseLasso(head, parts);
  const cells = text.split("_").flatMap((part): Cell[] => {
    const [benign, adversarial, ...rest] = part.split("-").map((label) => parseGroup(label, summary));
    return benign === undefined || adversarial === undefined || rest.length ? [] : [{ benign, adversarial }];
  });
  return cells.length ? { kind: "cells", cells } : undefined;
}

/** A class that occurs in the record, the other classes, or null for any class. */
function parseGroup(text: string, summary: RecordSummary): ClassGroup | null | undefined {
  if (text === "*") return null;
  if (text === "other") return text;
  return /^\d+$/.test(text) && summary.used_classes.includes(Number(text)) ? Number(text) : undefined;
}

function parseNearest(
  [by = "", text = ""]: readonly string[],
  { likenesses, pairs: count }: RecordSummary,
): NearestSelection | undefined {
  const pairs = [...new Set(text.split(",").map(wholeNumberBelow(count)))].filter(
    (pair) => pair !== undefined,
  );
  return pairs.length && likenesses.some(({ value }) => value === by)
    ? { kind: "nearest", by, pairs }
    : undefined;
}

function parseLasso(side: Side, parts: readonly string[]): PairSelection | undefined {
  const polygon = parts.map((part): Position => {
    const [x, xFraction, y, yFraction] = part.split("*");
    return { x: Number(`${x}.${xFraction}`), y: Number(`${y}.${yFraction}`) };
  });
  const readable = polygon.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  return readable && polygon.length > 2 ? { kind: "lasso", side, polygon } : undefined;
}

/** A selection in words, such as "cat → dog" or "lasso in the adversarial plot". */
export function describeSelection(
  selection: PairSelection,
  className: (label: number) => string,
  likenesses: RecordSummary["likenesses"] = [],
): string {
  if (selection.kind === "all") return "all pairs";
  if (selection.kind === "list") return "chosen pairs";
  if (selection.kind === "nearest") {
    const likeness = likenesses.find(({ value }) => value === selection.by);
    return `nearest to ${selection.pairs[0] ?? ""} by ${likeness?.legend[0] ?? selection.by}`;
  }
  if (selection.kind === "lasso") return `lasso in the ${selection.side} plot`;
  const cell = onlyCell(selection);
  return cell ? describeCell(cell, className) : `${selection.cells.length} cells`;
}

/** The cell that is selected alone; undefined for other selections. */
export function onlyCell(selection: PairSelection): Cell | undefined {
  const [first, second] = selection.kind === "cells" ? selection.cells : [];
  return second ? undefined : first;
}

/** A cell, row or column of the prediction matrix in words. */
export function describeCell({ benign, adversarial }: Cell, className: (label: number) => string): string {
  return `${describeGroup(benign, className)} → ${describeGroup(adversarial, className)}`;
}

/** The classes of a row or column in words; null for all of them. */
export function describeGroup(group: ClassGroup | null, className: (label: number) => string): string {
  if (group === null) return "any class";
  return group === "other" ? "other classes" : className(group);
}
