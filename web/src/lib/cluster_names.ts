/** Names of classes on their points in a scatterplot. */

import { median, quantile } from "d3-array";
import { toScreen } from "./frame";
import { HIDDEN, type Dots, type Frame } from "./dots";

/** A class with points in a plot. */
export interface ClusterName {
  readonly label: number;
  readonly points: number;
  /** Median of its points, in data. */
  readonly x: number;
  readonly y: number;
  /** Its highlighted points: their median, and where most of them end; undefined if there are none. */
  readonly chosen: { readonly x: number; readonly bottom: number; readonly top: number } | undefined;
}

/** A name with its place in the plot: the middle of the text, in pixels. */
export interface PlacedName extends ClusterName {
  readonly left: number;
  readonly top: number;
}

/** If more classes are highlighted, their names stay on their clusters. */
const MOST_CHOSEN = 3;
/** Part of the highlighted points that a name is moved off. */
const MOST_POINTS = 0.95;
/** Distances that a name is moved by, in lines, to make room for others. */
const NUDGES = [0, -1, 1, -2, 2];
/** A name would hide so few points. */
const FEW_POINTS = 10;

/** Classes with visible points: highlighted ones first, then by their number of points. */
export function clusterNames(labels: ArrayLike<number>, dots: Omit<Dots, "order">): ClusterName[] {
  const members = new Map<number, number[]>();
  dots.colors.forEach((color, point) => {
    if (color === HIDDEN || Number.isNaN(dots.x[point])) return;
    const label = labels[point] as number;
    const others = members.get(label);
    if (others) others.push(point);
    else members.set(label, [point]);
  });
  const chosen = new Map(
    [...members].flatMap(([label, points]) => {
      const own = points.filter((point) => dots.chosen?.[point]);
      return own.length ? [[label, own] as const] : [];
    }),
  );
  const names = [...members].map(([label, points]): ClusterName => {
    const own = chosen.size <= MOST_CHOSEN ? chosen.get(label) : undefined;
    const [xs, ys] = [dots.x, dots.y].map((values) => points.map((point) => values[point] as number));
    const heights = own?.map((point) => dots.y[point] as number) ?? [];
    return {
      label,
      points: points.length,
      x: median(xs ?? []) ?? 0,
      y: median(ys ?? []) ?? 0,
      chosen: own && {
        x: median(own, (point) => dots.x[point]) ?? 0,
        bottom: quantile(heights, 1 - MOST_POINTS) ?? 0,
        top: quantile(heights, MOST_POINTS) ?? 0,
      },
    };
  });
  return names.sort((a, b) => Number(!a.chosen) - Number(!b.chosen) || b.points - a.points);
}

/**
 * Places names in the order given, without overlaps. A name is moved a little to make room, and left out if there is none.
 *
 * @param height - of a line of text
 * @param ring - the focused point's ring, which no name covers
 * @param measure - width of a class's name
 */
export function placeNames(
  names: readonly ClusterName[],
  frame: Frame,
  plot: { readonly width: number; readonly height: number },
  height: number,
  ring: { readonly x: number; readonly y: number; readonly radius: number } | undefined,
  measure: (name: ClusterName) => number,
): PlacedName[] {
  const placed: (PlacedName & { readonly half: number })[] = [];
  for (const name of names) {
    const half = measure(name) / 2;
    for (const top of wantedTops(name, frame, plot.height, height)) {
      const { x } = toScreen(frame, { x: name.chosen?.x ?? name.x, y: 0 });
      const isOutside = x < 0 || x > plot.width || top < height / 2 || top > plot.height - height / 2;
      const left = Math.min(plot.width - half, Math.max(half, x));
      const overlaps = placed.some(
        (other) => Math.abs(other.left - left) < other.half + half && Math.abs(other.top - top) < height,
      );
      const coversRing =
        ring !== undefined &&
        Math.abs(ring.x - left) < ring.radius + half &&
        Math.abs(ring.y - top) < ring.radius + height / 2;
      if (isOutside || overlaps || coversRing) continue;
      placed.push({ ...name, left, top, half });
      break;
    }
  }
  return placed;
}

function wantedTops(name: ClusterName, frame: Frame, height: number, line: number): number[] {
  if (!name.chosen) {
    const { y } = toScreen(frame, name);
    const nudges = name.points < FEW_POINTS ? NUDGES.slice(1) : NUDGES;
    return nudges.map((lines) => y + lines * line);
  }
  const below = toScreen(frame, { x: 0, y: name.chosen.bottom }).y + line;
  const above = toScreen(frame, { x: 0, y: name.chosen.top }).y - line;
  // The names of others are moved instead; at the plot's ends, it is better on its points than nowhere.
  return [below, above, below + line, above - line, Math.min(height - line, Math.max(line, below))];
}
