import fc from "fast-check";
import { expect, test } from "vitest";
import { Dendrogram, nodeAfterKey } from "./dendrogram";

/*
      8
    __|__
   |     7
   |    _|_
   6   |   5
  / \  |  / \
 3   1 4 0   2
*/
const tree = new Dendrogram(Float64Array.from([0, 2, 1, 2, 3, 1, 2, 2, 4, 5, 4, 3, 6, 7, 8, 5]));

test("leaves stand in the order of their parents' children", () => {
  expect([...tree.order]).toEqual([3, 1, 4, 0, 2]);
  expect([...tree.leaves(7)]).toEqual([4, 0, 2]);
  expect([...tree.leaves(3)]).toEqual([3]);
});

test("a merge stands in the middle of its children", () => {
  expect(tree.middle(6)).toBe(1);
  expect(tree.middle(5)).toBe(4);
  expect(tree.middle(7)).toBe(3.25);
});

test("ancestors lead to the root", () => {
  expect(tree.ancestors(2)).toEqual([2, 5, 7, 8]);
  expect(tree.parent(8)).toBeUndefined();
});

test("leaves form the largest subtrees", () => {
  expect(tree.subtreesOf(new Set([3, 1, 0, 2]))).toEqual([6, 5]);
  expect(tree.subtreesOf(new Set([4, 1]))).toEqual([1, 4]);
  expect(tree.subtreesOf(new Set([0, 1, 2, 3, 4]))).toEqual([8]);
  expect(tree.subtreesOf(new Set())).toEqual([]);
});

test("a cut undoes the last merges", () => {
  expect(tree.cut(1)).toEqual([8]);
  expect(tree.cut(2)).toEqual([6, 7]);
  expect(tree.cut(3)).toEqual([6, 4, 5]);
  expect(tree.cut(5)).toEqual([3, 1, 4, 0, 2]);
  expect(tree.clusterOf(2, 3)).toBe(5);
});

test("a height between two merges gives the cut there", () => {
  for (let clusters = 1; clusters <= 5; clusters += 1) {
    expect(tree.clustersAt(tree.cutHeight(clusters))).toBe(clusters);
  }
  expect(tree.clustersAt(4)).toBe(2);
  expect(tree.cutHeight(2)).toBe(6);
});

test("a point of the drawing belongs to the subtree above it", () => {
  expect(tree.nodeAt(3.2, 4.5)).toBe(7);
  expect(tree.nodeAt(3.2, 3.9)).toBe(5);
  expect(tree.nodeAt(2.2, 0.5)).toBe(4);
  expect(tree.nodeAt(99, 99)).toBe(8);
});

test("keys lead to the neighboring subtree", () => {
  expect(tree.adjacent(6, "right")).toBe(7);
  expect(tree.adjacent(4, "left")).toBe(6);
  expect(tree.adjacent(0, "left")).toBe(4);
  expect(tree.adjacent(2, "right")).toBeUndefined();
  expect(tree.adjacent(8, "left")).toBeUndefined();
});

test("the neurons merged earliest with a neuron are the most similar to it", () => {
  expect(tree.bySimilarity(0, 8)).toEqual([0, 2, 4, 1, 3]);
  expect(tree.bySimilarity(4, 7)).toEqual([4, 0, 2]);
  expect(tree.bySimilarity(4, 4)).toEqual([4]);
});

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

test("a tree of one neuron is that neuron", () => {
  const single = new Dendrogram(new Float64Array());
  expect([single.size, single.root, single.cut(1)]).toEqual([1, 0, [0]]);
  expect(single.nodeAt(0.5, 1)).toBe(0);
  expect(single.clustersAt(0)).toBe(1);
});

/** Any tree: clusters are merged at random, at heights that never fall. */
const trees = fc
  .array(fc.tuple(fc.nat(1000), fc.nat(1000), fc.nat(3)), { minLength: 1, maxLength: 60 })
  .map((steps) => {
    const open = Array.from({ length: steps.length + 1 }, (_, leaf) => leaf);
    let height = 0;
    const rows = steps.flatMap(([a, b, rise], row) => {
      const [left] = open.splice(a % open.length, 1);
      const [right] = open.splice(b % open.length, 1);
      open.push(steps.length + 1 + row);
      height += rise;
      return [left as number, right as number, height, 0];
    });
    return new Dendrogram(Float64Array.from(rows));
  });

test("a cut splits all leaves into that many clusters, each a run of leaves", () => {
  fc.assert(
    fc.property(trees, fc.nat(1000), (any, number) => {
      const clusters = 1 + (number % any.size);
      const roots = any.cut(clusters);
      expect(roots).toHaveLength(clusters);
      expect(roots.flatMap((root) => [...any.leaves(root)])).toEqual([...any.order]);
      for (const root of roots) {
        for (const leaf of any.leaves(root)) expect(any.clusterOf(leaf, clusters)).toBe(root);
      }
    }),
  );
});

test("similarity orders all leaves by the height at which they meet", () => {
  fc.assert(
    fc.property(trees, fc.nat(1000), (any, number) => {
      const leaf = number % any.size;
      const order = any.bySimilarity(leaf, any.root);
      expect(order.toSorted((a, b) => a - b)).toEqual([...any.order].sort((a, b) => a - b));
      const meeting = (other: number): number =>
        any.ancestors(leaf).find((node) => any.ancestors(other).includes(node)) as number;
      const heights = order.slice(1).map((other) => any.height(meeting(other)));
      expect(heights).toEqual(heights.toSorted((a, b) => a - b));
    }),
  );
});
