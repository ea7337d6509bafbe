import type { RecordSummary, SettingsModel, Side } from "../api/types";
import type { PairSelection } from "./selection";

/** The four orders of the image grid (paper, Section 5.1). */
export const ORDERS = {
  l2_up: {
    column: "perturbation_l2",
    direction: "ascending",
    label: "L2 ↑",
    meaning: "smallest perturbation first",
  },
  l2_down: {
    column: "perturbation_l2",
    direction: "descending",
    label: "L2 ↓",
    meaning: "largest perturbation first",
  },
  benign_down: {
    column: "benign_probability",
    direction: "descending",
    label: "benign p ↓",
    meaning: "surest benign prediction first",
  },
  adversarial_up: {
    column: "adversarial_probability",
    direction: "ascending",
    label: "adversarial p ↑",
    meaning: "least sure adversarial prediction first",
  },
} as const;
export type Order = keyof typeof ORDERS;

export type ContextOrder = "activation" | "confidence";
export type ContextScope = "same_labels" | "same_benign_label" | "all";

/** The open window of context images. */
export interface ContextWindow {
  readonly side: Side;
  readonly order: ContextOrder;
  readonly scope: ContextScope;
  readonly count: number;
}

/** All that the address of the page says: reloading or sharing it gives the same screen. */
export interface ViewState {
  pairs: PairSelection;
  /** The focused pair. */
  pair: number;
  /** Neurons whose receptive fields are combined, ascending; never empty. */
  neurons: readonly number[];
  /** The neuron among them that is shown in red. */
  focus: number;
  color: "true" | "predicted";
  /** Classes whose points are hidden. */
  hidden: readonly number[];
  order: Order;
  picture: "pair" | "difference";
  /** Measure by which neurons stand from left to right; "neuron" for their numbers. */
  sort: string;
  /** Whether the neuron view shows the focused pair or means over the selected pairs. */
  level: "pair" | "selection";
  /** First and last place that the neuron view shows; null for all. */
  zoom: readonly [number, number] | null;
  combine: "union" | "intersection";
  /** Number of clusters that the dendrogram is cut into. */
  clusters: number;
  context: ContextWindow | null;
  settings: SettingsModel;
}

export const CONTEXT: Omit<ContextWindow, "side"> = { order: "activation", scope: "same_labels", count: 6 };
const CLUSTERS = 12;

/** What a record shows at first: nothing starts empty. */
export function firstView(summary: RecordSummary): ViewState {
  const { benign, adversarial, pair, neuron } = summary.first_view;
  return {
    pairs: { kind: "cells", cells: [{ benign, adversarial }] },
    pair,
    neurons: [neuron],
    focus: neuron,
    color: "true",
    hidden: [],
    order: "l2_up",
    picture: "pair",
    sort: "band_gap",
    level: "pair",
    zoom: null,
    combine: "union",
    clusters: Math.min(CLUSTERS, summary.neurons),
    context: null,
    settings: { ...summary.defaults },
  };
}
