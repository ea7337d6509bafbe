import { expect, test } from "vitest";
import type { Settings } from "../api/types";
import { withChanges, settingInfo, settingsSlice } from "./settings";
import { SUMMARY } from "./test_summary";

const slice = settingsSlice(SUMMARY);
const { defaults } = SUMMARY;

const others: Record<string, string> = {
  weights: "margin",
  confidence: "0.5",
  threshold_mode: "relative",
  threshold_level: "0.25",
  patch: "8",
  stride: "2",
  top: "10",
  distance: "iou",
  linkage: "single",
};

test.each(slice.names)("%s survives the address, and changes its own group only", (name) => {
  const query = `${name}=${others[name]}`;
  const state = slice.parse(new URLSearchParams(query), SUMMARY);
  expect(new URLSearchParams(slice.format(state, SUMMARY)).toString()).toBe(query);
  const groups = Object.keys(defaults) as (keyof Settings)[];
  expect(groups.filter((group) => state.settings[group] !== defaults[group]).length).toBeGreaterThan(0);
  const different = groups.filter(
    (group) => JSON.stringify(state.settings[group]) !== JSON.stringify(defaults[group]),
  );
  expect(different).toHaveLength(1);
});

test.each(slice.names)("what %s does not allow is left out", (name) => {
  for (const text of ["", "x", "NaN", "-1e9"]) {
    const query = new URLSearchParams({ [name]: text });
    const allowed = name === "threshold_level" && text === "-1e9";
    if (!allowed) expect(slice.parse(query, SUMMARY).settings).toEqual(defaults);
  }
});

test("a null setting has the value that another choice implies, or that of the record", () => {
  expect(settingInfo(SUMMARY, defaults, "patch").value).toBe(4);
  expect(settingInfo(SUMMARY, defaults, "threshold_level").value).toBe(0.3);
  const relative = withChanges(SUMMARY, defaults, { threshold_mode: "relative" });
  expect(settingInfo(SUMMARY, relative, "threshold_level")).toMatchObject({ value: 0.5, implied: 0.5 });
  expect(settingInfo(SUMMARY, defaults, "linkage").choice?.label).toBe("ward");
});

test("a changed choice resets the settings that it implies", () => {
  const single = withChanges(SUMMARY, defaults, { linkage: "single" });
  expect(single.clusters.linkage).toBe("single");
  expect(withChanges(SUMMARY, single, { distance: "iou" }).clusters).toEqual({
    distance: "iou",
    linkage: null,
  });
  const both = withChanges(SUMMARY, single, { distance: "iou", linkage: "ward" });
  expect(both.clusters).toEqual({ distance: "iou", linkage: "ward" });
  expect(both.vmaps).toBe(defaults.vmaps);
});
