import type { Figure } from "../api/types";
import type { ClassSubset } from "../lib/matrix";
import { ascending, formatRanges } from "../lib/ranges";
import { onlyCell, type PairSelection } from "./selection";

/** A figure for a paper that a view offers. */
export interface FigureOffer {
  readonly title: string;
  /** Name of its file, without the ending. */
  readonly file: string;
  readonly figure: Figure;
}

/** The part of the dashboard that determines which pairs are shown. */
interface PairsOnScreen {
  readonly view: { readonly pairs: PairSelection };
  readonly pairs: { readonly value: { readonly length: number } | undefined };
  readonly pairSets: {
    readonly classes: ClassSubset | null;
    readonly isFiltered: boolean;
    readonly shown: Uint32Array;
    readonly selected: Uint32Array;
  };
  className(label: number): string;
}

/** The selected pairs as a user names them in Python: "all", a cell such as "cat:dog", or a list such as "0-5,9". */
export function selectedPairs(dashboard: PairsOnScreen): string {
  const { classes, isFiltered, selected } = dashboard.pairSets;
  if (selected.length === dashboard.pairs.value?.length) return "all";
  const cell = classes || isFiltered ? undefined : onlyCell(dashboard.view.pairs);
  if (!cell || cell.benign === "other" || cell.adversarial === "other") return formatRanges(selected);
  return [cell.benign, cell.adversarial]
    .map((label) => (label === null ? "" : dashboard.className(label)))
    .join(":");
}

/** The classes that have colors of their own; null for all. */
export function coloredClasses(dashboard: PairsOnScreen): string[] | null {
  const { classes } = dashboard.pairSets;
  return (
    classes && ascending([...classes.rows, ...classes.columns]).map((label) => dashboard.className(label))
  );
}

/** The pairs and classes that the views of images show. */
export function shownPairs(dashboard: PairsOnScreen): {
  readonly pairs: string;
  readonly true_labels: string[] | null;
  readonly adversarial_labels: string[] | null;
} {
  const { classes, isFiltered, shown } = dashboard.pairSets;
  const names = (labels: readonly number[]): string[] => labels.map((label) => dashboard.className(label));
  return {
    pairs: isFiltered ? formatRanges(shown) : "all",
    true_labels: classes && names(classes.rows),
    adversarial_labels: classes && names(classes.columns),
  };
}
