/** Draws the neurons' contributions on both images and the bands of both classes (paper, Figure 4). */

import { scaleLinear, type ScaleLinear } from "d3-scale";
import { count, number } from "../lib/format";
import { valueRange, type Regions, type ValueRange, type Zoom } from "../lib/neuron_axis";
import { strokeRing, type Palette } from "./canvas.svelte";
import type { PlotRows } from "./neuron_plot_rows";

type Column = ArrayLike<number>;

/** Values by neuron; NaN where there is none. */
export interface NeuronCurves {
  readonly benign: Column;
  readonly adversarial: Column;
  readonly benignBand: readonly [low: Column, high: Column];
  readonly adversarialBand: readonly [low: Column, high: Column];
}

/** Colors of the curves and bands. */
export interface CurveColors {
  readonly benign: string;
  readonly adversarial: string;
  readonly benignBand: string;
  readonly adversarialBand: string;
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
  /** Inhibited and excited neurons, if the neurons are sorted by a signed measure. */
  readonly regions: Regions | undefined;
  /** Values of the measure that the neurons are sorted by, if it has any. */
  readonly sorted: Column | undefined;
  /** Formats such a value. */
  readonly format: (value: number) => string;
  /** Intervals of the neurons' ranks, for means over several pairs. */
  readonly ranks: readonly [low: Column, high: Column] | undefined;
  /** The colors of the two labels; undefined for those of the two images. */
  readonly labelColors: CurveColors | undefined;
}

export interface Frame {
  readonly context: CanvasRenderingContext2D;
  readonly scene: NeuronPlotScene;
  readonly rows: PlotRows;
  readonly colors: Palette & CurveColors;
  readonly font: (weight?: number) => string;
  readonly x: (place: number) => number;
  readonly y: ScaleLinear<number, number>;
  /** The range of `y`. */
  readonly range: ValueRange;
  /** Pixels per neuron. */
  readonly step: number;
  /** Pixels of the design per pixel: type and marks grow with the page's font. */
  readonly unit: number;
}

const BAND_EDGE = 3;
/** The shortest distance between two ticks of the vertical axis. */
const TICK = 34;

function rangeOf({ curves, order, zoom }: NeuronPlotScene): ValueRange {
  const bands = [...curves.benignBand, ...curves.adversarialBand];
  return valueRange([curves.benign, curves.adversarial], bands, order, zoom);
}

export function frameOf(
  context: CanvasRenderingContext2D,
  scene: NeuronPlotScene,
  rows: PlotRows,
  colors: Palette,
  font: (weight?: number) => string,
  unit: number,
): Frame {
  const { zoom } = scene;
  const step = (rows.right - rows.left) / (zoom[1] - zoom[0]);
  const range = rangeOf(scene);
  const { benign, adversarial } = colors;
  const images = {
    benign,
    adversarial,
    benignBand: colors["benign-band"],
    adversarialBand: colors["adversarial-band"],
  };
  return {
    context,
    scene,
    rows,
    colors: { ...colors, ...(scene.labelColors ?? images) },
    font,
    step,
    unit,
    x: (place) => rows.left + (place + 0.5 - zoom[0]) * step,
    y: scaleLinear([range.low, range.high], [rows.bottom, rows.top]),
    range,
  };
}

/** The vertical axis with its grid. */
export function drawValueAxis({ context, colors, font, y, rows, unit }: Frame): void {
  const { left, right, top, bottom } = rows;
  const ticks = y.ticks(Math.max(3, Math.round((bottom - top) / (TICK * unit))));
  const format = y.tickFormat(ticks.length);
  context.font = font();
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const tick of ticks) {
    const down = Math.round(y(tick)) + 0.5;
    context.strokeStyle = tick === 0 ? colors.axis : colors.hair;
    line(context, left, down, right, down);
    context.fillStyle = colors.muted;
    context.fillText(tick === 0 ? "0" : format(tick), left - 8 * unit, down);
  }
}

/** Two curves and two bands, and a line at the focused neuron. */
export function drawCurves(frame: Frame): void {
  const { scene, colors } = frame;
  const { curves } = scene;
  clipped(frame, () => {
    band(frame, curves.benignBand, colors.benignBand);
    band(frame, curves.adversarialBand, colors.adversarialBand);
    curve(frame, curves.benign, colors.benign);
    curve(frame, curves.adversarial, colors.adversarial);
    chosenMarks(frame);
  });
  focusLine(frame);
}

function clipped({ context, rows }: Frame, draw: () => void): void {
  context.save();
  context.beginPath();
  // Points and lines at the edge may extend over it.
  context.rect(rows.left, rows.top - 3, rows.right - rows.left, rows.bottom - rows.top + 6);
  context.clip();
  draw();
  context.restore();
}

/** The shown range of the order and one more neuron on each side, so that lines reach the edges. */
export function shownPlaces({ scene: { order, zoom } }: Frame): [number, number] {
  return [Math.max(0, Math.floor(zoom[0]) - 1), Math.min(order.length, Math.ceil(zoom[1]) + 1)];
}

