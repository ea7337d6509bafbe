import type { RecordSummary } from "../api/types";
import { NEURON_NUMBER } from "./measures";
import { formatRanges, parseRanges } from "../lib/ranges";
import type { LayoutState } from "./layout";
import { parseSelection, selectionText, type PairSelection } from "./selection";
import type { SettingsState } from "./settings";
import { wholeNumberBelow, choice, oneOf, slice } from "./slice";

/** The four orders of the image grid (paper, Section 5.1). */
export const ORDERS = {
  l2_up: {
    column: "perturbation_l2",
    direction: "ascending",
    label: "smallest perturbation first",
  },
  l2_down: {
    column: "perturbation_l2",
    direction: "descending",
    label: "largest perturbation first",
  },
  benign_down: {
    column: "benign_probability",
    direction: "descending",
    label: "surest benign first",
  },
  adversarial_up: {
    column: "adversarial_probability",
    direction: "ascending",
    label: "least sure adversarial first",
  },
} as const;
export type Order = keyof typeof ORDERS;

/** The pairs and neurons that all views show. */
export interface SelectionState {
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
  readonly order: Order;
  /** Measure that the neurons are sorted by; "neuron" for their numbers. */
  readonly sort: string;
  /** Whether neurons have the focused pair's numbers, or means over the selected pairs. */
  readonly level: "pair" | "selection";
}

/** The state that views share. Each view's own state is a slice that it declares itself. */
export type ViewState = SelectionState & OrderState & SettingsState & LayoutState;

const selectionSlice = slice<SelectionState>({
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

function firstCell({ first_view: { benign, adversarial } }: RecordSummary): PairSelection {
  return { kind: "cells", cells: [{ benign, adversarial }] };
}

const orderSlice = slice<OrderState>({
  order: choice(Object.keys(ORDERS) as Order[], "l2_up"),
  sort: {
    initial: ({ default_sorts: [first] }) => first ?? NEURON_NUMBER.name,
    parse: (text, { measures }) =>
      oneOf([NEURON_NUMBER.name, ...measures.filter(({ ranks }) => ranks).map(({ name }) => name)])(text),
    format: String,
  },
  level: choice(["pair", "selection"], "pair"),
});

/** The slices of the shared state, except settings and layout, which depend on the record and the views. */
export const SHARED_SLICES = [selectionSlice, orderSlice];
