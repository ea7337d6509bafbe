import type { ViewDefinition } from "../view_definition";
import FieldHelp from "./FieldHelp.svelte";
import { prefetch } from "./field_numbers.svelte";
import OpenContext from "./OpenContext.svelte";
import ReceptiveField from "./ReceptiveField.svelte";
import { fieldSlice } from "./slice";

export default {
  id: "field",
  title: "Neuron",
  component: ReceptiveField,
  over: OpenContext,
  help: FieldHelp,
  slice: fieldSlice,
  area: "bottom-center",
  order: 4,
  prefetch,
} satisfies ViewDefinition;
