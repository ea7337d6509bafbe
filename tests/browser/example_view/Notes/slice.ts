import { slice } from "../../state/slice";

export interface NotesState {
  readonly note: string;
}

export const notesSlice = slice<NotesState>({
  note: { initial: () => "", parse: (text) => text, format: (note) => note },
});
