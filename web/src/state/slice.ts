import type { RecordSummary } from "../api/types";

/**
 * A parameter of the page's address, and the part of the state that it holds. It may depend on the parameters declared
 * before it in the same slice, which are in `before`.
 */
export interface Parameter<Value, State = object> {
  readonly initial: (summary: RecordSummary, before: Partial<State>) => Value;
  /** The value of a text; undefined if the text is invalid or names something that the record does not have. */
  readonly parse: (text: string, summary: RecordSummary, before: Partial<State>) => Value | undefined;
  readonly format: (value: Value) => string;
}

/** A part of the page's state, and how the address holds it. */
export interface Slice<State extends object> {
  /** Its parameters in the address. */
  readonly names: readonly string[];
  initial(summary: RecordSummary): State;
  /** The state of an address. Parameters that are missing or invalid have their initial value. */
  parse(query: URLSearchParams, summary: RecordSummary): State;
  /** The parameters that differ from their initial value. */
  format(state: State, summary: RecordSummary): [name: string, text: string][];
}

/** A slice with one field for each of its parameters. */
export function slice<State extends object>(parameters: {
  readonly [Name in keyof State]: Parameter<State[Name], State>;
}): Slice<State> {
  const names = Object.keys(parameters) as (keyof State & string)[];
  const parse = (query: URLSearchParams, summary: RecordSummary): State => {
    const state: Partial<State> = {};
    for (const name of names) {
      const parameter = parameters[name];
      const text = query.get(name);
      const value = text === null ? undefined : parameter.parse(text, summary, state);
      state[name] = value === undefined ? parameter.initial(summary, state) : value;
    }
    return state as State;
  };
  return {
    names,
    parse,
    initial: (summary) => parse(new URLSearchParams(), summary),
    format: (state, summary) =>
      names.flatMap((name): [string, string][] => {
        const { initial, format } = parameters[name];
        const text = format(state[name]);
        return text === format(initial(summary, state)) ? [] : [[name, text]];
      }),
  };
}

/**
 * One slice that combines several.
 *
 * @throws Error if two slices declare the same parameter
 */
export function compose(slices: readonly Slice<object>[]): Slice<object> {
  const names = slices.flatMap((one) => one.names);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new Error(`two slices declare the parameter ${twice}`);
  const merged = (states: readonly object[]): object => Object.assign({}, ...states) as object;
  return {
    names,
    parse: (query, summary) => merged(slices.map((one) => one.parse(query, summary))),
    initial: (summary) => merged(slices.map((one) => one.initial(summary))),
    format: (state, summary) => slices.flatMap((one) => one.format(state, summary)),
  };
}

/** A parser that accepts only some words. */
export function oneOf<Word extends string>(words: readonly Word[]): (text: string) => Word | undefined {
  return (text) => words.find((word) => word === text);
}

/** A parser of whole numbers from 0 to below a limit. */
export function wholeNumberBelow(limit: number): (text: string) => number | undefined {
  return (text) => (/^\d+$/.test(text) && Number(text) < limit ? Number(text) : undefined);
}

/** A parameter whose value is one of a few words. */
export function choice<Word extends string>(words: readonly Word[], initial: Word): Parameter<Word> {
  return { initial: () => initial, parse: oneOf(words), format: (word) => word };
}
