import { expect, test } from "vitest";
import { Dendrogram } from "./dendrogram";
import {
  clusterOfNodes,
  pathToRoot,
  runsOf,
  shiftedRange,
  squareRootTicks,
  subtreePath,
  treePaths,
  zoomedRange,
  type Plane,
} from "./dendrogram_paths";

// Leaves 3 1 4 0 2; merges 5 = (0, 2), 6 = (3, 1), 7 = (4, 5), 8 = (6, 7).
const tree = new Dendrogram(Float64Array.from([0, 2, 1, 2, 3, 1, 2, 2, 4, 5, 4, 3, 6, 7, 8, 5]));
const plane: Plane = { x: (place) => 10 * place, y: (height) => 100 - 10 * height, from: 0, to: 5 };

test("nodes below the cut belong to the clusters from left to right", () => {
  expect([...clusterOfNodes(tree, 3)]).toEqual([2, 0, 2, 0, 1, 2, 0, -1, -1]);
  expect([...clusterOfNodes(tree, 1)]).toEqual(new Array(9).fill(0));
});

test("each merge is drawn once, above or below the cut", () => {
  const { trunk, below } = treePaths(tree, clusterOfNodes(tree, 3), plane);
  expect(below).toBe("M35 100V90H45V100M5 100V80H15V100");
  expect(trunk).toBe("M25 100V60H40V90M10 80V20H32.5V60");
});

test("merges outside the plane are left out", () => {
  const { below } = treePaths(tree, clusterOfNodes(tree, 3), { ...plane, to: 2.5 });
  expect(below).toBe("M5 100V80H15V100");
});

test("ticks are evenly spaced by square roots", () => {
  expect(squareRootTicks(340, 4)).toEqual([0, 20, 90, 200, 300]);
  expect(squareRootTicks(0, 4)).toEqual([0]);
  // Not 1,000, which is next to 900.
  expect(squareRootTicks(2050, 6)).toEqual([0, 60, 200, 500, 900, 2000]);
});

test("the path to the root passes all ancestors", () => {
  expect(pathToRoot(tree, 0, plane)).toBe("M35 100V90H40V60H32.5V20H21.3");
  expect(subtreePath(tree, 7, plane)).toBe("M25 100V60H40V90M35 100V90H45V100");
});

test("adjacent leaves form one run", () => {
  expect(runsOf(tree, [0, 3, 4])).toEqual([
    [0, 1],
    [2, 4],
  ]);
  expect(runsOf(tree, [])).toEqual([]);
});

test("zooming keeps the place under the pointer, and stays inside", () => {
  expect(zoomedRange([0, 100], 25, 2, 100, 4)).toEqual([12.5, 62.5]);
  expect(zoomedRange([10, 20], 20, 0.5, 100, 4)).toEqual([0, 20]);
  expect(zoomedRange([10, 20], 12, 100, 100, 4)).toEqual([11.2, 15.2]);
  expect(zoomedRange([0, 3], 1, 2, 3, 4)).toEqual([0, 3]);
  expect(shiftedRange([80, 90], 50, 100)).toEqual([90, 100]);
});
