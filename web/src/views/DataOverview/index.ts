import type { ViewDefinition } from "../view_definition";
import DataOverview from "./DataOverview.svelte";
import OverviewHelp from "./OverviewHelp.svelte";
import { overviewSlice } from "./slice";

export default {
  id: "overview",
  title: "Images and predictions",
  component: DataOverview,
  help: OverviewHelp,
  slice: overviewSlice,
  area: "top-left",
  order: 1,
  charts: ["matrix"],
} satisfies ViewDefinition;
