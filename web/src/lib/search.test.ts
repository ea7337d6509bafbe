import { expect, test } from "vitest";
import { search } from "./search";

const CLASSES = [
  { label: 0, name: "wildcat", benign: 1, adversarial: 2 },
  { label: 3, name: "cat", benign: 63, adversarial: 0 },
  { label: 5, name: "dog", benign: 4, adversarial: 5 },
];

test("numbers find existing neurons", () => {
  expect(search("406", 512, CLASSES, 9)).toEqual([{ kind: "neurons", text: "neuron 406", neurons: [406] }]);
  expect(search("4-6,9", 512, CLASSES, 9).map(({ text }) => text)).toEqual(["4 neurons: 4-6,9"]);
  expect(search("512", 512, CLASSES, 9)).toEqual([]);
});

test("a name finds rows and columns with pairs, the best matches first", () => {
  expect(search(" CAT", 512, CLASSES, 9).map(({ text }) => text)).toEqual([
    "cat → any class",
    "wildcat → any class",
    "any class → wildcat",
  ]);
  expect(search("o", 512, CLASSES, 1)).toHaveLength(1);
  expect(search("", 512, CLASSES, 9)).toEqual([]);
});
