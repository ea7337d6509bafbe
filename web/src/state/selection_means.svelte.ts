/** Means over the selected pairs: how they are requested, and how far they are. */

import { untrack } from "svelte";
import type { NeuronSettings, RecordSource } from "../api/record_api";
import type { Extent } from "../api/requests";
import type { MeansProgress, RecordSummary } from "../api/types";
import type { Table } from "../lib/table";
import type { ResourceRequest } from "./resource.svelte";

/** What the means are of. */
export interface WantedMeans {
  readonly pairs: Uint32Array;
  /** Changes when the pairs or the numbers may change. */
  readonly key: string;
  /** Measure that the neurons are sorted by. */
  readonly sort: string;
  readonly settings: NeuronSettings;
}

/** Milliseconds until the progress is shown, and between two requests for it. */
const [FIRST, NEXT] = [400, 300];

/** Create it during component initialization. */
export class SelectionMeans {
  /** Progress of a computation that takes long; undefined if there is none. */
  progress = $state.raw<MeansProgress | undefined>(undefined);

  readonly #summary: RecordSummary;

  /**
   * @param loading - whether the means are being loaded
   * @param shown - key of the request whose value, or part of it, is shown
   */
  constructor(
    private readonly api: RecordSource,
    private readonly wanted: () => WantedMeans,
    loading: () => boolean,
    shown: () => string | undefined,
  ) {
    this.#summary = api.summary;
    const pending = $derived(loading() ? this.request?.key : undefined);
    $effect(() => {
      if (pending === undefined) return;
      const { pairs, settings } = untrack(wanted);
      const extent = (): Extent => (shown() !== pending && this.request?.loadPart ? "quick" : "all");
      return this.#follow((signal) => api.meansProgress(pairs, settings, untrack(extent), signal));
    });
  }

  /** The request for the means; undefined if no pair is selected. */
  get request(): ResourceRequest<Table> | undefined {
    const { pairs, key, sort, settings } = this.wanted();
    if (!pairs.length) return undefined;
    const sorting = this.#summary.measures.find(({ name }) => name === sort);
    const sortBy = sorting?.name ?? this.#summary.default_sorts[0] ?? null;
    const { api } = this;
    return {
      key: JSON.stringify([key, settings, sortBy]),
      load: (signal) => api.meanNeurons(pairs, sortBy, settings, "all", signal),
      // Costly columns and the intervals of ranks take longer, and so does sorting by one of them.
      loadPart: sorting?.costly
        ? undefined
        : (signal) => api.meanNeurons(pairs, sortBy, settings, "quick", signal),
    };
  }

  /** Read the progress until the returned function is called. */
  #follow(read: (signal: AbortSignal) => Promise<MeansProgress>): () => void {
    const controller = new AbortController();
    const { signal } = controller;
    let timer: ReturnType<typeof setTimeout>;
    const next = async (): Promise<void> => {
      // If the request fails, so does that for the means, which is reported.
      const progress = await read(signal).catch(() => undefined);
      if (signal.aborted) return;
      this.progress = progress;
      timer = setTimeout(() => void next(), NEXT);
    };
    timer = setTimeout(() => void next(), FIRST);
    return () => {
      clearTimeout(timer);
      controller.abort();
      this.progress = undefined;
    };
  }
}
