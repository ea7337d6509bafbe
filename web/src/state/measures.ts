/** The declared measures of neurons, as the server describes them. */

import { group } from "d3-array";
import type { MeasureModel, RecordSummary } from "../api/types";

/** A measure that neurons can be sorted by. */
export interface Measure extends Pick<MeasureModel, "name" | "label" | "meaning" | "signed" | "first"> {
  /** Names of the left and right end of the axis. */
  readonly ends: readonly [string, string];
}

/** Sorting by neuron number, which is not a declared measure. */
export const NEURON_NUMBER: Measure = {
  name: "neuron",
  label: "neuron number",
  meaning: "In the order of the layer",
  ends: ["first neuron", "last neuron"],
  signed: false,
  first: "smallest",
};

/** Measures that neurons can be sorted by, in the groups and the order of the menu. */
export function measureGroups(
  measures: readonly MeasureModel[],
): readonly { label: string; measures: readonly MeasureModel[] }[] {
  const groups = group(
    measures.filter(({ ranks }) => ranks),
    ({ group: name }) => name,
  );
  return [...groups].map(([label, members]) => ({ label, measures: members }));
}

/** The measure of this name; the order of the layer for any other name. */
export function measureOf({ measures }: Pick<RecordSummary, "measures">, name: string): Measure {
  const measure = measures.find((one) => one.name === name);
  if (!measure) return NEURON_NUMBER;
  const [first = "", last = ""] = measure.ends;
  return { ...measure, ends: [first, last] };
}

/** A row of a table about one neuron: a measure, or its two values by side or by effect. */
export interface MeasureRow {
  readonly label: string;
  /** Names of the cells' columns: sides, effects, or one empty name. */
  readonly columns: readonly string[];
  readonly cells: readonly MeasureModel[];
}

/** Rows of all measures that rank, those with the same columns next to each other. */
export function measureRows(measures: readonly MeasureModel[]): readonly MeasureRow[] {
  const families = group(
    measures.filter(({ ranks }) => ranks),
    ({ family }) => family,
  );
  const rows = [...families.values()].map((cells) => ({
    label: cells[0]?.row ?? "",
    columns: cells.map(({ part }) => part),
    cells,
  }));
  return [...group(rows, ({ columns }) => columns.join()).values()].flat();
}
