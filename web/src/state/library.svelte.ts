import { getContext, setContext } from "svelte";
import { listRecords, summarize } from "../api/source";
import type { RecordEntry, RecordSummary } from "../api/types";
import { isAddressOf } from "./address";
import { AddressBar, layerOf, recordOf } from "./address_bar";

const KEY = Symbol("library");

/** The server's records, and the open one. The address names it, so going back may open another one. */
export class Library {
  records = $state.raw<readonly RecordEntry[]>([]);
  summary = $state.raw<RecordSummary | undefined>();
  /** A one-line message if no record could be opened. */
  error = $state.raw<string | undefined>();
  /** The record of the address, or null for any, while it cannot be opened; undefined if nothing is waited for. */
  awaited = $state.raw<string | null | undefined>();
  /** Incremented when a record is opened, to discard the components of the previous one. */
  generation = $state(0);
  readonly #bar = new AddressBar();
  #latest = 0;

  /** Open the record of the address, or else the first one. Returns a function that stops following the address. */
  start(): () => void {
    void this.reopen();
    return this.#bar.listen((query) => {
      if (!this.summary || !isAddressOf(query, this.summary)) void this.reopen();
    });
  }

  /** Open the record of the address, as if the page was reloaded. */
  async reopen(): Promise<void> {
    const attempt = ++this.#latest;
    try {
      const records = await listRecords();
      const { query } = this.#bar;
      const wanted = recordOf(query);
      const record = recordToOpen(records, wanted);
      const summary = record && (await summarize(record, layerOf(query) ?? undefined));
      if (attempt !== this.#latest) return;
      this.records = records;
      if (!summary) {
        this.#await(wanted);
        return;
      }
      this.#addToAddress(summary.id);
      this.summary = summary;
      this.error = this.awaited = undefined;
      this.generation += 1;
    } catch (error) {
      if (attempt !== this.#latest) return;
      this.summary = this.awaited = undefined;
      this.error = error instanceof Error ? error.message : String(error);
    }
  }

  /** Take over the server's list of records, and open the one that is waited for once it can be opened. */
  update(records: readonly RecordEntry[]): void {
    this.records = records;
    if (this.awaited !== undefined && recordToOpen(records, this.awaited) !== undefined) void this.reopen();
  }

  /** Open another record or layer by an address. No state of the previous one is kept. */
  async open(query: string): Promise<void> {
    this.#bar.show(query, "push");
    await this.reopen();
  }

  #await(record: string | null): void {
    this.summary = this.error = undefined;
    this.awaited = record;
  }

  /** Add the record to the address, so that each history entry has its record. */
  #addToAddress(record: string): void {
    if (recordOf(this.#bar.query)) return;
    const rest = this.#bar.query;
    history.replaceState(null, "", `?record=${encodeURIComponent(record)}${rest ? `&${rest}` : ""}`);
  }
}

/** The wanted record, or the first one; undefined while it cannot be opened. */
function recordToOpen(records: readonly RecordEntry[], wanted: string | null): string | undefined {
  const found = records.find(({ id, available }) => (wanted === null ? available : id === wanted));
  if (found || wanted === null || records.length === 0) return found?.available ? found.id : undefined;
  const ids = records.map(({ id }) => id).join(", ");
  throw new Error(`This server has no record named ${wanted}. Its records: ${ids}.`);
}

export function provideLibrary(library: Library): void {
  setContext(KEY, library);
}

export function useLibrary(): Library {
  return getContext<Library>(KEY);
}
