import type { ViewDefinition } from "../view_definition";
import { prefetch } from "./clustering";
import ClustersHelp from "./ClustersHelp.svelte";
import NeuronClusters from "./NeuronClusters.svelte";
import { clustersSlice } from "./slice";

export default {
  id: "clusters",
  title: "Clusters",
  component: NeuronClusters,
  help: ClustersHelp,
  slice: clustersSlice,
  area: "bottom-right",
  order: 5,
  prefetch,
} satisfies ViewDefinition;
