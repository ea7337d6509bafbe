import { expect, test } from "vitest";
import { search } from "./search";

const RECORD = {
  neurons: 512,
  pairs: 100,
  classes: [
    { label: 0, name: "wildcat", benign: 1, adversarial: 2 },
    { label: 3, name: "cat", benign: 63, adversarial: 0 },
    { label: 5, name: "hot dog", benign: 4, adversarial: 5 },
  ],
  groups: ["Dog ears"],
  count: (benign: number, adversarial: number) => (benign === 3 && adversarial === 5 ? 7 : 0),
};
const texts = (text: string, most = 9): string[] => search(text, RECORD, most).map(({ text }) => text);

test("numbers find existing neurons and pairs", () => {
  expect(search("406", RECORD, 9)).toEqual([{ kind: "neurons", text: "neuron 406", neurons: [406] }]);
  expect(texts("12")).toEqual(["neuron 12", "pair 12"]);
  expect(texts("4-6,9")).toEqual(["4 neurons: 4-6,9"]);
  expect(texts("512")).toEqual([]);
});

test("a group is found by a part of its name", () => {
  expect(search("EAR", RECORD, 9)).toEqual([{ kind: "group", text: "Dog ears" }]);
});

test("a name finds rows and columns with pairs, the best matches first", () => {
  expect(texts(" CAT")).toEqual(["cat → any class", "wildcat → any class", "any class → wildcat"]);
  expect(texts("o", 1)).toHaveLength(1);
  expect(texts("")).toEqual([]);
});

test.each(["cat dog", "cat hot dog", "Cat -> dog", "cat→hot"])(
  "%s finds the pairs between two classes",
  (text) => {
    expect(search(text, RECORD, 9)).toEqual([
      { kind: "cell", text: "cat → hot dog", benign: 3, adversarial: 5, pairs: 7 },
    ]);
  },
);