function curve(frame: Frame, values: Column, color: string): void {
  const { context, scene, x, y, unit } = frame;
  const [first, last] = shownPlaces(frame);
  context.strokeStyle = color;
  context.lineWidth = 1.2 * unit;
  context.lineJoin = "round";
  context.beginPath();
  for (let place = first; place < last; place += 1)
    context.lineTo(x(place), y(values[scene.order[place] as number] as number));
  context.stroke();
  context.lineWidth = 1;
}

/** Filled between its bounds; a neuron without bounds leaves a gap. */
function band(frame: Frame, [low, high]: readonly [Column, Column], color: string): void {
  const { context, scene, x, y, unit } = frame;
  const [first, last] = shownPlaces(frame);
  const hasBounds = (place: number): boolean =>
    place < last && !Number.isNaN(low[scene.order[place] as number]);
  context.fillStyle = color;
  context.strokeStyle = color;
  context.lineJoin = "round";
  // Intervals of a mean can be very narrow; their edges stay visible.
  context.lineWidth = BAND_EDGE * unit;
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
    context.stroke();
    start = end;
  }
  context.lineWidth = 1;
}

function chosenMarks({ context, scene, colors, x, rows, step, unit }: Frame): void {
  if (scene.chosen.length < 2) return;
  context.fillStyle = colors.ink;
  const width = Math.max(1.5, Math.min(step - 1, 6)) * unit;
  for (const neuron of scene.chosen) {
    const middle = x(scene.places[neuron] as number);
    context.fillRect(middle - width / 2, rows.bottom - 6 * unit, width, 6 * unit);
  }
}

/** The focused neuron: a line with its number and place, and its two points. */
function focusLine(frame: Frame): void {
  const { context, scene, colors, font, x, rows, unit } = frame;
  const { curves, focus, order } = scene;
  const place = scene.places[focus] ?? 0;
  const middle = x(place);
  if (middle < rows.left || middle > rows.right) return;
  context.strokeStyle = colors.ink;
  context.lineWidth = 1.5 * unit;
  line(context, middle, rows.top - 4 * unit, middle, rows.bottom);
  context.lineWidth = 1;
  point(frame, middle, curves.benign[focus] as number, colors.benign, true);
  point(frame, middle, curves.adversarial[focus] as number, colors.adversarial, true);
  const isRight = isFocusRight(frame);
  context.textAlign = isRight ? "right" : "left";
  context.textBaseline = "top";
  const across = middle + (isRight ? -9 : 9) * unit;
  const lines = [
    { text: `neuron ${focus}`, weight: 600, color: colors.ink },
    { text: `place ${count(place + 1)} of ${count(order.length)}`, weight: 400, color: colors.muted },
  ];
  for (const [index, { text, weight, color }] of lines.entries()) {
    context.font = font(weight);
    textWithHalo(frame, text, across, rows.top + index * 15 * unit, color);
  }
}

/** Whether the focused neuron is in the right half of the plot. */
function isFocusRight({ scene, x, rows }: Frame): boolean {
  return x(scene.places[scene.focus] ?? 0) > (rows.left + rows.right) / 2;
}

/** A text that is legible on curves. */
function textWithHalo(
  { context, colors, unit }: Frame,
  text: string,
  across: number,
  down: number,
  color: string,
): void {
  context.strokeStyle = colors.panel;
  context.lineWidth = 3.5 * unit;
  context.lineJoin = "round";
  context.strokeText(text, across, down);
  context.lineWidth = 1;
  context.fillStyle = color;
  context.fillText(text, across, down);
}

/** A neuron's value on one image. The focused neuron's points have a ring. */
export function point(
  { context, colors, y, rows, step, unit }: Frame,
  middle: number,
  value: number,
  color: string,
  isFocus: boolean,
): void {
  if (Number.isNaN(value)) return;
  const radius = (isFocus ? 4.5 : Math.min(3.4, Math.max(1.6, step / (5 * unit)))) * unit;
  const path = new Path2D();
  path.arc(middle, Math.min(rows.bottom, Math.max(rows.top, y(value))), radius, 0, 2 * Math.PI);
  if (isFocus) strokeRing(context, path, colors);
  context.fillStyle = color;
  context.fill(path);
}

/** The end of the widest band, if the axis does not reach it. It is away from the focused neuron's number. */
export function drawBeyond(frame: Frame): void {
  const { context, colors, font, rows, unit } = frame;
  const { beyond } = frame.range;
  if (!beyond) return;
  const isAbove = beyond.value > 0;
  const text = `${isAbove ? "↑" : "↓"} bands to ${number(beyond.value)} (neuron ${beyond.neuron})`;
  context.font = font();
  const isLeft = isFocusRight(frame);
  context.textAlign = isLeft ? "left" : "right";
  context.textBaseline = isAbove ? "top" : "bottom";
  const across = isLeft ? rows.left + 4 * unit : rows.right - 4 * unit;
  textWithHalo(frame, text, across, isAbove ? rows.top : rows.bottom - 2 * unit, colors.muted);
}

export function line(
  context: CanvasRenderingContext2D,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}
