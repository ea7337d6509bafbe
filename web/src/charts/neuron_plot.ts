import { scaleLinear, type ScaleLinear } from "d3-scale";
import { valueRange, type Regions, type Zoom } from "../lib/neuron_axis";
import type { Palette } from "./canvas.svelte";

/** Draws the two curves and two bands over the neurons (paper, Figure 4). */

type Column = ArrayLike<number>;

/** Values by neuron; NaN where there is none. */
export interface NeuronCurves {
  readonly benign: Column;
  readonly adversarial: Column;
  readonly benignBand: readonly [low: Column, high: Column];
  readonly adversarialBand: readonly [low: Column, high: Column];
}

export interface NeuronPlotScene {
  readonly curves: NeuronCurves;
  /** Neurons from left to right. */
  readonly order: Uint32Array;
  /** Place of each neuron. */
  readonly places: Uint32Array;
  readonly zoom: Zoom;
  readonly chosen: readonly number[];
  readonly focus: number;
  /** Neurons whose numbers are written at their points. */
  readonly named: readonly number[];
  /** Inhibited and excited regions, if the neurons are sorted by a signed measure. */
  readonly regions: Regions | undefined;
  /** Names of the left and right end, if sorted by another measure. */
  readonly ends: readonly [string, string];
  readonly yLabel: string;
}

export const MARGIN = { left: 46, right: 8, top: 8 };
const TEXT = 11;
const WORDS_HEIGHT = 20;
const NUMBERS_HEIGHT = 15;
const DIGIT = 6.7;
const POINTS_FROM = 7;
const LABEL_AIR = 6;

interface Frame {
  readonly context: CanvasRenderingContext2D;
  readonly scene: NeuronPlotScene;
  readonly colors: Palette;
  readonly font: (weight?: number) => string;
  readonly x: (place: number) => number;
  readonly y: ScaleLinear<number, number>;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly height: number;
  /** Pixels per neuron. */
  readonly step: number;
  /** Whether the neurons' numbers are written below the axis. */
  readonly numbered: boolean;
}

/** Whether all shown neurons have room for their number below the axis. */
function numbersFit(width: number, [low, high]: Zoom, count: number): boolean {
  const step = (width - MARGIN.left - MARGIN.right) / (high - low);
  return step > `${count - 1}`.length * DIGIT + LABEL_AIR;
}

/** Height below the axis of the words, and of the neurons' numbers if they fit. */
export function bottomMargin(width: number, zoom: Zoom, count: number): number {
  return WORDS_HEIGHT + (numbersFit(width, zoom, count) ? NUMBERS_HEIGHT : 0);
}

export function drawNeuronPlot(
  context: CanvasRenderingContext2D,
  size: { readonly width: number; readonly height: number },
  scene: NeuronPlotScene,
  colors: Palette,
  font: (weight?: number) => string,
): void {
  const { curves, order, zoom } = scene;
  const columns = [curves.benign, curves.adversarial, ...curves.benignBand, ...curves.adversarialBand];
  const [left, right] = [MARGIN.left, size.width - MARGIN.right];
  const [top, bottom] = [MARGIN.top, size.height - bottomMargin(size.width, zoom, order.length)];
  const step = (right - left) / (zoom[1] - zoom[0]);
  const frame: Frame = {
    context,
    scene,
    colors,
    font,
    left,
    right,
    top,
    bottom,
    step,
    height: size.height,
    numbered: numbersFit(size.width, zoom, order.length),
    x: (place) => left + (place + 0.5 - zoom[0]) * step,
    y: scaleLinear(valueRange(columns, order, zoom), [bottom, top]),
  };
  regionShades(frame);
  valueAxis(frame);
  clipped(frame, () => {
    band(frame, curves.benignBand, colors["benign-band"]);
    band(frame, curves.adversarialBand, colors["adversarial-band"]);
    selection(frame);
    curve(frame, curves.benign, colors.benign);
    curve(frame, curves.adversarial, colors.adversarial);
  });
  names(frame);
  neuronNumbers(frame);
  words(frame);
}

function clipped({ context, left, right, top, bottom }: Frame, draw: () => void): void {
  context.save();
  context.beginPath();
  // Points and lines at the edge may extend over it.
  context.rect(left, top - 3, right - left, bottom - top + 6);
  context.clip();
  draw();
  context.restore();
}

