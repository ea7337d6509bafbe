import { formatRanges, parseRanges } from "./ranges";

/** A search result: neurons or a pair by their numbers, a group by its name, or pairs by the names of their classes. */
export type SearchResult =
  | { readonly kind: "neurons"; readonly text: string; readonly neurons: readonly number[] }
  | { readonly kind: "pair"; readonly text: string; readonly pair: number }
  | { readonly kind: "group"; readonly text: string }
  | {
      readonly kind: "cell";
      readonly text: string;
      /** Label of the row; null for any. */
      readonly benign: number | null;
      /** Label of the column; null for any. */
      readonly adversarial: number | null;
      readonly pairs: number;
    };

/** What can be found in a record. */
export interface Searched {
  readonly neurons: number;
  readonly pairs: number;
  readonly classes: readonly SearchedClass[];
  /** Names of groups. */
  readonly groups: readonly string[];
  /** Number of pairs with two labels. */
  readonly count: (benign: number, adversarial: number) => number;
}

/** A class, with the numbers of pairs that have it as benign and as adversarial label. */
export interface SearchedClass {
  readonly label: number;
  readonly name: string;
  readonly benign: number;
  readonly adversarial: number;
}

/** Counts pairs by both labels. */
export function countsBetween(benign: ArrayLike<number>, adversarial: ArrayLike<number>): Searched["count"] {
  const counts = new Map<string, number>();
  for (let pair = 0; pair < benign.length; pair += 1) {
    const cell = `${benign[pair]},${adversarial[pair]}`;
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
  }
  return (row, column) => counts.get(`${row},${column}`) ?? 0;
}

/**
 * Search results, the best first: names that begin with the text come before those that contain it. Two names, such as
 * "cat dog" or "cat -> dog", find the pairs between these classes.
 */
export function search(text: string, searched: Searched, most: number): SearchResult[] {
  const { neurons, pairs, classes, groups } = searched;
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  const numbers = parseRanges(wanted, neurons);
  const results: SearchResult[] = [];
  if (numbers.length) {
    const noun = numbers.length === 1 ? "neuron" : `${numbers.length} neurons:`;
    results.push({ kind: "neurons", text: `${noun} ${formatRanges(numbers)}`, neurons: numbers });
  }
  if (/^\d+$/.test(wanted) && Number(wanted) < pairs) {
    results.push({ kind: "pair", text: `pair ${Number(wanted)}`, pair: Number(wanted) });
  }
  for (const text of groups) {
    if (text.toLowerCase().includes(wanted)) results.push({ kind: "group", text });
  }
  for (const { label, name, benign, adversarial } of named(wanted, classes)) {
    if (benign) {
      const text = `${name} → any class`;
      results.push({ kind: "cell", text, benign: label, adversarial: null, pairs: benign });
    }
    if (adversarial) {
      const text = `any class → ${name}`;
      results.push({ kind: "cell", text, benign: null, adversarial: label, pairs: adversarial });
    }
  }
  return [...results, ...between(wanted, searched)].slice(0, most);
}

/** Classes whose name contains a text, the best match first. */
function named(wanted: string, classes: readonly SearchedClass[]): SearchedClass[] {
  const place = ({ name }: SearchedClass): number => name.toLowerCase().indexOf(wanted);
  return classes
    .filter((one) => place(one) >= 0)
    .sort((a, b) => place(a) - place(b) || a.name.length - b.name.length || a.label - b.label);
}

/** Pairs between two classes. A name may contain spaces, so the text is divided at each of them. */
function between(wanted: string, { classes, count }: Searched): SearchResult[] {
  const found = new Map<string, SearchResult>();
  for (const gap of wanted.matchAll(/\s*(?:->|→)\s*|\s+/g)) {
    const [first, second] = [wanted.slice(0, gap.index), wanted.slice(gap.index + gap[0].length)];
    if (!first || !second) continue;
    for (const benign of named(first, classes)) {
      for (const adversarial of named(second, classes)) {
        const pairs = count(benign.label, adversarial.label);
        const text = `${benign.name} → ${adversarial.name}`;
        const cell = { benign: benign.label, adversarial: adversarial.label };
        if (pairs) found.set(text, { kind: "cell", text, ...cell, pairs });
      }
    }
  }
  return [...found.values()];
}
