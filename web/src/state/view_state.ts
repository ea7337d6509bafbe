import type { RecordSummary } from "../api/types";
import { NEURON_NUMBER } from "./measures";
import { formatRanges, parseRanges } from "../lib/ranges";
import type { ClassSubset } from "../lib/matrix";
import type { FilterState } from "./filters";
import type { LayoutState } from "./layout";
import {
  ALL,
  classesText,
  NEAREST_FIRST,
  parseClasses,
  parseSelection,
  selectionText,
  type PairSelection,
} from "./selection";
import type { SettingsState } from "./settings";
import { wholeNumberBelow, choice, oneOf, slice } from "./slice";

/** The pairs and neurons that all views show. */
export interface SelectionState {
  /** The classes that the views of images are reduced to; null for all. */
  readonly classes: ClassSubset | null;
  readonly pairs: PairSelection;
  /** The focused pair. */
  readonly pair: number;
  /** Neurons whose receptive fields are combined, ascending; never empty. */
  readonly neurons: readonly number[];
  /** The focused one among them. */
  readonly focus: number;
  readonly combine: "union" | "intersection";
}

/** The order of pairs and neurons. */
export interface OrderState {
  /** The order of pairs by its name. */
  readonly order: string;
  /** Measure that the neurons are sorted by; "neuron" for their numbers. */
  readonly sort: string;
  /** Whether neurons have the focused pair's numbers, or means over the selected pairs. */
  readonly level: "pair" | "selection";
}

/** The state that views share. Each view's own state is a slice that it declares itself. */
export type ViewState = SelectionState & OrderState & FilterState & SettingsState & LayoutState;

const selectionSlice = slice<SelectionState>({
  classes: { initial: () => null, parse: parseClasses, format: classesText },
  pairs: { initial: firstCell, parse: parseSelection, format: selectionText },
  pair: {
    initial: ({ first_view: first }) => first.pair,
    parse: (text, { pairs }) => wholeNumberBelow(pairs)(text),
    format: String,
  },
  neurons: {
    initial: ({ first_view: first }) => [first.neuron],
    parse: (text, summary) => {
      const neurons = parseRanges(text, summary.neurons);
      return neurons.length ? neurons : undefined;
    },
    format: formatRanges,
  },
  focus: {
    initial: ({ first_view: first }, { neurons }) => neurons?.[0] ?? first.neuron,
    parse: (text, _, { neurons }) => neurons?.find((neuron) => `${neuron}` === text),
    format: String,
  },
  combine: choice(["union", "intersection"], "union"),
});

function firstCell({ first_view: { benign, adversarial }, report }: RecordSummary): PairSelection {
  if (report) return { kind: "list", pairs: report.pairs };
  if (benign === null && adversarial === null) return ALL;
  return { kind: "cells", cells: [{ benign, adversarial }] };
}

const orderSlice = slice<OrderState>({
  order: {
    initial: ({ pair_orders: [first] }) => first?.name ?? "",
    parse: (text, { pair_orders: orders }) => oneOf([...orders, NEAREST_FIRST].map(({ name }) => name))(text),
    format: String,
  },
  sort: {
    initial: ({ default_sorts: [first] }) => first ?? NEURON_NUMBER.name,
    parse: (text, { measures }) =>
      oneOf([NEURON_NUMBER.name, ...measures.filter(({ ranks }) => ranks).map(({ name }) => name)])(text),
    format: String,
  },
  level: choice(["pair", "selection"], "pair"),
});

/** The slices of the shared state, except filters, settings and layout, which depend on the record and the views. */
export const SHARED_SLICES = [selectionSlice, orderSlice];
