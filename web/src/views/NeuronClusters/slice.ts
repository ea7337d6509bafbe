import { wholeNumberBelow, slice } from "../../state/slice";

const DEFAULT_CLUSTERS = 12;

export interface ClustersState {
  /** Number of clusters that the dendrogram is cut into. */
  readonly clusters: number;
}

export const clustersSlice = slice<ClustersState>({
  clusters: {
    initial: ({ neurons }) => Math.min(DEFAULT_CLUSTERS, neurons),
    parse: (text, { neurons }) => {
      const clusters = wholeNumberBelow(neurons + 1)(text);
      return clusters === undefined ? undefined : Math.max(1, clusters);
    },
    format: String,
  },
});
