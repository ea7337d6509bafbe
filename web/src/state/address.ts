import type { RecordSummary } from "../api/types";
import type { Slice } from "./slice";

/**
 * The state as the query of an address, and back. Only what differs from the record's first view is written. What an
 * address names and the record does not have is left out, so old links still open.
 */
export class Address<State extends object> {
  constructor(
    private readonly slice: Slice<State>,
    private readonly summary: RecordSummary,
  ) {}

  /** Whether the address has some parameters. */
  has(names: readonly string[]): boolean {
    return names.every((name) => this.slice.names.includes(name));
  }

  query(state: State): string {
    const query = new URLSearchParams({ record: this.summary.id });
    for (const [name, text] of this.slice.format(state, this.summary)) query.set(name, text);
    return query.toString();
  }

  state(query: string): State {
    return this.slice.parse(new URLSearchParams(query), this.summary);
  }
}
