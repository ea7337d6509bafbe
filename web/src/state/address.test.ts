import { expect, test } from "vitest";
import { Address, isAddressOf } from "./address";
import { filtersSlice } from "./filters";
import { layoutSlice } from "./layout";
import { compose, slice, type Slice } from "./slice";
import { withChanges, settingsSlice } from "./settings";
import { SUMMARY } from "./test_summary";
import { SHARED_SLICES, type ViewState } from "./view_state";

const layout = layoutSlice([
  { id: "plot", area: "top-left", charts: ["legend"] },
  { id: "tree", area: "bottom-right" },
  { id: "table", area: "bottom-right" },
]);
const address = new Address(
  compose([...SHARED_SLICES, filtersSlice(SUMMARY), settingsSlice(SUMMARY), layout]) as Slice<ViewState>,
  SUMMARY,
);
const first = address.state("");

function roundTrip(state: ViewState): ViewState {
  return address.state(address.query(state));
}

test("the first view needs no parameters", () => {
  expect(address.query(first)).toBe("record=run");
  expect(address.state("record=run")).toEqual(first);
});

test("every field of the state survives the address", () => {
  const state: ViewState = {
    classes: { rows: [0, 3], columns: [1] },
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
    combine: "intersection",
    order: "benign_down",
    sort: "iou_benign_drop",
    level: "selection",
    filters: { text: "plane", ranges: { perturbation_l2: [null, 1.5] }, flags: { survives_8bit: false } },
    settings: withChanges(SUMMARY, first.settings, {
      threshold_level: 0.25,
      top: 35,
      distance: "iou",
      linkage: "average",
      stride: 2,
    }),
    closed: ["table"],
    tabs: ["tree"],
    enlarged: "plot.legend",
  };
  expect(roundTrip(state)).toEqual(state);
});

test("the last layer is not written", () => {
  const earlier = { ...SUMMARY, layer: "layer3" };
  const other = new Address(
    compose([...SHARED_SLICES, filtersSlice(earlier), layout]) as Slice<ViewState>,
    earlier,
  );
  expect(other.query(first)).toBe("record=run&layer=layer3");
  expect(isAddressOf("record=run", SUMMARY)).toBe(true);
  expect(isAddressOf("record=run&layer=layer4", SUMMARY)).toBe(true);
  expect(isAddressOf("record=run&layer=layer3", SUMMARY)).toBe(false);
  expect(isAddressOf("record=run&layer=layer3", earlier)).toBe(true);
  expect(isAddressOf("record=other&layer=layer3", earlier)).toBe(false);
});

test("another layer keeps the pairs and settings, not the neurons", () => {
  const settings = withChanges(SUMMARY, first.settings, { threshold_level: 0.25, top: 35 });
  const state = { ...first, pair: 11, neurons: [2, 9], focus: 9, settings };
  expect(address.queryAt("layer3", state)).toBe("record=run&pair=11&top=35&layer=layer3");
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

test("a level outside its mode's limits is ignored, and the mode is kept", () => {
  const { settings } = address.state("threshold_mode=relative&threshold_level=1.5");
  expect([settings.fields.threshold_mode, settings.fields.threshold_level]).toEqual(["relative", null]);
});

test("without a focus, the first of several neurons is focused", () => {
  expect(address.state("neurons=3-5,9")).toMatchObject({ neurons: [3, 4, 5, 9], focus: 3 });
  expect(address.query(address.state("neurons=3-5&focus=3"))).toBe("record=run&neurons=3-5");
});

test("two slices cannot share a parameter", () => {
  const other = slice({ sort: { initial: () => 0, parse: Number, format: String } });
  expect(() => compose([...SHARED_SLICES, other])).toThrow("two slices declare the parameter sort");
});

test.each([
  "pair=50",
  "pair=-1",
  "pair=x",
  "neurons=20-30",
  "focus=3",
  "pairs=2-2",
  "pairs=benign_1*2",
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
  "enlarged=map",
  "enlarged=plot.map",
  "closed=plot_tree_table",
  "tabs=map",
])("values that the record does not have are ignored: %s", (query) => {
  expect(address.state(query)).toEqual(first);
});
