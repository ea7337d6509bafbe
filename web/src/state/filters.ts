import type { RecordSummary } from "../api/types";
import type { Table } from "../lib/table";
import type { ValueRange } from "../lib/value_range";
import type { Slice } from "./slice";

/** What pairs must have to be shown. Values without a limit are missing. */
export interface PairFilters {
  /** Words, each of which is the pair's number, or part of a label or of the image's name. */
  readonly text: string;
  readonly ranges: Readonly<Record<string, ValueRange>>;
  readonly flags: Readonly<Record<string, boolean>>;
}

export interface FilterState {
  readonly filters: PairFilters;
}

/** The names that a text is compared with: of the classes, and of the image of each pair. */
export interface PairNames {
  readonly classes: readonly string[];
  readonly images: readonly string[];
}

export const NO_FILTERS: PairFilters = { text: "", ranges: {}, flags: {} };
const TEXT = "text";
const BETWEEN = "..";

/** Filters with another range; one without limits is dropped. */
export function withRange(filters: PairFilters, name: string, range: ValueRange): PairFilters {
  const others = without(filters.ranges, name);
  const isOpen = range[0] === null && range[1] === null;
  return { ...filters, ranges: isOpen ? others : { ...others, [name]: range } };
}

/** Filters with another flag; null drops it. */
export function withFlag(filters: PairFilters, name: string, value: boolean | null): PairFilters {
  const others = without(filters.flags, name);
  return { ...filters, flags: value === null ? others : { ...others, [name]: value } };
}

function without<Value>(values: Readonly<Record<string, Value>>, name: string): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).filter(([other]) => other !== name));
}

/** Filters as parameters of the address: names and texts. */
function parametersOf({ text, ranges, flags }: PairFilters): [name: string, text: string][] {
  const limit = (value: number | null): string => `${value ?? ""}`;
  return [
    ...Object.entries(ranges).map(([name, [low, high]]): [string, string] => [
      name,
      limit(low) + BETWEEN + limit(high),
    ]),
    ...Object.entries(flags).map(([name, value]): [string, string] => [name, value ? "yes" : "no"]),
    ...(text.trim() ? [[TEXT, text.trim()] as [string, string]] : []),
  ];
}

/** Equal for equal filters; empty if there are none. */
export function filtersText(filters: PairFilters): string {
  return new URLSearchParams(parametersOf(filters)).toString();
}

/** The filters of a record in the address, by the server's names for them. */
export function filtersSlice({ pair_filters: declared }: RecordSummary): Slice<FilterState> {
  return {
    names: [...declared.map(({ name }) => name), TEXT],
    initial: () => ({ filters: NO_FILTERS }),
    parse: (query) => {
      let filters: PairFilters = { ...NO_FILTERS, text: query.get(TEXT)?.trim() ?? "" };
      for (const { name, kind } of declared) {
        const text = query.get(name) ?? "";
        if (kind === "range") filters = withRange(filters, name, parseRange(text));
        else if (text === "yes" || text === "no") filters = withFlag(filters, name, text === "yes");
      }
      return { filters };
    },
    format: ({ filters }) => parametersOf(filters),
  };
}

/** The range in a text such as "0.5..0.9" or "..1.2"; without limits if the text is invalid. */
function parseRange(text: string): ValueRange {
  const ends = text.split(BETWEEN).map((end) => (end.trim() ? Number(end) : null));
  const [low = null, high = null] = ends;
  const isValid =
    ends.length === 2 && ends.every((end) => end === null || Number.isFinite(end)) && !isEmpty([low, high]);
  return isValid ? [low, high] : [null, null];
}

function isEmpty([low, high]: ValueRange): boolean {
  return low !== null && high !== null && low > high;
}

/** Names in the form in which they are compared. */
export function folded(names: readonly string[]): string[] {
  return names.map((name) => name.normalize("NFC").toLowerCase());
}

/**
 * A test of whether a pair passes filters: the same pairs as those of `Analysis.filter_pairs`.
 *
 * @param names - folded names; while they are not loaded, the text is not compared
 */
export function passing(
  { text, ranges, flags }: PairFilters,
  pairs: Table,
  names: PairNames | undefined,
): (pair: number) => boolean {
  const tests: ((pair: number) => boolean)[] = [];
  for (const [name, [low, high]] of Object.entries(ranges)) {
    const values = pairs.column(name);
    const [least, most] = [low ?? -Infinity, high ?? Infinity];
    tests.push((pair) => (values[pair] as number) >= least && (values[pair] as number) <= most);
  }
  for (const [name, wanted] of Object.entries(flags)) {
    const values = pairs.column(name);
    tests.push((pair) => (values[pair] !== 0) === wanted);
  }
  if (names) {
    const [benign, adversarial] = [pairs.column("benign_label"), pairs.column("adversarial_label")];
    for (const word of folded(text.split(/\s+/).filter(Boolean))) {
      const inClass = names.classes.map((name) => name.includes(word));
      tests.push(
        (pair) =>
          inClass[benign[pair] as number] ||
          inClass[adversarial[pair] as number] ||
          names.images[pair]?.includes(word) ||
          word === `${pair}`,
      );
    }
  }
  return (pair) => tests.every((test) => test(pair));
}
