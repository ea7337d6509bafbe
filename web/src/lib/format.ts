import { format } from "d3-format";

/** A probability, or another number up to 1: two decimals. */
export const probability = format(".2f");

/** A signed number: three significant digits, and a true minus sign. */
export const signed = format("+.3~g");

/** A whole number with separated thousands. */
export const count = format(",d");

/** A distance of any size, without an exponent: three significant digits. */
export const distance = format(",.3~r");

/** How a measure's values are shown. */
export type Display = "number" | "change" | "share";

/** A value of a measure; a dash if it is unknown. */
export function formatted(value: number, display: Display): string {
  if (Number.isNaN(value)) return "–";
  return { number, change: signed, share: probability }[display](value);
}

/** Any other number: three significant digits; a dash if unknown. */
export function number(value: number): string {
  return Number.isNaN(value) ? "–" : format(".3~g")(value);
}

/** "1 pair", "8,457 pairs". */
export function pairCount(pairs: number): string {
  return `${count(pairs)} ${pairs === 1 ? "pair" : "pairs"}`;
}
