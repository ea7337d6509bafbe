import { expect, test } from "vitest";
import { details, patches } from "./details";

test("grids from coarse to every pixel", () => {
  const found = details({ width: 224, height: 224 });
  expect(found.map(({ value }) => value)).toEqual(["14", "7", "4", "1"]);
  expect(found.map(({ label }) => label)).toEqual(["16 × 16", "32 × 32", "56 × 56", "224 × 224"]);
});

test("small images have few choices", () => {
  expect(details({ width: 28, height: 28 }).map(({ value }) => value)).toEqual(["2", "1"]);
});

test("patches are even and fit into the image", () => {
  expect(patches(28, { width: 224, height: 224 }).map(({ value }) => value)).toEqual(["14", "28", "56"]);
  expect(patches(4, { width: 32, height: 6 }).map(({ value }) => value)).toEqual(["2", "4"]);
});
