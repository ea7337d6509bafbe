/** Draws the rows below the curves: regions, rank intervals, numbers, and the measure that neurons are sorted by. */

import { max } from "d3-array";
import { shownPlaces, type Frame } from "./neuron_plot";
import { BAR } from "./neuron_plot_rows";

/** The bar for inhibited, unchanged and excited neurons. */
export function drawRegions({ context, scene, colors, rows, x, unit }: Frame): void {
  if (!scene.regions || rows.bar === undefined) return;
  const { inhibited, unchanged, excited } = scene.regions;
  const gap = unit;
  const clamp = (edge: number): number => Math.min(rows.right, Math.max(rows.left, edge));
  let start = 0;
  for (const [size, color] of [
    [inhibited, colors.benign],
    [unchanged, colors.axis],
    [excited, colors.adversarial],
  ] as const) {
    const [from, to] = [clamp(x(start - 0.5)), clamp(x(start + size - 0.5))];
    context.fillStyle = color;
    context.fillRect(from + gap / 2, rows.bar, Math.max(0, to - from - gap), BAR * unit);
    start += size;
  }
}

/** The neurons' numbers, the focused one's first; a number that would overlap another is left out. */
export function drawNumbers(frame: Frame): void {
  const { context, scene, colors, font, x, rows, unit } = frame;
  if (rows.numbers === undefined) return;
  const { order, zoom } = scene;
  const chosen = new Set(scene.chosen);
  const shown = [...order.subarray(Math.ceil(zoom[0] - 0.5), Math.floor(zoom[1] + 0.5))];
  const first = shown.filter((neuron) => neuron === scene.focus);
  const taken: [number, number][] = [];
  // So that numbers of three digits fit below 25 columns.
  context.letterSpacing = `${-0.5 * unit}px`;
  context.font = font();
  const widest = context.measureText(`${order.length - 1}`).width;
  // Without room for all of them, those that are left are apart.
  const air = (widest < frame.step ? 0 : 3) * unit;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const neuron of [...first, ...shown]) {
    const text = `${neuron}`;
    context.font = font(chosen.has(neuron) ? 700 : 400);
    context.fillStyle = chosen.has(neuron) ? colors.ink : colors.muted;
    const half = context.measureText(text).width / 2;
    const middle = x(scene.places[neuron] as number);
    const isFree = taken.every(([low, high]) => middle + half + air < low || middle - half - air > high);
    if (!isFree || middle < rows.left || middle + half > rows.right + unit) continue;
    taken.push([middle - half, middle + half]);
    context.fillText(text, middle, rows.numbers);
  }
  context.letterSpacing = "0px";
}

/** A bar for each neuron's value of the measure that it is sorted by. */
export function drawMeasure(frame: Frame): void {
  const { context, scene, colors, font, x, step, rows, unit } = frame;
  const { sorted } = scene;
  if (!sorted || !rows.measure) return;
  const { top, bottom } = rows.measure;
  const most = max(scene.order, (neuron) => Math.abs(sorted[neuron] as number));
  if (!most) return;
  context.font = font();
  context.textAlign = "right";
  context.textBaseline = "top";
  context.fillStyle = colors.muted;
  context.fillText(scene.format(most), rows.left - 8 * unit, top);
  context.globalAlpha = 0.8;
  const [first, last] = shownPlaces(frame);
  const width = Math.max(1, step - 3 * unit);
  for (let place = first; place < last; place += 1) {
    const neuron = scene.order[place] as number;
    const height = ((Math.abs(sorted[neuron] as number) || 0) / most) * (bottom - top);
    const middle = x(place);
    if (middle < rows.left || middle > rows.right) continue;
    context.fillStyle = neuron === scene.focus ? colors.ink : colors.faint;
    context.fillRect(middle - width / 2, bottom - height, width, height);
  }
  context.globalAlpha = 1;
}

/** The interval of each neuron's rank, from the first rank at the top. */
export function drawRanks(frame: Frame): void {
  const { context, scene, colors, font, x, step, rows, unit } = frame;
  if (!scene.ranks || !rows.ranks) return;
  const { top, bottom } = rows.ranks;
  const [lows, highs] = scene.ranks;
  const [first, last] = shownPlaces(frame);
  const shown = [...scene.order.subarray(first, last)].filter(
    (neuron) => !Number.isNaN(lows[neuron] as number),
  );
  if (!shown.length) return;
  const least = Math.min(...shown.map((neuron) => lows[neuron] as number));
  const most = Math.max(...shown.map((neuron) => highs[neuron] as number));
  const down = (rank: number): number => top + ((rank - least) / Math.max(1, most - least)) * (bottom - top);
  // Columns of whole pixels, so that many of them are one even area.
  const width = Math.max(1, Math.min(Math.ceil(step), Math.round(3 * unit)));
  for (const neuron of shown) {
    const middle = x(scene.places[neuron] as number);
    if (middle < rows.left || middle > rows.right) continue;
    const [from, to] = [down(lows[neuron] as number), down(highs[neuron] as number)];
    context.fillStyle = neuron === scene.focus ? colors.ink : colors.faint;
    context.fillRect(Math.round(middle - width / 2), from - 1, width, to - from + 2);
  }
  context.font = font();
  context.fillStyle = colors.muted;
  context.textAlign = "right";
  context.textBaseline = "top";
  context.fillText("rank", rows.left - 8 * unit, top - 2 * unit);
  context.textBaseline = "bottom";
  const ends = `${Math.round(least)}–${Math.round(most)}`;
  const room = rows.left - 8 * unit;
  context.fillText(
    context.measureText(ends).width < room ? ends : `${Math.round(most)}`,
    room,
    bottom + 2 * unit,
  );
}
