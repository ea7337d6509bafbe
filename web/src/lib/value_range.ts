import { extent, tickStep } from "d3-array";

/** Smallest and largest value, both included; null for no limit. */
export type ValueRange = readonly [low: number | null, high: number | null];

/** The ends of a slider, and the distance between two of its positions. */
export interface SliderEnds {
  readonly low: number;
  readonly high: number;
  readonly step: number;
}

/** A slider over some values: its positions are round numbers, and its ends include all values. */
export function endsAround(values: Iterable<number>, positions: number): SliderEnds {
  const [least = 0, most = 0] = extent(values);
  const step = tickStep(least, most, positions) || 1;
  // Steps are powers of ten, or twice or five times as much; dividing by them would not give round numbers.
  const rounded = (value: number): number => Number(value.toPrecision(12));
  return {
    low: rounded(Math.floor(least / step) * step),
    high: rounded(Math.ceil(most / step) * step),
    step: rounded(step),
  };
}

/** Numbers of values in bins of equal width between two ends; those outside are in the first or last bin. */
export function histogram(values: Iterable<number>, low: number, high: number, bins: number): Uint32Array {
  const counts = new Uint32Array(bins);
  for (const value of values) {
    const bin = Math.floor(((value - low) / (high - low || 1)) * bins);
    const within = Math.min(bins - 1, Math.max(0, bin));
    counts[within] = (counts[within] as number) + 1;
  }
  return counts;
}
