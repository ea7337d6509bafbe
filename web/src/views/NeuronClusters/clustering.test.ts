import { expect, test } from "vitest";
import { Dendrogram } from "../../lib/dendrogram";
import { chosenSubtrees } from "./clustering";

test("each chosen subtree has its color", () => {
  // Leaves 3 1 4 0 2; merges 5 = (0, 2), 6 = (3, 1), 7 = (4, 5), 8 = (6, 7).
  const tree = new Dendrogram(Float64Array.from([0, 2, 1, 2, 3, 1, 2, 2, 4, 5, 4, 3, 6, 7, 8, 5]));
  expect(chosenSubtrees(tree, [1, 3, 0, 2])).toEqual([
    { node: 6, neurons: [3, 1], color: "var(--group-0)" },
    { node: 5, neurons: [0, 2], color: "var(--group-1)" },
  ]);
  expect(chosenSubtrees(tree, [4])).toEqual([{ node: 4, neurons: [4], color: "var(--ink)" }]);
});
