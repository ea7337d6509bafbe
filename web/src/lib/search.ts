import { formatRanges, parseRanges } from "./ranges";

/** A search result: neurons by their numbers, or a class by its name. */
export type SearchResult =
  | { readonly kind: "neurons"; readonly text: string; readonly neurons: readonly number[] }
  | {
      readonly kind: "class";
      readonly text: string;
      readonly label: number;
      readonly side: "benign" | "adversarial";
      /** Pairs of the row or column. */
      readonly pairs: number;
    };

/** A class, with the numbers of pairs that have it as benign and as adversarial label. */
export interface SearchedClass {
  readonly label: number;
  readonly name: string;
  readonly benign: number;
  readonly adversarial: number;
}

/** Search results, the best first: names that begin with the text, then those that contain it. */
export function search(
  text: string,
  neurons: number,
  classes: readonly SearchedClass[],
  most: number,
): SearchResult[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const numbers = parseRanges(wanted, neurons);
  const results: SearchResult[] = [];
  if (numbers.length) {
    const noun = numbers.length === 1 ? "neuron" : `${numbers.length} neurons:`;
    results.push({ kind: "neurons", text: `${noun} ${formatRanges(numbers)}`, neurons: numbers });
  }
  const place = ({ name }: SearchedClass): number => name.toLowerCase().indexOf(wanted);
  const named = classes
    .filter((one) => place(one) >= 0)
    .sort((a, b) => place(a) - place(b) || a.name.length - b.name.length || a.label - b.label);
  for (const { label, name, benign, adversarial } of named) {
    if (benign)
      results.push({ kind: "class", text: `${name} → any class`, label, side: "benign", pairs: benign });
    if (adversarial)
      results.push({
        kind: "class",
        text: `any class → ${name}`,
        label,
        side: "adversarial",
        pairs: adversarial,
      });
  }
  return results.slice(0, most);
}
