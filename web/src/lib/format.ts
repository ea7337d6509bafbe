/** Numbers on the page: a true minus sign (U+2212), and equal decimals in a column. */

import { format } from "d3-format";

const UNKNOWN = "–";
const twoDecimals = format(".2f");
const threeDigits = format(",.3~r");
const oneDigit = format(".0~e");
/** Smaller numbers are written as powers of ten. */
const TINY = 1e-3;
/** The smallest number that two decimals do not round to zero. */
const ROUNDS_TO_ZERO = 0.005;

/** A probability, or another number from 0 to 1: two decimals without a leading zero, such as ".86" and "<.01". */
export function probability(value: number): string {
  if (Number.isNaN(value)) return UNKNOWN;
  if (value > 0 && value < ROUNDS_TO_ZERO) return "<.01";
  return twoDecimals(value).replace(/^(−?)0\./, "$1.");
}

/** A part of a whole, as a whole percentage. */
export function share(value: number): string {
  return value > 0 && value < ROUNDS_TO_ZERO ? "<1 %" : `${Math.round(100 * value)} %`;
}

/** A number of any size: three significant digits. */
export function number(value: number): string {
  if (Number.isNaN(value)) return UNKNOWN;
  return value !== 0 && Math.abs(value) < TINY ? oneDigit(value) : threeDigits(value);
}

/** A number in a column: two decimals, or a power of ten if they are zeros. */
export function inColumn(value: number): string {
  if (Number.isNaN(value)) return UNKNOWN;
  return value !== 0 && Math.abs(value) < ROUNDS_TO_ZERO ? oneDigit(value) : twoDecimals(value);
}

/** A number with its sign, unless it is zero. */
export function signed(value: number): string {
  return value > 0 ? `+${number(value)}` : number(value);
}

/** A whole number with separated thousands. */
export const count = format(",d");

/** How a measure's values are shown. */
export type Display = "number" | "change" | "share";

/** A value of a measure; a dash if it is unknown. */
export function formatted(value: number, display: Display): string {
  return { number, change: signed, share: probability }[display](value);
}

/** The same in a column. */
export function formattedInColumn(value: number, display: Display): string {
  return display === "share" ? probability(value) : inColumn(value);
}

/** "1 pair", "8,457 pairs". */
export function pairCount(pairs: number): string {
  return `${count(pairs)} ${pairs === 1 ? "pair" : "pairs"}`;
}
