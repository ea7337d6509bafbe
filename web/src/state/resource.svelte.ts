import { untrack } from "svelte";
import { ApiError } from "../api/responses";
import { LatestLoad } from "./latest_load";

/** A request of a resource. Requests with equal keys are the same. */
export interface ResourceRequest<T> {
  readonly key: string;
  readonly load: (signal: AbortSignal) => Promise<T>;
  /** Loads a part of the value first, which is shown until all of it is loaded. */
  readonly loadPart?: ((signal: AbortSignal) => Promise<T>) | undefined;
  /** Whether a previous request is completed first, and shown, as for the steps of a slider. */
  readonly inTurn?: boolean | undefined;
}

/**
 * The response to a request that follows the state. When the key changes, the previous request is aborted, unless the
 * new one is in turn. The previous value stays until the new one is loaded, so that views do not flicker.
 *
 * Create it during component initialization.
 */
export class Resource<T> {
  value = $state.raw<T | undefined>(undefined);
  /** Key of the request that `value` answers. */
  key = $state.raw<string | undefined>(undefined);
  error = $state.raw<string | undefined>(undefined);
  loading = $state(false);

  readonly #latest = new LatestLoad();
  #wanted: string | undefined;

  constructor(request: () => ResourceRequest<T> | undefined) {
    const wanted = $derived(request());
    const key = $derived(wanted?.key);
    $effect(() => {
      this.#wanted = key;
      if (key === undefined) {
        this.#latest.stop();
        this.#settle(undefined, undefined, undefined);
        return;
      }
      // Requests are compared by key; their functions may differ each time.
      const request = untrack(() => wanted as ResourceRequest<T>);
      this.loading = true;
      this.#latest.start((signal) => this.#load(request, signal), request.inTurn);
    });
    $effect(() => () => {
      this.#latest.stop();
    });
  }

  /**
   * Abort the present request, and start no other one until the key changes.
   *
   * @returns whether a part of its value stays
   */
  cancel(): boolean {
    this.#latest.stop();
    this.loading = false;
    return this.value !== undefined && this.key === this.#wanted;
  }

  async #load({ key, load, loadPart }: ResourceRequest<T>, signal: AbortSignal): Promise<void> {
    try {
      const part = await loadPart?.(signal);
      if (part && !signal.aborted) [this.value, this.key, this.error] = [part, key, undefined];
      const value = await load(signal);
      if (!signal.aborted) this.#settle(key, value, undefined);
    } catch (error) {
      if (signal.aborted) return;
      // If the server or the record is gone, the page reports it and keeps the last values.
      if (error instanceof ApiError && !error.isGone) this.#settle(key, undefined, error.message);
      else this.loading = this.#latest.isWaiting;
    }
  }

  #settle(key: string | undefined, value: T | undefined, error: string | undefined): void {
    this.value = value;
    this.key = key;
    this.error = error;
    this.loading = this.#latest.isWaiting;
  }
}
