/** Options, queries and bodies of requests. */

import type { RecordSummary } from "./types";

/** All columns of means, or those that do not take long for many pairs. */
export type Extent = "quick" | "all";

/** Names of the columns; null for all of them. */
export function columnsOf({ measures }: RecordSummary, extent: Extent): string[] | null {
  return extent === "all" ? null : measures.filter(({ costly }) => !costly).map(({ name }) => name);
}

/** Options of a request. One without a signal is a prefetch, so its failure is not reported. */
export function requestOptions(
  signal: AbortSignal | undefined,
): { signal: AbortSignal } | { fetch: typeof fetch } {
  return signal ? { signal } : { fetch: (request) => fetch(request) };
}

/** The signal as part of a request's options. */
export function signalOption(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

/** Settings as a query, without those that are null and thus have their default. */
export function query(...groups: object[]): string {
  const values = groups
    .flatMap((group) => Object.entries(group) as [string, unknown][])
    .filter(([, value]) => value !== null && value !== undefined);
  return new URLSearchParams(values.map(([name, value]) => [name, String(value)])).toString();
}
