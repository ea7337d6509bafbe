// @vitest-environment jsdom
import { expect, test } from "vitest";
import { Address } from "../state/address";
import { filtersSlice } from "../state/filters";
import { layoutSlice } from "../state/layout";
import { compose } from "../state/slice";
import { settingsSlice } from "../state/settings";
import { SUMMARY } from "../state/test_summary";
import { SHARED_SLICES } from "../state/view_state";
import { VIEWS } from "./registry";

const slices = [
  ...SHARED_SLICES,
  filtersSlice(SUMMARY),
  settingsSlice(SUMMARY),
  layoutSlice(VIEWS),
  ...VIEWS.flatMap(({ slice }) => slice ?? []),
];
const address = new Address(compose(slices), SUMMARY);
const first = address.state("");

test("the registry has the five views of the paper, in reading order", () => {
  expect(VIEWS.slice(0, 5).map(({ title }) => title)).toEqual([
    "Images and predictions",
    "Pairs",
    "Neurons",
    "Neuron",
    "Clusters",
  ]);
});

test("views have unique ids that the address can hold", () => {
  const ids = VIEWS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z]+(-[a-z]+)*$/);
});

test("an address holds the state of every view", () => {
  const query =
    "pair=3&color=both&hidden=0%2C3&picture=difference&zoom=2.0_7.5&context=confidence.all.12&pin=2&clusters=5";
  const state = address.state(query);
  expect(state).toMatchObject({
    pair: 3,
    color: "both",
    hidden: [0, 3],
    picture: "difference",
    zoom: [2, 7.5],
    clusters: 5,
    context: { order: "confidence", scope: "all", count: 12 },
    pin: 2,
  });
  expect(address.query(state)).toBe(`record=run&${query}`);
});

test.each([
  "color=x",
  "hidden=x",
  "picture=",
  "zoom=5_2",
  "zoom=0_99",
  "clusters=x",
  "clusters=-3",
  "context=both",
])("values that the record does not have are ignored: %s", (query) => {
  expect(address.state(query)).toEqual(first);
});
