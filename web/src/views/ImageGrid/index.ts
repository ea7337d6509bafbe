import type { ViewDefinition } from "../view_definition";
import ImageGrid from "./ImageGrid.svelte";
import ImagesHelp from "./ImagesHelp.svelte";
import { imagesSlice } from "./slice";

export default {
  id: "images",
  title: "Pairs",
  component: ImageGrid,
  help: ImagesHelp,
  slice: imagesSlice,
  area: "bottom-left",
  order: 2,
} satisfies ViewDefinition;
