import { untrack } from "svelte";
import { ApiError } from "../api/responses";
import { followJob } from "../api/jobs";
import type { RecordSource } from "../api/record_api";
import type { JobModel, StageModel, VulnerabilityMapSettings } from "../api/types";
import { Eta } from "../lib/map_progress";
import { mapComputation } from "./settings";

const MILLISECONDS = 1000;

export type MapsStatus = "unknown" | "computing" | "ready" | "impossible" | "cancelled" | "failed";

/** Unfinished maps: their stage, and the job that computes them. */
export interface StagedMaps {
  readonly job: string;
  readonly stage: StageModel;
}

/**
 * The state of the focused pair's vulnerability maps. Missing maps are computed in stages, with progress; the user can
 * cancel that, and focusing another pair does.
 */
export class MapsState {
  job = $state.raw<JobModel | undefined>(undefined);
  error = $state.raw<string | undefined>(undefined);
  /** Until the job is done; undefined while unknown. */
  secondsLeft = $state.raw<number | undefined>(undefined);
  /** Incremented when new maps are complete, and with them the numbers that depend on them. */
  version = $state(0);
  /** Incremented when the user tries again. Not private: Svelte does not track private state read in a constructor. */
  attempt = $state(0);
  /** The latest state, with the key of its maps. */
  #status = $state.raw<{ readonly key: string; readonly state: MapsStatus }>({ key: "", state: "unknown" });
  /** The latest stage, with the key of its maps. */
  #staged = $state.raw<(StagedMaps & { readonly of: string }) | undefined>(undefined);
  readonly #key: () => string;
  readonly #maps: () => string;
  #cancel: () => void = () => undefined;

  constructor(
    api: () => RecordSource | undefined,
    pair: () => number,
    settings: () => VulnerabilityMapSettings,
  ) {
    const maps = $derived(JSON.stringify([api()?.summary.id, pair(), mapComputation(settings())]));
    const key = $derived(`${maps} ${this.attempt}`);
    this.#maps = () => maps;
    this.#key = () => key;
    $effect(() => {
      const record = key && untrack(api);
      if (!record) return;
      const controller = new AbortController();
      const of = key;
      const setStatus = (state: MapsStatus): void => {
        this.#status = { key: of, state };
      };
      this.#cancel = () => {
        controller.abort();
        setStatus("cancelled");
      };
      untrack(() => void this.#obtain(record, pair(), settings(), setStatus, controller.signal));
      return () => {
        controller.abort();
      };
    });
  }

  /** The state of the focused pair's maps; "unknown" right after the focus has changed. */
  get state(): MapsStatus {
    return this.#status.key === this.#key() ? this.#status.state : "unknown";
  }

  /** The latest stage of maps that the record does not have, also after the computation was canceled. */
  get stage(): StagedMaps | undefined {
    return this.#staged?.of === this.#maps() ? this.#staged : undefined;
  }

  /** The done part of the job, from 0 to 1; undefined while unknown. */
  get fraction(): number | undefined {
    return this.job?.total ? this.job.done / this.job.total : undefined;
  }

  /** Stop the computation; `retry` resumes it. */
  cancel(): void {
    if (this.state === "computing") this.#cancel();
  }

  retry(): void {
    this.attempt += 1;
  }

  async #obtain(
    api: RecordSource,
    pair: number,
    settings: VulnerabilityMapSettings,
    setStatus: (state: MapsStatus) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const of = this.#maps();
    this.job = this.error = this.secondsLeft = undefined;
    setStatus("unknown");
    try {
      const stored = await api.maps(pair, mapComputation(settings), signal);
      if (!stored.ready) {
        setStatus(stored.can_compute ? "computing" : "impossible");
        if (!stored.can_compute) return;
        const started = await api.startMaps(pair, settings);
        const eta = new Eta();
        const progress = (now: JobModel): void => {
          this.job = now;
          this.secondsLeft = eta.secondsLeft(performance.now() / MILLISECONDS, now.done, now.total);
          if (now.stage) this.#staged = { of, job: now.id, stage: now.stage };
        };
        const job = await followJob(started.id, progress, signal);
        if (job.state !== "done") throw new Error(job.message || "the maps were canceled");
        this.version += 1;
      }
      setStatus("ready");
    } catch (error) {
      // The page reports that the record is gone.
      if (signal.aborted || (error instanceof ApiError && error.isGone)) return;
      setStatus("failed");
      this.error = error instanceof Error ? error.message : String(error);
    }
  }
}
