import type { Choice, RecordSummary, Setting } from "../api/types";

function word(value: string): Choice {
  return { value, label: value, meaning: `What ${value} means`, legend: [], implies: {}, limits: {} };
}

const PLAIN = {
  above: null,
  at_least: null,
  at_most: null,
  below: null,
  multiple_of: null,
  null: null,
  implied: null,
};

function choice(name: string, words: string[]): Setting {
  return { ...PLAIN, name, label: name, meaning: name, kind: "choice", choices: words.map(word) };
}

function number(name: string, ends: Partial<Setting>): Setting {
  return { ...PLAIN, name, label: name, meaning: name, kind: "number", choices: [], ...ends };
}

/** A small record for tests. */
export const SUMMARY = {
  id: "run",
  classes: ["plane", "car", "bird", "cat"],
  used_classes: [0, 1, 3],
  pairs: 50,
  neurons: 20,
  layer: "layer4",
  layers: [{ name: "layer3" }, { name: "layer4" }],
  image: { height: 32, width: 32, channels: 3 },
  measures: [
    { name: "band_gap", ranks: true, first: "smallest" },
    { name: "iou_benign_drop", ranks: true, first: "largest" },
  ],
  default_sorts: ["band_gap"],
  pair_orders: [{ name: "l2_up" }, { name: "benign_down" }],
  pair_filters: [
    { name: "perturbation_l2", kind: "range" },
    { name: "survives_8bit", kind: "flag" },
  ],
  likenesses: ["benign", "change"].map((value) => ({ ...word(value), legend: [value] })),
  context: {
    orders: ["activation", "confidence"].map(word),
    scopes: ["same_labels", "same_benign_label", "all"].map(word),
    counts: [6, 12, 24, 48],
  },
  first_view: { benign: 3, adversarial: 1, pair: 7, neuron: 4 },
  settings: {
    curves: [choice("weights", ["own", "margin"]), number("confidence", { above: 0, below: 1 })],
    fields: [
      {
        ...choice("threshold_mode", ["absolute", "relative"]),
        choices: [
          word("absolute"),
          { ...word("relative"), implies: { threshold_level: 0.5 }, limits: { threshold_level: [0, 1] } },
        ],
      },
      { ...number("threshold_level", {}), null: "the default of the mode", implied: 0.3 },
    ],
    vmaps: [
      { ...number("patch", { at_least: 2, at_most: 64, multiple_of: 2 }), null: "1/8", implied: 4 },
      number("stride", { at_least: 1, at_most: 32, multiple_of: 1 }),
      number("top", { above: 0, at_most: 100 }),
    ],
    clusters: [
      {
        ...choice("distance", ["receptive_field", "iou"]),
        choices: [
          { ...word("receptive_field"), implies: { linkage: "ward" } },
          { ...word("iou"), implies: { linkage: "average" } },
        ],
      },
      { ...choice("linkage", ["ward", "average", "single"]), null: "the one that fits" },
    ],
  },
  defaults: {
    curves: { weights: "own", confidence: 0.95 },
    fields: { threshold_mode: "absolute", threshold_level: null },
    vmaps: { patch: null, stride: 1, top: 20 },
    clusters: { distance: "receptive_field", linkage: null },
  },
} as unknown as RecordSummary;
