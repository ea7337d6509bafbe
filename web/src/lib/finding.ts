import { formatRanges, parseRanges } from "./ranges";

/** A search result: neurons by their numbers, or a class by its name. */
export type Finding =
  | { readonly kind: "neurons"; readonly text: string; readonly neurons: readonly number[] }
  | {
      readonly kind: "class";
      readonly text: string;
      readonly label: number;
      readonly side: "benign" | "adversarial";
      /** Pairs of the row or column. */
      readonly pairs: number;
    };

/** A class, with the number of pairs that have it as benign and as adversarial label. */
export interface FoundClass {
  readonly label: number;
  readonly name: string;
  readonly benign: number;
  readonly adversarial: number;
}

/** Search results, the best first: names that begin with the text, then those that contain it. */
export function findings(
  text: string,
  neurons: number,
  classes: readonly FoundClass[],
  most: number,
): Finding[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const numbers = parseRanges(wanted, neurons);
  const found: Finding[] = [];
  if (numbers.length) {
    const what = numbers.length === 1 ? "neuron" : `${numbers.length} neurons:`;
    found.push({ kind: "neurons", text: `${what} ${formatRanges(numbers)}`, neurons: numbers });
  }
  const place = ({ name }: FoundClass): number => name.toLowerCase().indexOf(wanted);
  const named = classes
    .filter((one) => place(one) >= 0)
    .sort((a, b) => place(a) - place(b) || a.name.length - b.name.length || a.label - b.label);
  for (const { label, name, benign, adversarial } of named) {
    if (benign)
      found.push({ kind: "class", text: `${name} → any class`, label, side: "benign", pairs: benign });
    if (adversarial)
      found.push({
        kind: "class",
        text: `any class → ${name}`,
        label,
        side: "adversarial",
        pairs: adversarial,
      });
  }
  return found.slice(0, most);
}
