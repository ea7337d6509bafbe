import type { ViewDefinition } from "../view_definition";
import Notes from "./Notes.svelte";
import NotesHelp from "./NotesHelp.svelte";
import { notesSlice } from "./slice";

export default {
  id: "notes",
  title: "Notes",
  component: Notes,
  help: NotesHelp,
  slice: notesSlice,
  area: "bottom-right",
  order: 6,
} satisfies ViewDefinition;