/** Edges of the regions in pixels: inhibited on the left, excited on the right. */
function regionEdges({ scene, x, left, right }: Frame, regions: Regions): [number, number] {
  const clamp = (edge: number): number => Math.min(right, Math.max(left, edge));
  const notExcited = regions.inhibited + regions.unchanged;
  return [clamp(x(regions.inhibited - 0.5)), clamp(x(Math.min(scene.order.length, notExcited) - 0.5))];
}

function regionShades(frame: Frame): void {
  const { context, scene, colors, left, right, top, bottom, x } = frame;
  if (!scene.regions) return;
  const [first, second] = regionEdges(frame, scene.regions);
  const { inhibited, unchanged, excited } = scene.regions;
  const end = Math.min(right, x(inhibited + unchanged + excited - 0.5));
  context.save();
  context.globalAlpha = 0.07;
  context.fillStyle = colors.benign;
  context.fillRect(left, top, first - left, bottom - top);
  context.fillStyle = colors.adversarial;
  if (end > second) context.fillRect(second, top, end - second, bottom - top);
  context.restore();
}

function valueAxis({ context, scene, colors, font, y, left, right, top, bottom, height }: Frame): void {
  const ticks = y.ticks(Math.max(3, Math.round((bottom - top) / 34)));
  const format = y.tickFormat(ticks.length);
  context.font = font();
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticks) {
    const down = Math.round(y(tick)) + 0.5;
    context.strokeStyle = tick === 0 ? colors.axis : colors.hair;
    line(context, left, down, right, down);
    context.fillStyle = colors.muted;
    context.fillText(format(tick), left - 5, down);
  }
  context.save();
  context.translate(TEXT - 3, height / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText(fitted(context, scene.yLabel, height), 0, 0);
  context.restore();
}

/** The shown range of the order and one more neuron on each side, so that lines reach the edges. */
function shownPlaces({ scene: { order, zoom } }: Frame): [number, number] {
  return [Math.max(0, Math.floor(zoom[0]) - 1), Math.min(order.length, Math.ceil(zoom[1]) + 1)];
}

function curve(frame: Frame, values: Column, color: string): void {
  const { context, scene, x, y, step } = frame;
  const [first, last] = shownPlaces(frame);
  context.strokeStyle = color;
  context.lineWidth = step > POINTS_FROM ? 1.5 : 1.1;
  context.lineJoin = "round";
  context.beginPath();
  for (let place = first; place < last; place += 1)
    context.lineTo(x(place), y(values[scene.order[place] as number] as number));
  context.stroke();
  context.lineWidth = 1;
  if (step <= POINTS_FROM) return;
  context.fillStyle = color;
  context.beginPath();
  for (let place = first; place < last; place += 1) {
    const [across, down] = [x(place), y(values[scene.order[place] as number] as number)];
    context.moveTo(across + 2.5, down);
    context.arc(across, down, 2.5, 0, 2 * Math.PI);
  }
  context.fill();
}

/** Filled between its bounds; a neuron without bounds leaves a gap. */
function band(frame: Frame, [low, high]: readonly [Column, Column], color: string): void {
  const { context, scene, x, y } = frame;
  const [first, last] = shownPlaces(frame);
  const hasBounds = (place: number): boolean =>
    place < last && !Number.isNaN(low[scene.order[place] as number]);
  context.fillStyle = color;
  context.strokeStyle = color;
  for (let start = first; start < last; start += 1) {
    if (!hasBounds(start)) continue;
    let end = start;
    while (hasBounds(end)) end += 1;
    context.beginPath();
    for (let place = start; place < end; place += 1) {
      context.lineTo(x(place), y(high[scene.order[place] as number] as number));
    }
    for (let place = end - 1; place >= start; place -= 1) {
      context.lineTo(x(place), y(low[scene.order[place] as number] as number));
    }
    context.closePath();
    context.fill();
    // Intervals of a mean can be very narrow; their edges stay visible.
    context.stroke();
    start = end;
  }
}

