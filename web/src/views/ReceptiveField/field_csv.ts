import type { PairModel } from "../../api/types";
import { csvText, type CsvCell } from "../../lib/exporting";
import { coverage } from "../../lib/masks";
import { formatRanges } from "../../lib/ranges";
import type { Dashboard } from "../../state/dashboard.svelte";
import { SIDES, type FieldNumbers } from "./field_numbers.svelte";
import { KINDS, type PairMaps } from "./pair_maps.svelte";

/** The shown numbers as a table of names and values. */
export function fieldCsv(dashboard: Dashboard, numbers: FieldNumbers, maps: PairMaps): string {
  const { view } = dashboard;
  const pair = dashboard.pair.value;
  const rows: CsvCell[][] = [
    ["pair", view.pair],
    ["neurons", formatRanges(dashboard.shownNeurons)],
    ["combination", view.combine],
  ];
  for (const side of SIDES) {
    const mask = numbers.mask(side);
    rows.push([`coverage of the ${side} image`, mask && coverage(mask)]);
  }
  if (pair) rows.push(...probabilities(dashboard, numbers, pair));
  const shown = maps.shown?.stage ? undefined : maps.shown;
  for (const [index, { name, label }] of KINDS.entries()) {
    rows.push([`largest ${label}`, shown?.both[index]?.most]);
    const field = `RF on the ${view.settings.vmaps.iou_side} image`;
    rows.push([
      `IoU of the ${field} with the top ${view.settings.vmaps.top} % by ${label}`,
      numbers.overlap?.[name],
    ]);
  }
  return csvText(["name", "value"], rows);
}

function probabilities(dashboard: Dashboard, numbers: FieldNumbers, pair: PairModel): CsvCell[][] {
  const after = numbers.substitutions.value?.value;
  return SIDES.flatMap((side) => {
    const named = (one: { label: number; probability: number }, when: string): CsvCell[] => [
      `probability of ${dashboard.className(one.label)} on the ${side} image${when}`,
      one.probability,
    ];
    return [
      ...pair.probabilities[side].map((one) => named(one, "")),
      ...(after?.[side].probabilities ?? []).map((one) => named(one, " after the substitution")),
    ];
  });
}
