/**
 * The tree of a hierarchical clustering. Leaves are nodes 0 to n - 1; row i of the linkage is node n + i. Children are
 * in leaf order, and heights ascend.
 */
export class Dendrogram {
  /** Number of leaves. */
  readonly size: number;
  /** Leaves from left to right. */
  readonly order: Int32Array;
  readonly root: number;
  /** Height of each merge, ascending. */
  readonly heights: Float64Array;
  readonly #children: Int32Array;
  readonly #parents: Int32Array;
  readonly #starts: Int32Array;
  readonly #counts: Int32Array;
  readonly #middles: Float64Array;

  /** @param linkage - rows `(left, right, height, leaves)` */
  constructor(linkage: Float32Array | Float64Array) {
    const merges = linkage.length / 4;
    const nodes = 2 * merges + 1;
    this.size = merges + 1;
    this.root = nodes - 1;
    this.heights = Float64Array.from({ length: merges }, (_, row) => linkage[4 * row + 2] ?? 0);
    this.#children = Int32Array.from(
      { length: 2 * merges },
      (_, at) => linkage[4 * (at >> 1) + (at & 1)] ?? 0,
    );
    this.#counts = new Int32Array(nodes).fill(1, 0, this.size);
    this.#parents = new Int32Array(nodes).fill(-1);
    for (let node = this.size; node < nodes; node += 1) {
      const [left, right] = this.#childrenOf(node);
      this.#counts[node] = this.leafCount(left) + this.leafCount(right);
      this.#parents[left] = this.#parents[right] = node;
    }
    this.#starts = new Int32Array(nodes);
    for (let node = this.root; node >= this.size; node -= 1) {
      const [left, right] = this.#childrenOf(node);
      this.#starts[left] = this.start(node);
      this.#starts[right] = this.start(node) + this.leafCount(left);
    }
    this.order = new Int32Array(this.size);
    for (let leaf = 0; leaf < this.size; leaf += 1) this.order[this.start(leaf)] = leaf;
    this.#middles = new Float64Array(nodes);
    for (let node = 0; node < nodes; node += 1) {
      const children = this.children(node);
      this.#middles[node] = children
        ? (this.middle(children[0]) + this.middle(children[1])) / 2
        : this.start(node) + 0.5;
    }
  }

  isLeaf(node: number): boolean {
    return node < this.size;
  }

  /** Left and right child; undefined for a leaf. */
  children(node: number): readonly [number, number] | undefined {
    return this.isLeaf(node) ? undefined : this.#childrenOf(node);
  }

  /** Node above; undefined for the root. */
  parent(node: number): number | undefined {
    return node === this.root ? undefined : this.#parents[node];
  }

  /** Distance at which the node's children were merged; 0 for a leaf. */
  height(node: number): number {
    return this.isLeaf(node) ? 0 : (this.heights[node - this.size] as number);
  }

  /** Place of the node's first leaf, from 0. */
  start(node: number): number {
    return this.#starts[node] as number;
  }

  leafCount(node: number): number {
    return this.#counts[node] as number;
  }

  /** Horizontal position of a node: p + 0.5 for the leaf at place p, midway between its children for a merge. */
  middle(node: number): number {
    return this.#middles[node] as number;
  }

  /** Leaves below a node, from left to right. */
  leaves(node: number): Int32Array {
    return this.order.subarray(this.start(node), this.start(node) + this.leafCount(node));
  }

  /** The node and all nodes above it, up to the root. */
  ancestors(node: number): number[] {
    const path = [node];
    for (let at = this.parent(node); at !== undefined; at = this.parent(at)) path.push(at);
    return path;
  }

  /** Roots of exactly `clusters` clusters, from left to right: the last merges are undone. */
  cut(clusters: number): number[] {
    const kept = 2 * this.size - clusters;
    const roots: number[] = [];
    for (let place = 0; place < this.size;) {
      const root = this.clusterOf(this.order[place] as number, clusters);
      if (root >= kept) throw new Error(`no cut into ${clusters} clusters`);
      roots.push(root);
      place += this.leafCount(root);
    }
    return roots;
  }

  /** Root of the cluster that a leaf belongs to when there are `clusters` of them. */
  clusterOf(leaf: number, clusters: number): number {
    const kept = 2 * this.size - clusters;
    let node = leaf;
    for (let up = this.parent(node); up !== undefined && up < kept; up = this.parent(up)) node = up;
    return node;
  }

  /** Number of clusters when the tree is cut at a height. */
  clustersAt(height: number): number {
    return this.size - upperBound(this.heights, height);
  }

  /** Height midway between the last merge that a cut keeps and the first one that it undoes. */
  cutHeight(clusters: number): number {
    const top = this.height(this.root);
    const kept = this.heights[this.size - clusters - 1] ?? 0;
    const undone = this.heights[this.size - clusters] ?? top * 1.05;
    return (kept + undone) / 2;
  }

  /** The node at a point of the drawing: the topmost ancestor of the leaf at `place` that is not above `height`. */
  nodeAt(place: number, height: number): number {
    const leaf = this.order[Math.min(this.size - 1, Math.max(0, Math.floor(place)))] as number;
    let node = leaf;
    for (let up = this.parent(node); up !== undefined && this.height(up) <= height; up = this.parent(up))
      node = up;
    return node;
  }

  /** The largest subtrees whose leaves are all among some leaves, from left to right. */
  subtreesOf(leaves: ReadonlySet<number>): number[] {
    const all = new Uint8Array(this.root + 1);
    for (const leaf of leaves) all[leaf] = 1;
    for (let node = this.size; node <= this.root; node += 1) {
      const [left, right] = this.#childrenOf(node);
      if (all[left] && all[right]) all[node] = 1;
    }
    const largest = [...all.keys()].filter((node) => {
      const parent = this.parent(node);
      return all[node] === 1 && (parent === undefined || all[parent] === 0);
    });
    return largest.sort((one, other) => this.start(one) - this.start(other));
  }

  /** The adjacent subtree on the left or right; undefined at the edge. */
  adjacent(node: number, direction: "left" | "right"): number | undefined {
    for (let at = node, up = this.parent(at); up !== undefined; at = up, up = this.parent(at)) {
      const [left, right] = this.#childrenOf(up);
      if (direction === "right" && at === left) return right;
      if (direction === "left" && at === right) return left;
    }
    return undefined;
  }

  /** Leaves below a node by their similarity to one of them: those merged with it earliest come first. */
  bySimilarity(leaf: number, node: number): number[] {
    const leaves = [leaf];
    let below = leaf;
    while (below !== node) {
      const up = this.parent(below);
      if (up === undefined) break;
      const [left, right] = this.#childrenOf(up);
      // In the optimal leaf order, the nearest ones first.
      leaves.push(...(below === left ? this.leaves(right) : this.leaves(left).toReversed()));
      below = up;
    }
    return leaves;
  }

  #childrenOf(node: number): readonly [number, number] {
    const at = 2 * (node - this.size);
    return [this.#children[at] as number, this.#children[at + 1] as number];
  }
}

/** Number of values up to a limit; the values ascend. */
function upperBound(values: Float64Array, limit: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The node that a key leads to: above, below or adjacent, the root, or the focused leaf. */
export function nodeAfterKey(tree: Dendrogram, node: number, key: string, focus: number): number | undefined {
  if (key === "ArrowUp") return tree.parent(node);
  if (key === "ArrowDown") return childToward(tree, node, focus);
  if (key === "ArrowLeft") return tree.adjacent(node, "left");
  if (key === "ArrowRight") return tree.adjacent(node, "right");
  if (key === "Home") return tree.root;
  if (key === "End") return focus;
  return undefined;
}

/** The child above a leaf, or else the larger child. */
function childToward(tree: Dendrogram, node: number, leaf: number): number | undefined {
  const children = tree.children(node);
  if (!children) return undefined;
  const place = tree.start(leaf);
  const above = children.find(
    (child) => place >= tree.start(child) && place < tree.start(child) + tree.leafCount(child),
  );
  const [left, right] = children;
  return above ?? (tree.leafCount(left) >= tree.leafCount(right) ? left : right);
}