function selection({ context, scene, colors, x, top, bottom, step }: Frame): void {
  context.fillStyle = colors.ink;
  const width = Math.max(1.5, Math.min(step - 1, 6));
  for (const neuron of scene.chosen) {
    const middle = x(scene.places[neuron] as number);
    context.fillRect(middle - width / 2, bottom - 6, width, 6);
  }
  context.strokeStyle = colors.ink;
  context.lineWidth = 1.5;
  const middle = x(scene.places[scene.focus] as number);
  line(context, middle, top, middle, bottom);
  context.lineWidth = 1;
}

/** Numbers at the points of the extreme neurons; a number that would overlap an earlier one is left out. */
function names(frame: Frame): void {
  const { context, scene, colors, font, x, y, left, right, top, bottom, step } = frame;
  const { curves, zoom } = scene;
  if (frame.numbered) return;
  context.font = font(600);
  context.textBaseline = "middle";
  const taken: [number, number, number][] = [];
  for (const neuron of scene.named) {
    const place = scene.places[neuron] as number;
    if (place < zoom[0] || place + 1 > zoom[1]) continue;
    const [benign, adversarial] = [curves.benign[neuron] as number, curves.adversarial[neuron] as number];
    const peak = Math.abs(benign) >= Math.abs(adversarial) ? benign : adversarial;
    const [across, down] = [x(place), Math.min(bottom - 5, Math.max(top + 5, y(peak)))];
    const text = `${neuron}`;
    const width = context.measureText(text).width;
    const side = across < (left + right) / 2 ? 1 : -1;
    const start = across + side * (Math.max(3, step / 2) + 3) - (side < 0 ? width : 0);
    if (
      taken.some(
        ([a, b, height]) => start < b + 4 && start + width > a - 4 && Math.abs(down - height) < TEXT + 1,
      )
    )
      continue;
    taken.push([start, start + width, down]);
    context.fillStyle = colors.ink;
    context.beginPath();
    context.arc(across, y(peak), 2.5, 0, 2 * Math.PI);
    context.fill();
    context.strokeStyle = colors.panel;
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.textAlign = "left";
    context.strokeText(text, start, down);
    context.lineWidth = 1;
    context.fillStyle = colors.ink;
    context.fillText(text, start, down);
  }
}

function neuronNumbers(frame: Frame): void {
  const { context, scene, colors, font, x, bottom, left, right } = frame;
  if (!frame.numbered) return;
  const [first, last] = shownPlaces(frame);
  context.textAlign = "center";
  context.textBaseline = "top";
  for (let place = first; place < last; place += 1) {
    const middle = x(place);
    if (middle < left || middle > right) continue;
    const neuron = scene.order[place] as number;
    context.font = font(scene.chosen.includes(neuron) ? 700 : 400);
    context.fillStyle = colors.ink;
    context.fillText(`${neuron}`, middle, bottom + 4);
  }
}

/** The meaning of the axis, in words below it. */
function words(frame: Frame): void {
  const { context, scene, colors, font, left, right } = frame;
  const height = frame.height - 3;
  context.font = font();
  context.textBaseline = "bottom";
  context.fillStyle = colors.muted;
  const write = (text: string, at: number, align: CanvasTextAlign): void => {
    context.textAlign = align;
    context.fillText(text, at, height);
  };
  if (!scene.regions) {
    write(`◀ ${scene.ends[0]}`, left, "left");
    write(`${scene.ends[1]} ▶`, right, "right");
    return;
  }
  const { inhibited, unchanged, excited } = scene.regions;
  const [first, second] = regionEdges(frame, scene.regions);
  const texts = [
    `◀ inhibited by the attack · ${inhibited}`,
    `unchanged · ${unchanged}`,
    `excited by the attack · ${excited} ▶`,
  ] as const;
  const [start, middle, end] = texts.map((text) => context.measureText(text).width) as [
    number,
    number,
    number,
  ];
  write(texts[0], left, "left");
  write(texts[2], right, "right");
  const center = Math.min(
    right - end - 12 - middle / 2,
    Math.max(left + start + 12 + middle / 2, (first + second) / 2),
  );
  if (start + middle + end + 24 < right - left) write(texts[1], center, "center");
}

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

/** A text shortened to a width. */
function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > width) shown = `${shown.slice(0, -2)}…`;
  return shown;
}
