import type { Numbers } from "../../api/responses";
import type { FieldSettings } from "../../api/types";
import { Dendrogram } from "../../lib/dendrogram";
import { ascending } from "../../lib/ranges";
import type { Dashboard } from "../../state/dashboard.svelte";
import { Resource } from "../../state/resource.svelte";
import { clustersSlice } from "./slice";

/** Neurons of the focused neuron's cluster that are shown at first. */
export const FEW = 24;

/** The clustered neurons of a pair, and the receptive fields that they were clustered by. */
export interface Clustering {
  readonly pair: number;
  readonly fields: FieldSettings;
  /** Rows `(left, right, height, leaves)` of the merges. */
  readonly linkage: Numbers;
  readonly tree: Dendrogram;
}

/** The clustering of the focused pair. Create it during component initialization. */
export function clusteringResource(dashboard: Dashboard): Resource<Clustering> {
  return new Resource(() => {
    const { pair, settings } = dashboard.view;
    const { fields, clusters } = settings;
    return {
      key: JSON.stringify([pair, fields, clusters]),
      load: async (signal) => {
        const { data } = await dashboard.api.dendrogram(pair, fields, clusters, signal);
        return { pair, fields, linkage: data, tree: new Dendrogram(data) };
      },
      inTurn: dashboard.isSliding,
    };
  });
}

/** The cluster of the focused neuron: its node, and its neurons, the most similar ones first. */
export function focusedCluster(
  tree: Dendrogram,
  focus: number,
  clusters: number,
): { readonly root: number; readonly neurons: readonly number[] } {
  const root = tree.clusterOf(focus, Math.min(clusters, tree.size));
  return { root, neurons: tree.bySimilarity(focus, root) };
}

/** A chosen subtree: its node, its neurons from left to right, and its color as CSS text. */
export interface Subtree {
  readonly node: number;
  readonly neurons: readonly number[];
  readonly color: string;
}

const COLORS = 5;

/** The subtrees that the chosen neurons form, the largest first. Those of several neurons have colors of their own. */
export function chosenSubtrees(tree: Dendrogram, chosen: readonly number[]): readonly Subtree[] {
  const nodes = tree
    .subtreesOf(new Set(chosen))
    .sort((one, other) => tree.leafCount(other) - tree.leafCount(one));
  return nodes.map((node, index) => ({
    node,
    neurons: [...tree.leaves(node)],
    color: tree.isLeaf(node) ? "var(--ink)" : `var(--group-${index % COLORS})`,
  }));
}

/** Loads a pair's clustering, and the receptive fields of the focused neuron's cluster. */
export async function prefetch(dashboard: Dashboard, pair: number): Promise<void> {
  const { api } = dashboard;
  const { settings, focus, clusters } = dashboard.own(clustersSlice).current;
  const { data } = await api.dendrogram(pair, settings.fields, settings.clusters);
  const alike = focusedCluster(new Dendrogram(data), focus, clusters).neurons.slice(0, FEW);
  await api.masks(pair, ascending(alike), "each", settings.fields);
}
