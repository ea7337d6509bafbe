/** Draws few neurons one by one: both values, a line between them, and both bands as boxes. */

import { line, point, shownPlaces, type Frame } from "./neuron_plot";

/** Widest box of a band. */
const BOX = 14;
/** No box is lower than this. */
const LOWEST_BOX = 3;

export function drawDumbbells(frame: Frame): void {
  const { context, scene, colors, rows, x } = frame;
  const { curves } = scene;
  focusColumn(frame);
  const [first, last] = shownPlaces(frame);
  for (let place = first; place < last; place += 1) {
    const neuron = scene.order[place] as number;
    const middle = x(place);
    if (middle < rows.left || middle > rows.right) continue;
    const [benign, adversarial] = [curves.benign[neuron] as number, curves.adversarial[neuron] as number];
    box(frame, middle, curves.benignBand, neuron, colors.benignBand);
    box(frame, middle, curves.adversarialBand, neuron, colors.adversarialBand);
    stem(frame, middle, benign, adversarial);
    const isFocus = neuron === scene.focus;
    point(frame, middle, benign, colors.benign, isFocus);
    point(frame, middle, adversarial, colors.adversarial, isFocus);
  }
  context.lineWidth = 1;
}

/** The focused neuron has a sunk column, down to its receptive fields. */
function focusColumn({ context, scene, colors, rows, x, step }: Frame): void {
  const middle = x(scene.places[scene.focus] ?? 0);
  if (middle < rows.left || middle > rows.right) return;
  context.fillStyle = colors.sunk;
  context.beginPath();
  context.roundRect(middle - step / 2, 0, step, context.canvas.height, 4);
  context.fill();
}

function box(
  { context, y, rows, step, unit }: Frame,
  middle: number,
  [low, high]: readonly [ArrayLike<number>, ArrayLike<number>],
  neuron: number,
  color: string,
): void {
  const clamp = (value: number): number => Math.min(rows.bottom, Math.max(rows.top, y(value)));
  const [bottom, top] = [clamp(low[neuron] as number), clamp(high[neuron] as number)];
  if (Number.isNaN(bottom)) return;
  const width = Math.min(BOX * unit, Math.max(2, step - 2));
  const height = Math.max(LOWEST_BOX * unit, bottom - top);
  context.fillStyle = color;
  context.fillRect(middle - width / 2, (top + bottom - height) / 2, width, height);
}

function stem({ context, colors, y, unit }: Frame, middle: number, from: number, to: number): void {
  context.strokeStyle = colors.faint;
  context.lineWidth = 1.2 * unit;
  line(context, middle, y(from), middle, y(to));
}
