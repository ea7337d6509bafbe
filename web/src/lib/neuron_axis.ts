/** The horizontal axis of the neuron view: places 0 to count, of which a range is shown. */

/** The range of places that is shown: `[low, high)`, with fractions while zooming. */
export type Zoom = readonly [number, number];

/** The smallest number of places that can be zoomed to. */
export const FEWEST = 8;

/** Up to so many shown neurons are drawn one by one. */
const FEW = 80;
/** Up to so many have their receptive fields beneath. */
export const WITH_FIELDS = 40;
/** Number of neurons at the beginning of a ranking that are shown together. */
export const TOP = 25;
/** Part of the screen at either end of the axis where zooming keeps that end. */
const AT_END = 0.1;

export function whole(count: number): Zoom {
  return [0, count];
}

/** Make the range `factor` times as wide, with `place` fixed on the screen. */
export function zoomAround([low, high]: Zoom, place: number, factor: number, count: number): Zoom {
  const span = Math.min(count, Math.max(Math.min(FEWEST, count), (high - low) * factor));
  const fixed = (place - low) / (high - low);
  return moved([place - fixed * span, place + (1 - fixed) * span], 0, count);
}

/** The place that stays where it is while the range is zoomed at a position between 0 and 1. */
export function anchorAt([low, high]: Zoom, position: number, count: number): number {
  if (low <= 0 && position < AT_END) return 0;
  if (high >= count && position > 1 - AT_END) return count;
  return low + Math.min(1, Math.max(0, position)) * (high - low);
}

/** Whether the shown neurons are drawn one by one. */
export function isFew([low, high]: Zoom): boolean {
  return high - low <= FEW;
}

/** The first neurons of the ranking. */
export function topOf(count: number): Zoom {
  return [0, Math.min(TOP, count)];
}

/** Whether the range has the width of the first neurons, wherever it is. */
export function isTop([low, high]: Zoom, count: number): boolean {
  return Math.abs(high - low - Math.min(TOP, count)) < 0.5 && high - low < count;
}

/** The next or previous range of the same width, beginning at a whole place. */
export function paged(zoom: Zoom, direction: 1 | -1, count: number): Zoom {
  const span = Math.round(zoom[1] - zoom[0]);
  return moved([Math.round(zoom[0]), Math.round(zoom[0]) + span], direction * span, count);
}

/** Pan the range by some places, within the axis. */
export function moved([low, high]: Zoom, by: number, count: number): Zoom {
  const span = Math.min(count, high - low);
  const start = Math.min(Math.max(0, low + by), count - span);
  return [start, start + span];
}

/** Pan the range as little as possible to make a place visible. */
export function withPlace(zoom: Zoom, place: number, count: number): Zoom {
  const [low, high] = zoom;
  if (place < low) return moved(zoom, place - low, count);
  if (place + 1 > high) return moved(zoom, place + 1 - high, count);
  return zoom;
}

/** The range as the state holds it: null for all places. */
export function asState([low, high]: Zoom, count: number): Zoom | null {
  return low <= 0 && high >= count ? null : [low, high];
}

/** Place at a position between 0 and 1 on the axis. */
export function placeAt([low, high]: Zoom, position: number, count: number): number {
  return Math.min(count - 1, Math.max(0, Math.floor(low + position * (high - low))));
}

/** First and last place with their middle between two positions; the nearest place if there is none. */
export function placesBetween(
  [low, high]: Zoom,
  [start, end]: readonly [number, number],
  count: number,
): [number, number] {
  const middle = (position: number): number => low + position * (high - low) - 0.5;
  const first = Math.max(0, Math.ceil(middle(start)));
  const last = Math.min(count - 1, Math.floor(middle(end)));
  if (first <= last) return [first, last];
  const nearest = placeAt([low, high], start, count);
  return [nearest, nearest];
}

/** Position of the middle of a place: between 0 and 1 if it is shown. */
export function positionOf([low, high]: Zoom, place: number): number {
  return (place + 0.5 - low) / (high - low);
}

/** Place of each neuron in an order of neurons. */
export function placesOf(order: Uint32Array): Uint32Array {
  const places = new Uint32Array(order.length);
  for (let place = 0; place < order.length; place += 1) places[order[place] as number] = place;
  return places;
}

/** Numbers of neurons that the attack inhibits, leaves unchanged and excites; neurons without a value do not count. */
export interface Regions {
  readonly inhibited: number;
  readonly unchanged: number;
  readonly excited: number;
}

/** Numbers of neurons by the sign of a gap; sorted by the gap, they follow each other from left to right. */
export function regionsOf(gaps: Iterable<number>): Regions {
  let [inhibited, unchanged, excited] = [0, 0, 0];
  for (const gap of gaps) {
    if (gap < 0) inhibited += 1;
    else if (gap > 0) excited += 1;
    else if (gap === 0) unchanged += 1;
  }
  return { inhibited, unchanged, excited };
}

/** Part of the curves' range by which bands may extend it: bands of few images are very wide. */
const ROOM_FOR_BANDS = 0.5;
const MARGIN = 0.05;

/** The vertical axis of the shown places. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
  /** The neuron whose band extends furthest beyond the axis, and where its band ends. */
  readonly beyond: { readonly neuron: number; readonly value: number } | undefined;
}

/** Range of the curves over the shown places, with 0, and of the bands if they are not much wider. */
export function valueRange(
  curves: readonly ArrayLike<number>[],
  bands: readonly ArrayLike<number>[],
  order: ArrayLike<number>,
  zoom: Zoom,
): ValueRange {
  const [least, most] = extentOf(curves, order, zoom);
  const [lowest, highest] = extentOf(bands, order, zoom);
  const room = most > least ? ROOM_FOR_BANDS * (most - least) : Infinity;
  let [low, high] = [
    Math.min(least, Math.max(lowest, least - room)),
    Math.max(most, Math.min(highest, most + room)),
  ];
  if (low === high) return { low: -1, high: 1, beyond: undefined };
  const margin = MARGIN * (high - low);
  if (low < 0) low -= margin;
  if (high > 0) high += margin;
  return { low, high, beyond: furthestBeyond(bands, order, zoom, low, high) };
}

function extentOf(
  columns: readonly ArrayLike<number>[],
  order: ArrayLike<number>,
  zoom: Zoom,
): [number, number] {
  let [least, most] = [0, 0];
  forShown(columns, order, zoom, (value) => {
    // NaN is neither smaller nor larger.
    if (value < least) least = value;
    if (value > most) most = value;
  });
  return [least, most];
}

function furthestBeyond(
  columns: readonly ArrayLike<number>[],
  order: ArrayLike<number>,
  zoom: Zoom,
  low: number,
  high: number,
): ValueRange["beyond"] {
  let furthest = 0;
  let beyond: ValueRange["beyond"];
  forShown(columns, order, zoom, (value, neuron) => {
    const distance = Math.max(low - value, value - high);
    if (distance > furthest) [furthest, beyond] = [distance, { neuron, value }];
  });
  return beyond;
}

function forShown(
  columns: readonly ArrayLike<number>[],
  order: ArrayLike<number>,
  [low, high]: Zoom,
  visit: (value: number, neuron: number) => void,
): void {
  const last = Math.min(order.length, Math.ceil(high));
  for (let place = Math.max(0, Math.floor(low)); place < last; place += 1) {
    const neuron = order[place] as number;
    for (const column of columns) visit(column[neuron] as number, neuron);
  }
}
