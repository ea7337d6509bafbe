import { ApiError } from "../api/responses";
import type { RecordSource } from "../api/record_api";
import type { CurveSettings, NearestRequest } from "../api/types";
import { LatestLoad } from "./latest_load";
import type { NearestSelection } from "./selection";

/** Most pairs beside the given one. */
const MOST = 24;

/** What nearest pairs depend on beside the pair. */
interface Wanted {
  /** Pairs to choose from; all if undefined. */
  readonly among: Uint32Array | undefined;
  readonly curves: CurveSettings;
}

/** Finds the pairs that are most like another one. */
export class NearestPairs {
  loading = $state(false);
  error = $state.raw<string | undefined>(undefined);
  readonly #latest = new LatestLoad();

  /** @param found - called with the pair and those that are most like it, unless other ones are wanted by then */
  constructor(
    private readonly api: RecordSource,
    private readonly wanted: () => Wanted,
    private readonly found: (selection: NearestSelection) => void,
  ) {}

  find(pair: number, by: NearestRequest["by"]): void {
    this.loading = true;
    this.#latest.start((signal) => this.#load(pair, by, signal));
  }

  async #load(pair: number, by: NearestRequest["by"], signal: AbortSignal): Promise<void> {
    const { among, curves } = this.wanted();
    try {
      const { pairs } = await this.api.nearest(pair, { by, count: MOST, curves }, among, signal);
      if (signal.aborted) return;
      this.error = undefined;
      this.found({ kind: "nearest", by, pairs: [pair, ...pairs] });
    } catch (error) {
      if (signal.aborted) return;
      // If the server or the record is gone, the page reports it.
      if (error instanceof ApiError && !error.isGone) this.error = error.message;
    }
    this.loading = false;
  }
}
