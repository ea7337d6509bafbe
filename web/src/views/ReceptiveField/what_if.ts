import { inColumn } from "../../lib/format";
import { withArticle } from "../../lib/text";

interface Change {
  /** Name of the image's label. */
  readonly name: string;
  /** Probability of this label before and after the substitution. */
  readonly before: number;
  readonly after: number;
  /** Name of the label after the substitution. */
  readonly nameAfter: string;
  /** Number of substituted neurons. */
  readonly neurons: number;
}

/** Smaller changes are not visible in two decimals. */
const VISIBLE = 0.005;

/** What the substitution of some neurons means, in one sentence. */
export function verdict({ name, before, after, nameAfter, neurons }: Change): string {
  const label = name === nameAfter ? `Still ${withArticle(name)}` : `Now ${withArticle(nameAfter)}`;
  const change = after - before;
  if (Math.abs(change) < VISIBLE) return `${label}: p(${name}) hardly changes.`;
  const moves = neurons === 1 ? "one neuron moves" : `${neurons} neurons move`;
  return `${label}: ${moves} p(${name}) by ${change > 0 ? "+" : ""}${inColumn(change)}.`;
}
