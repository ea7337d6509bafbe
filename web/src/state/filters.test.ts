import { expect, test } from "vitest";
import { Table } from "../lib/table";
import { filtersSlice, filtersText, folded, NO_FILTERS, passing, withFlag, withRange } from "./filters";
import { SUMMARY } from "./test_summary";

const slice = filtersSlice(SUMMARY);
const parse = (query: string) => slice.parse(new URLSearchParams(query), SUMMARY).filters;

const columns = ["benign_label", "adversarial_label", "perturbation_l2", "survives_8bit"];
const pairs = new Table(columns, Float64Array.from([0, 3, 3, 1, 0, 1, 0.5, 1, 1.5, 1, 0, 1]), 3);
const names = { classes: folded(SUMMARY.classes), images: folded(["Boats/a.png", "b.png", "c.png"]) };
const left = (query: string): number[] => [0, 1, 2].filter(passing(parse(query), pairs, names));

test.each([
  ["perturbation_l2=0.5..1", [0, 1]],
  ["perturbation_l2=1..", [1, 2]],
  ["perturbation_l2=..1&survives_8bit=no", [1]],
  ["survives_8bit=yes", [0, 2]],
  ["text=CAT", [1, 2]],
  ["text=cat plane", [1]],
  ["text=boats", [0]],
  ["text=2", [2]],
  ["text=nothing", []],
  ["", [0, 1, 2]],
])("%s leaves the pairs %j", (query, expected) => {
  expect(left(query)).toEqual(expected);
});

test("a text is not compared before the names are loaded", () => {
  expect([0, 1, 2].filter(passing(parse("text=cat"), pairs, undefined))).toEqual([0, 1, 2]);
});

test("filters survive the address, and invalid ones are left out", () => {
  const query = "perturbation_l2=0.5..&survives_8bit=no&text=cat+dog";
  expect(new URLSearchParams(slice.format({ filters: parse(query) }, SUMMARY)).toString()).toBe(query);
  expect(filtersText(parse(query))).toBe(query);
  for (const invalid of ["perturbation_l2=x..1", "perturbation_l2=2..1", "perturbation_l2=1", "text=+"])
    expect(parse(invalid)).toEqual(NO_FILTERS);
});

test("a filter without limits is none", () => {
  const one = withRange(withFlag(NO_FILTERS, "survives_8bit", true), "perturbation_l2", [null, 1]);
  expect(withRange(withFlag(one, "survives_8bit", null), "perturbation_l2", [null, null])).toEqual(
    NO_FILTERS,
  );
});
