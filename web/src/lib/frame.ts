import { extent } from "d3-array";
import type { Frame } from "./dots";

export interface Position {
  readonly x: number;
  readonly y: number;
}

/** Zoom and pan on top of the frame, as in d3-zoom. */
export interface Zoom {
  readonly k: number;
  readonly x: number;
  readonly y: number;
}

/** The frame that shows all points, centered and as large as they fit. */
export function fitFrame(
  xs: Iterable<number>,
  ys: Iterable<number>,
  width: number,
  height: number,
  margin: number,
): Frame {
  const [left = 0, right = 0] = extent(xs);
  const [bottom = 0, top = 0] = extent(ys);
  const scale = Math.min((width - 2 * margin) / (right - left), (height - 2 * margin) / (top - bottom));
  // A single point, or a plot without room.
  const safe = Number.isFinite(scale) && scale > 0 ? scale : 1;
  return {
    scale: safe,
    x: width / 2 - (safe * (left + right)) / 2,
    y: height / 2 + (safe * (bottom + top)) / 2,
  };
}

export function zoomed(frame: Frame, zoom: Zoom): Frame {
  return { scale: zoom.k * frame.scale, x: zoom.k * frame.x + zoom.x, y: zoom.k * frame.y + zoom.y };
}

export function toScreen(frame: Frame, { x, y }: Position): Position {
  return { x: frame.x + frame.scale * x, y: frame.y - frame.scale * y };
}

export function toData(frame: Frame, { x, y }: Position): Position {
  return { x: (x - frame.x) / frame.scale, y: (frame.y - y) / frame.scale };
}

/** A hand-drawn outline reduced to corners that are `spacing` apart, at most `most` of them. */
export function thinned(path: readonly Position[], spacing: number, most: number): Position[] {
  const kept: Position[] = [];
  for (const corner of path) {
    const last = kept.at(-1);
    if (!last || Math.hypot(corner.x - last.x, corner.y - last.y) >= spacing) kept.push(corner);
  }
  const step = Math.ceil(kept.length / most);
  return kept.filter((_, index) => index % step === 0);
}
