/** The vulnerability maps of the selected pairs: how many are stored, and the computation of the others. */

import { untrack } from "svelte";
import { followJob, PAGE } from "../api/jobs";
import type { RecordSource } from "../api/record_api";
import type { VulnerabilityMapSettings } from "../api/types";
import { Eta } from "../lib/map_progress";
import { parseRanges } from "../lib/ranges";
import { Resource } from "./resource.svelte";
import { mapComputation } from "./settings";

/** What the maps are of; undefined while they are not needed. */
export interface WantedMaps {
  readonly pairs: Uint32Array;
  /** Changes when the pairs may change. */
  readonly key: string;
  readonly vmaps: VulnerabilityMapSettings;
  /** Changes when the record may have new maps. */
  readonly version: string;
}

interface StoredMaps {
  /** Number of pairs. */
  readonly of: number;
  readonly missing: readonly number[];
}

interface Progress {
  readonly done: number;
  readonly total: number;
  readonly secondsLeft: number | undefined;
}

/** Not the page's own session: focusing a pair cancels that one's jobs. */
const SESSION = `${PAGE}-rest`;
const MILLISECONDS = 1000;

/**
 * Computes missing maps pair by pair, so that the maps of a focused pair are computed in between. Create it during
 * component initialization.
 */
export class RemainingMaps {
  progress = $state.raw<Progress | undefined>(undefined);
  error = $state.raw<string | undefined>(undefined);
  /** Seconds that one pair took. */
  #pace = $state<number | undefined>(undefined);
  readonly #stored: Resource<StoredMaps>;
  readonly #api: RecordSource;
  readonly #wanted: () => WantedMaps | undefined;
  readonly #finished: () => void;
  #controller: AbortController | undefined;

  /** @param finished - called when there are new maps, at the end or after a cancellation */
  constructor(api: RecordSource, wanted: () => WantedMaps | undefined, finished: () => void) {
    this.#api = api;
    this.#wanted = wanted;
    this.#finished = finished;
    this.#stored = new Resource(() => {
      const now = wanted();
      if (!now?.pairs.length) return undefined;
      const { pairs, vmaps, version } = now;
      const key = JSON.stringify([now.key, mapComputation(vmaps), version]);
      const load = async (signal: AbortSignal): Promise<StoredMaps> => {
        const { missing } = await api.storedMaps(pairs, vmaps, signal);
        return { of: pairs.length, missing: parseRanges(missing, api.summary.pairs) };
      };
      return { key, load };
    });
  }

  /** Which of the selected pairs have maps; undefined while unknown. */
  get stored(): StoredMaps | undefined {
    return this.#stored.value;
  }

  /** Seconds that the missing maps would take, if a pair has been computed. */
  get estimate(): number | undefined {
    const { stored } = this;
    return stored && this.#pace !== undefined ? stored.missing.length * this.#pace : undefined;
  }

  start(): void {
    const wanted = untrack(this.#wanted);
    const missing = this.#stored.value?.missing;
    if (!wanted || !missing?.length || this.progress) return;
    this.#controller = new AbortController();
    void this.#compute(missing, wanted.vmaps, this.#controller.signal);
  }

  cancel(): void {
    this.#controller?.abort();
  }

  async #compute(
    missing: readonly number[],
    vmaps: VulnerabilityMapSettings,
    signal: AbortSignal,
  ): Promise<void> {
    const eta = new Eta();
    const total = missing.length;
    this.error = undefined;
    try {
      for (const [done, pair] of missing.entries()) {
        const before = performance.now() / MILLISECONDS;
        this.progress = { done, total, secondsLeft: eta.secondsLeft(before, done, total) };
        const started = await this.#api.startMaps(pair, vmaps, SESSION);
        const job = await followJob(started.id, () => undefined, signal, SESSION);
        if (job.state !== "done") throw new Error(job.message || "the maps were canceled");
        this.#pace = performance.now() / MILLISECONDS - before;
      }
    } catch (error) {
      if (!signal.aborted) this.error = error instanceof Error ? error.message : String(error);
    }
    this.progress = undefined;
    this.#finished();
  }
}
