import { expect, test } from "vitest";
import { verdict } from "./what_if";

test("the sentence says the label, and how far its probability moves", () => {
  const cat = { name: "cat", before: 0.86, after: 0.8, nameAfter: "cat", neurons: 1 };
  expect(verdict(cat)).toBe("Still a cat: one neuron moves p(cat) by −0.06.");
  expect(verdict({ ...cat, after: 0.1, nameAfter: "airplane", neurons: 27 })).toBe(
    "Now an airplane: 27 neurons move p(cat) by −0.76.",
  );
  expect(verdict({ ...cat, after: 0.8601 })).toBe("Still a cat: p(cat) hardly changes.");
  expect(verdict({ ...cat, name: "7", nameAfter: "7", after: 0.9 })).toMatch(/^Still 7: .* by \+0\.04\.$/);
});
