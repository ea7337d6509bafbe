import type { RecordSummary } from "../api/types";
import { layerOf, recordOf } from "./address_bar";
import type { Slice } from "./slice";

/** Whether an address is one of this record at this layer. */
export function isOf(query: string, summary: RecordSummary): boolean {
  return recordOf(query) === summary.id && (layerOf(query) ?? defaultLayer(summary)) === summary.layer;
}

/** Parameters that have a meaning for the neurons of one layer only. */
const OF_NEURONS = ["neurons", "focus", "zoom", "clusters", "threshold_level"];

/** The layer of an address that names none: the last one. */
function defaultLayer({ layer, layers }: RecordSummary): string {
  return layers.at(-1)?.name ?? layer;
}

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
    if (this.summary.layer !== defaultLayer(this.summary)) query.set("layer", this.summary.layer);
    for (const [name, text] of this.slice.format(state, this.summary)) query.set(name, text);
    return query.toString();
  }

  /** The query of another layer: what is chosen among the neurons of this one has no meaning there. */
  queryAt(layer: string, state: State): string {
    const query = new URLSearchParams(this.query(state));
    for (const name of OF_NEURONS) query.delete(name);
    query.set("layer", layer);
    return query.toString();
  }

  state(query: string): State {
    return this.slice.parse(new URLSearchParams(query), this.summary);
  }
}
