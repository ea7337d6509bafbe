import { expect, test } from "vitest";
import type { RecordSummary } from "../api/types";
import { fromQuery, toQuery } from "./address";
import { firstView, type ViewState } from "./view_state";

const summary = {
  id: "run",
  classes: ["plane", "car", "bird", "cat"],
  used_classes: [0, 1, 3],
  pairs: 50,
  neurons: 20,
  image: { height: 32, width: 32, channels: 3 },
  measures: ["band_gap", "iou_benign_drop"],
  first_view: { benign: 3, adversarial: 1, pair: 7, neuron: 4 },
  defaults: {
    weights: "own",
    band: "mean",
    confidence: 0.95,
    band_images: "benign",
    threshold_mode: "absolute",
    threshold_level: null,
    top: 20,
    iou_side: "benign",
    patch: null,
    stride: 1,
    distance: "receptive_field",
    linkage: null,
  },
} as unknown as RecordSummary;
const first = firstView(summary);

function roundTrip(state: ViewState): ViewState {
  return fromQuery(toQuery("run", state, summary), summary);
}

test("the first view needs no words", () => {
  expect(toQuery("run", first, summary)).toBe("record=run");
  expect(fromQuery("record=run", summary)).toEqual(first);
});

test("every part of the state survives the address", () => {
  const state: ViewState = {
    pairs: {
      kind: "cells",
      cells: [
        { benign: 0, adversarial: 3 },
        { benign: null, adversarial: 1 },
        { benign: 3, adversarial: null },
      ],
    },
    pair: 11,
    neurons: [2, 3, 4, 9],
    focus: 4,
    color: "predicted",
    hidden: [0, 3],
    order: "benign_down",
    picture: "difference",
    sort: "iou_benign_drop",
    level: "selection",
    zoom: [2, 7.5],
    combine: "intersection",
    clusters: 5,
    context: { side: "adversarial", order: "confidence", scope: "all", count: 12 },
    settings: {
      ...first.settings,
      threshold_level: 0.25,
      top: 35,
      distance: "iou",
      linkage: "average",
      stride: 2,
    },
  };
  expect(roundTrip(state)).toEqual(state);
});

test("a lasso survives to two decimals", () => {
  const polygon = [
    { x: -1.25, y: 0.5 },
    { x: 3, y: -0.75 },
    { x: 0, y: 2 },
  ];
  const state: ViewState = { ...first, pairs: { kind: "lasso", side: "adversarial", polygon } };
  expect(roundTrip(state)).toEqual(state);
  expect(roundTrip({ ...first, pairs: { kind: "all" } }).pairs).toEqual({ kind: "all" });
});

test("a level that its mode does not allow is left out, with the mode kept", () => {
  const { settings } = fromQuery("threshold_mode=relative&threshold_level=1.5", summary);
  expect([settings.threshold_mode, settings.threshold_level]).toEqual(["relative", null]);
});

test.each([
  "pair=50",
  "pair=-1",
  "pair=x",
  "neurons=20-30",
  "focus=3",
  "pairs=2-2",
  "pairs=benign_1*2",
  "zoom=5_2",
  "zoom=0_99",
  "clusters=x",
  "context=both",
  "sort=size",
  "level=",
  "stride=abc",
  "stride=0",
  "stride=1.5",
  "patch=3",
  "top=",
  "top=200",
  "threshold_mode=foo",
  "threshold_level=x",
  "confidence=1",
  "distance=cosine",
])("what the record does not have is left out: %s", (query) => {
  expect(fromQuery(query, summary)).toEqual(first);
});
