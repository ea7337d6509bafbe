import type { ClassGroup } from "../lib/matrix";
import type { Cell, PairSelection } from "./selection";

/** A selection in words, such as "cat → dog" or "lasso in the adversarial plot". */
export function describeSelection(selection: PairSelection, className: (label: number) => string): string {
  if (selection.kind === "all") return "all pairs";
  if (selection.kind === "lasso") return `lasso in the ${selection.side} plot`;
  const [first, second] = selection.cells;
  if (!first || second) return `${selection.cells.length} cells`;
  return describeCell(first, className);
}

/** A cell, row or column of the prediction matrix in words. */
export function describeCell({ benign, adversarial }: Cell, className: (label: number) => string): string {
  const name = (group: ClassGroup | null): string => {
    if (group === null) return "any class";
    return group === "other" ? "other classes" : className(group);
  };
  return `${name(benign)} → ${name(adversarial)}`;
}

/** "1 pair", "8,457 pairs". */
export function pairCount(count: number): string {
  return `${count.toLocaleString("en")} ${count === 1 ? "pair" : "pairs"}`;
}
