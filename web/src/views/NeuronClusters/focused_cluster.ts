import type { Dendrogram } from "../../lib/dendrogram";

/** Neurons of the focused neuron's cluster that are shown at first. */
export const FEW = 24;

/** The cluster of the focused neuron: its node, and its neurons, the most similar ones first. */
export function focusedCluster(
  tree: Dendrogram,
  focus: number,
  clusters: number,
): { readonly root: number; readonly neurons: readonly number[] } {
  const root = tree.clusterOf(focus, Math.min(clusters, tree.size));
  return { root, neurons: tree.byLikeness(focus, root) };
}
