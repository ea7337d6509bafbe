/** Places of the rows of the plot of neurons, from top to bottom. */

import { isFew, WITH_FIELDS, type Zoom } from "../lib/neuron_axis";

/** Positions in pixels. A row that is not shown is undefined. */
export interface PlotRows {
  readonly left: number;
  readonly right: number;
  /** The curves. */
  readonly top: number;
  readonly bottom: number;
  /** Upper edge of the bar for inhibited, unchanged and excited neurons. */
  readonly bar: number | undefined;
  readonly ranks: Span | undefined;
  /** Upper edge of the neurons' numbers. */
  readonly numbers: number | undefined;
  /** Bars of the measure that the neurons are sorted by. */
  readonly measure: Span | undefined;
  /** The receptive fields on both images. */
  readonly fields: FieldRows | undefined;
}

interface Span {
  readonly top: number;
  readonly bottom: number;
}

export interface FieldRows {
  /** Middle of the first shown neuron's column, and the distance to the next. */
  readonly first: number;
  readonly across: number;
  readonly top: number;
  readonly down: number;
  /** Side of a receptive field. */
  readonly side: number;
}

const LEFT = 36;
const TOP = 8;
const AIR = 5;
export const BAR = 4;
const NUMBERS = 14;
const MEASURE = 20;
const RANKS = 24;
const LARGEST_FIELD = 48;
/** Receptive fields are left out if the curves would be lower than this. */
const LOWEST_CURVES = 60;

export function rowsOf(
  { width, height }: { readonly width: number; readonly height: number },
  /** What is shown; rows without contents are left out. */
  contents: {
    readonly zoom: Zoom;
    readonly regions: unknown;
    readonly sorted: unknown;
    readonly ranks: unknown;
  },
  unit: number,
): PlotRows {
  const { zoom } = contents;
  const few = isFew(zoom);
  const [left, right, top] = [LEFT * unit, width - 1, TOP * unit];
  const step = (right - left) / (zoom[1] - zoom[0]);
  const air = AIR * unit;
  // From the bottom upward.
  let free = height;
  const take = (size: number): Span => {
    const bottom = free;
    free -= size;
    const span = { top: free, bottom };
    free -= air;
    return span;
  };
  const fields = few ? fieldRows(zoom, left, step, unit, free - top) : undefined;
  const fieldsTop = fields && take(fields.down + fields.side).top;
  const measure = few && contents.sorted ? take(MEASURE * unit) : undefined;
  const numbers = few ? take(NUMBERS * unit).top : undefined;
  const ranks = contents.ranks ? take(RANKS * unit) : undefined;
  const bar = contents.regions ? take(BAR * unit).top : undefined;
  return {
    left,
    right,
    top,
    bottom: Math.max(top + 1, free),
    bar,
    ranks,
    numbers,
    measure,
    fields: fields && fieldsTop !== undefined ? { ...fields, top: fieldsTop } : undefined,
  };
}

function fieldRows(
  zoom: Zoom,
  left: number,
  step: number,
  unit: number,
  room: number,
): FieldRows | undefined {
  if (zoom[1] - zoom[0] > WITH_FIELDS) return undefined;
  const lower = (NUMBERS + MEASURE + BAR + 4 * AIR + LOWEST_CURVES) * unit;
  const side = Math.floor(Math.min(step - 2, LARGEST_FIELD * unit, (room - lower) / 2));
  if (side < 12) return undefined;
  const first = left + (Math.floor(zoom[0]) + 0.5 - zoom[0]) * step;
  return { first, across: step, top: 0, down: side + 2, side };
}
