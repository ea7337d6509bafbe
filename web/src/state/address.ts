import type { RecordSummary } from "../api/types";
import { layerOf, recordOf } from "./address_bar";
import type { Slice } from "./slice";

/** Whether an address is one of this record and layer. */
export function isAddressOf(query: string, summary: RecordSummary): boolean {
  return recordOf(query) === summary.id && (layerOf(query) ?? defaultLayer(summary)) === summary.layer;
}

/** Parameters that refer to the neurons of one layer. */
const LAYER_PARAMETERS = ["neurons", "focus", "zoom", "clusters", "threshold_level"];

/** The layer of an address without one: the last layer. */
function defaultLayer({ layer, layers }: RecordSummary): string {
  return layers.at(-1)?.name ?? layer;
}

/**
 * Converts the state to the query of an address, and back. Only differences from the record's first view are written.
 * Values that the record does not have are ignored, so old links still open.
 */
export class Address<State extends object> {
  constructor(
    private readonly slice: Slice<State>,
    private readonly summary: RecordSummary,
  ) {}

  /** Whether the address has all of these parameters. */
  has(names: readonly string[]): boolean {
    return names.every((name) => this.slice.names.includes(name));
  }

  query(state: State): string {
    const query = new URLSearchParams({ record: this.summary.id });
    if (this.summary.layer !== defaultLayer(this.summary)) query.set("layer", this.summary.layer);
    for (const [name, text] of this.slice.format(state, this.summary)) query.set(name, text);
    return query.toString();
  }

  /** The query of the same state at another layer, without the parameters that refer to neurons of this one. */
  queryAt(layer: string, state: State): string {
    const query = new URLSearchParams(this.query(state));
    for (const name of LAYER_PARAMETERS) query.delete(name);
    query.set("layer", layer);
    return query.toString();
  }

  state(query: string): State {
    return this.slice.parse(new URLSearchParams(query), this.summary);
  }
}
