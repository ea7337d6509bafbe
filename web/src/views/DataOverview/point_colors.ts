import { FAINT, HIDDEN } from "../../lib/dots";

/**
 * Colors of a plot's points: hidden if their class is, faint if they are not selected.
 *
 * `labels` are the classes that the points are colored by; `selected` is null if there is no selection.
 */
export function pointColors(
  labels: ArrayLike<number>,
  colorOf: (label: number) => number,
  hidden: Iterable<number>,
  selected: Uint32Array | null,
): Uint32Array {
  const known = new Map<number, number>([...hidden].map((label) => [label, HIDDEN]));
  const colors = new Uint32Array(labels.length);
  const paint = (pair: number, isSelected: boolean): void => {
    const label = labels[pair] as number;
    let color = known.get(label);
    if (color === undefined) known.set(label, (color = colorOf(label)));
    colors[pair] = color === HIDDEN || isSelected ? color : FAINT;
  };
  for (let pair = 0; pair < labels.length; pair += 1) paint(pair, selected === null);
  for (const pair of selected ?? []) paint(pair, true);
  return colors;
}
