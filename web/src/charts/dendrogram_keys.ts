import type { Dendrogram } from "../lib/dendrogram";

/** The node that a key leads to: above, below or beside, the root, or the focused leaf. */
export function nodeAfterKey(tree: Dendrogram, node: number, key: string, focus: number): number | undefined {
  if (key === "ArrowUp") return tree.parent(node);
  if (key === "ArrowDown") return childToward(tree, node, focus);
  if (key === "ArrowLeft") return tree.beside(node, "left");
  if (key === "ArrowRight") return tree.beside(node, "right");
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
