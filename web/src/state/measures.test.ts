import { expect, test } from "vitest";
import type { MeasureModel } from "../api/types";
import { measureGroups, measureOf, measureRows, NEURON_NUMBER } from "./measures";

function declared(name: string, group: string, family = name, part = "", ranks = true): MeasureModel {
  return { name, group, family, part, ranks, row: family, label: name, ends: ["a", "b"] } as MeasureModel;
}

const MEASURES = [
  declared("gap", "Gaps"),
  declared("drop", "Effects", "effect", "drop"),
  declared("gain", "Effects", "effect", "gain"),
  declared("other", "Gaps"),
  declared("hidden", "Gaps", "hidden", "", false),
];

test("groups keep the order in which measures are declared", () => {
  const groups = measureGroups(MEASURES).map(({ label, measures }) => [
    label,
    measures.map(({ name }) => name),
  ]);
  expect(groups).toEqual([
    ["Gaps", ["gap", "other"]],
    ["Effects", ["drop", "gain"]],
  ]);
});

test("an unknown name stands for the neuron number", () => {
  expect(measureOf({ measures: MEASURES }, "drop").name).toBe("drop");
  expect(measureOf({ measures: MEASURES }, "neuron")).toBe(NEURON_NUMBER);
});

test("columns of a family share a row, and rows with the same columns are next to each other", () => {
  const rows = measureRows(MEASURES).map(({ label, cells }) => [label, cells.map(({ name }) => name)]);
  expect(rows).toEqual([
    ["gap", ["gap"]],
    ["other", ["other"]],
    ["effect", ["drop", "gain"]],
  ]);
});
