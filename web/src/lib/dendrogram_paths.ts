import type { Dendrogram } from "./dendrogram";

/** Maps places of leaves and heights of merges to the screen; `from` and `to` bound the places that are shown. */
export interface Plane {
  readonly x: (place: number) => number;
  readonly y: (height: number) => number;
  readonly from: number;
  readonly to: number;
}

/** A run of adjacent places `[from, to)`. */
export type Run = readonly [from: number, to: number];

/** Index of each node's cluster, from left to right; -1 for nodes above the cut. */
export function clusterOfNodes(tree: Dendrogram, clusters: number): Int32Array {
  const clusterOf = new Int32Array(tree.root + 1).fill(-1);
  for (const [index, root] of tree.cut(clusters).entries()) clusterOf[root] = index;
  for (let node = tree.root; node >= tree.size; node -= 1) {
    const cluster = clusterOf[node] as number;
    if (cluster >= 0) for (const child of tree.children(node) ?? []) clusterOf[child] = cluster;
  }
  return clusterOf;
}

/** The merges above and below the cut as SVG paths. Merges outside the plane are left out. */
export function treePaths(
  tree: Dendrogram,
  clusterOf: Int32Array,
  plane: Plane,
): { readonly trunk: string; readonly below: string } {
  const segments: { trunk: string[]; below: string[] } = { trunk: [], below: [] };
  for (let node = tree.size; node <= tree.root; node += 1) {
    if (!isSeen(tree, node, plane)) continue;
    const isBelow = (clusterOf[node] as number) >= 0;
    segments[isBelow ? "below" : "trunk"].push(merge(tree, node, plane));
  }
  return { trunk: segments.trunk.join(""), below: segments.below.join("") };
}

/** All merges below a node. */
export function subtreePath(tree: Dendrogram, node: number, plane: Plane): string {
  const stack = [node];
  const segments: string[] = [];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (tree.isLeaf(at) || !isSeen(tree, at, plane)) continue;
    segments.push(merge(tree, at, plane));
    stack.push(...(tree.children(at) ?? []));
  }
  return segments.join("");
}

/** The path from a leaf up to the root. */
export function pathToRoot(tree: Dendrogram, leaf: number, plane: Plane): string {
  const [first, ...above] = tree.ancestors(leaf);
  const steps = above.map((node) => `V${y(tree, node, plane)}H${x(tree, node, plane)}`);
  return `M${x(tree, first as number, plane)} ${y(tree, first as number, plane)}${steps.join("")}`;
}

/** Heights for the axis: about evenly spaced on a scale of square roots, with one digit each. */
export function squareRootTicks(top: number, count: number): number[] {
  const ticks = Array.from({ length: count + 1 }, (_, index) =>
    Number((top * (index / count) ** 2).toPrecision(1)),
  );
  const least = Math.sqrt(top) / count / 2;
  const kept: number[] = [];
  for (const tick of ticks) {
    const last = kept.at(-1);
    // Rounding to one digit brings some ticks close together, such as 900 and 1,000.
    const isApart = last === undefined || Math.sqrt(tick) - Math.sqrt(last) > least;
    if (tick <= top && isApart) kept.push(tick);
  }
  return kept;
}

/** The places of some leaves as runs, from left to right. */
export function runsOf(tree: Dendrogram, leaves: Iterable<number>): Run[] {
  const places = Int32Array.from(leaves, (leaf) => tree.start(leaf)).sort();
  const runs: [number, number][] = [];
  for (const place of places) {
    const last = runs.at(-1);
    if (last?.[1] === place) last[1] += 1;
    else runs.push([place, place + 1]);
  }
  return runs;
}

/** The shown places after zooming by a factor around a fixed place: at least `fewest`, and within the edges. */
export function zoomedRange(
  [from, to]: Run,
  around: number,
  factor: number,
  size: number,
  fewest: number,
): Run {
  const length = Math.min(size, Math.max(Math.min(fewest, size), (to - from) / factor));
  const part = (around - from) / (to - from);
  return shiftedRange([around - part * length, around + (1 - part) * length], 0, size);
}

/** The shown places after panning, within the edges. */
export function shiftedRange([from, to]: Run, by: number, size: number): Run {
  const start = Math.min(size - (to - from), Math.max(0, from + by));
  return [start, start + (to - from)];
}

function merge(tree: Dendrogram, node: number, plane: Plane): string {
  const [left, right] = tree.children(node) as readonly [number, number];
  const bar = `V${y(tree, node, plane)}H${x(tree, right, plane)}V${y(tree, right, plane)}`;
  return `M${x(tree, left, plane)} ${y(tree, left, plane)}${bar}`;
}

function isSeen(tree: Dendrogram, node: number, { from, to }: Plane): boolean {
  return tree.start(node) < to && tree.start(node) + tree.leafCount(node) > from;
}

function x(tree: Dendrogram, node: number, plane: Plane): number {
  return tenths(plane.x(tree.middle(node)));
}

function y(tree: Dendrogram, node: number, plane: Plane): number {
  return tenths(plane.y(tree.height(node)));
}

/** Differences below a tenth of a pixel are invisible. */
function tenths(value: number): number {
  return Math.round(10 * value) / 10;
}
