import { expect, test } from "vitest";
import { Dendrogram } from "../lib/dendrogram";
import { nodeAfterKey } from "./dendrogram_keys";

// Leaves 3 1 4 0 2; merges 5 = (0, 2), 6 = (3, 1), 7 = (4, 5), 8 = (6, 7).
const tree = new Dendrogram(Float64Array.from([0, 2, 1, 2, 3, 1, 2, 2, 4, 5, 4, 3, 6, 7, 8, 5]));

test("down leads to the focused neuron, or to the larger child", () => {
  expect(nodeAfterKey(tree, 8, "ArrowDown", 1)).toBe(6);
  expect(nodeAfterKey(tree, 6, "ArrowDown", 1)).toBe(1);
  expect(nodeAfterKey(tree, 7, "ArrowDown", 1)).toBe(5);
  expect(nodeAfterKey(tree, 1, "ArrowDown", 1)).toBeUndefined();
});

test("other keys lead up, to the side, to the root and to the focused neuron", () => {
  expect(nodeAfterKey(tree, 5, "ArrowUp", 1)).toBe(7);
  expect(nodeAfterKey(tree, 5, "ArrowLeft", 1)).toBe(4);
  expect(nodeAfterKey(tree, 6, "ArrowRight", 1)).toBe(7);
  expect(nodeAfterKey(tree, 5, "Home", 1)).toBe(8);
  expect(nodeAfterKey(tree, 8, "End", 1)).toBe(1);
  expect(nodeAfterKey(tree, 8, "x", 1)).toBeUndefined();
});
