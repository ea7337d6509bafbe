import { expect, test } from "vitest";
import { Table } from "./table";

const table = new Table(["gap", "size"], Float64Array.from([2, NaN, -1, 2, 10, 20, 30, 40]), 4);

test("columns are parts of one array", () => {
  expect([...table.column("size")]).toEqual([10, 20, 30, 40]);
  expect(table.at("gap", 2)).toBe(-1);
  expect(() => table.column("gaps")).toThrow("gap, size");
});

test("a column has values if one of its rows has", () => {
  const half = new Table(["gap", "none"], Float64Array.of(Number.NaN, 1, Number.NaN, Number.NaN), 2);
  expect([half.hasValues("gap"), half.hasValues("none"), half.hasValues("size")]).toEqual([
    true,
    false,
    false,
  ]);
});

test("missing values are last in either direction, and equal ones keep their order", () => {
  expect([...table.order("gap", "ascending")]).toEqual([2, 0, 3, 1]);
  expect([...table.order("gap", "descending")]).toEqual([0, 3, 2, 1]);
});

test("a missing value is an empty cell", () => {
  expect(table.toCsv("neuron", [1, 2])).toBe("neuron,gap,size\n1,,20\n2,-1,30\n");
});
