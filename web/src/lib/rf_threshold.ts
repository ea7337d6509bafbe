/**
 * Absolute RF thresholds on a slider, whose positions are percentiles of the layer's benign feature maps. Apart from the
 * slider, so that the arithmetic is tested without a page.
 */

/** Level at a percentile from 0 to 100, interpolated between the evenly spaced `percentiles`. */
export function levelAt(percentiles: readonly number[], percentile: number): number {
  const place = (percentile / 100) * (percentiles.length - 1);
  const below = Math.min(percentiles.length - 2, Math.floor(place));
  const [low, high] = [percentiles[below] ?? 0, percentiles[below + 1] ?? 0];
  return low + (place - below) * (high - low);
}

/** Percentile of a level: the largest one if several percentiles have the same level. */
export function percentileOf(percentiles: readonly number[], level: number): number {
  const last = percentiles.length - 1;
  let above = percentiles.findIndex((value) => value > level);
  if (above < 0) above = last + 1;
  if (above === 0) return 0;
  if (above > last) return 100;
  const [low, high] = [percentiles[above - 1] ?? 0, percentiles[above] ?? 0];
  return (100 * (above - 1 + (level - low) / (high - low))) / last;
}

/** "80th", "81st", "99.5th". */
export function ordinal(value: number): string {
  const shown = Math.round(value * 10) / 10;
  const [tens, ones] = [Math.floor(shown / 10) % 10, shown % 10];
  const ending = tens === 1 ? "th" : ({ 1: "st", 2: "nd", 3: "rd" }[ones] ?? "th");
  return `${shown}${ending}`;
}
