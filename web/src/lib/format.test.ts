import { expect, test } from "vitest";
import { inColumn, number, pairCount, probability, share, signed } from "./format";

test("probabilities have two decimals and no leading zero", () => {
  expect([0, 0.004, 0.005, 0.86, 0.996, 1, NaN].map(probability)).toEqual([
    ".00",
    "<.01",
    ".01",
    ".86",
    "1.00",
    "1.00",
    "–",
  ]);
});

test("shares are whole percentages", () => {
  expect([0, 0.004, 0.278, 1].map(share)).toEqual(["0 %", "<1 %", "28 %", "100 %"]);
});

test("numbers have three significant digits, and small ones are powers of ten", () => {
  expect([0, 0.0000328, -0.0000328, 0.00123, -0.06, 12.345, 8457, NaN].map(number)).toEqual([
    "0",
    "3e-5",
    "−3e-5",
    "0.00123",
    "−0.06",
    "12.3",
    "8,460",
    "–",
  ]);
});

test("numbers of a column have equal decimals", () => {
  expect([0, 1.4, 1.387, -0.1, 0.0004].map(inColumn)).toEqual(["0.00", "1.40", "1.39", "−0.10", "4e-4"]);
});

test("signed numbers", () => {
  expect([0.26, -0.23, 0, 0.00003].map(signed)).toEqual(["+0.26", "−0.23", "0", "+3e-5"]);
});

test("numbers of pairs", () => {
  expect([1, 2, 8457].map(pairCount)).toEqual(["1 pair", "2 pairs", "8,457 pairs"]);
});
