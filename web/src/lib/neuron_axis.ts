/** The horizontal axis of the neuron view: places 0 to count, of which a range is shown. */

/** The range of places that is shown: `[low, high)`, with fractions while zooming. */
export type Zoom = readonly [number, number];

/** The smallest number of places that can be zoomed to. */
export const FEWEST = 8;

export function whole(count: number): Zoom {
  return [0, count];
}

/** Make the range `factor` times as wide, with `place` fixed on the screen. */
export function zoomAround([low, high]: Zoom, place: number, factor: number, count: number): Zoom {
  const span = Math.min(count, Math.max(Math.min(FEWEST, count), (high - low) * factor));
  const fixed = (place - low) / (high - low);
  return moved([place - fixed * span, place + (1 - fixed) * span], 0, count);
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

/** Range of some columns over the shown places, extended to include 0, with a margin. */
export function valueRange(
  columns: readonly ArrayLike<number>[],
  order: ArrayLike<number>,
  [low, high]: Zoom,
): [number, number] {
  let [least, most] = [0, 0];
  const last = Math.min(order.length, Math.ceil(high));
  for (let place = Math.max(0, Math.floor(low)); place < last; place += 1) {
    const neuron = order[place] as number;
    for (const column of columns) {
      const value = column[neuron] as number;
      // NaN is neither smaller nor larger.
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  if (least === most) return [-1, 1];
  const margin = 0.05 * (most - least);
  return [least < 0 ? least - margin : 0, most > 0 ? most + margin : 0];
}
