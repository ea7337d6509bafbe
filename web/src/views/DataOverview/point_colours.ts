import { FAINT, HIDDEN } from "../../lib/dots";

/**
 * Colours of one plot's points: hidden where their class is, faint where they are not selected.
 *
 * `labels` are the classes that the points are coloured by; `selected` is null if there is no selection.
 */
export function pointColours(
  labels: ArrayLike<number>,
  colourOf: (label: number) => number,
  hidden: Iterable<number>,
  selected: Uint32Array | null,
): Uint32Array {
  const known = new Map<number, number>([...hidden].map((label) => [label, HIDDEN]));
  const colours = new Uint32Array(labels.length);
  const paint = (pair: number, isSelected: boolean): void => {
    const label = labels[pair] as number;
    let colour = known.get(label);
    if (colour === undefined) known.set(label, (colour = colourOf(label)));
    colours[pair] = colour === HIDDEN || isSelected ? colour : FAINT;
  };
  for (let pair = 0; pair < labels.length; pair += 1) paint(pair, selected === null);
  for (const pair of selected ?? []) paint(pair, true);
  return colours;
}
