import { untrack } from "svelte";
import { ApiError } from "../api/errors";

/** A request that a resource makes: equal keys are the same request. */
export interface ResourceRequest<T> {
  readonly key: string;
  readonly load: (signal: AbortSignal) => Promise<T>;
  /** Loads part of the same sooner, to be shown until all is there. */
  readonly loadPart?: ((signal: AbortSignal) => Promise<T>) | undefined;
  /** Milliseconds to wait for another key first, where a slider makes many. */
  readonly delay?: number | undefined;
}

/**
 * What the server answers to a request that follows the state. The latest request wins: when the key changes, the
 * one before is aborted. The value before stays until the new one is there, so that views do not flicker.
 *
 * Made while a component is initialized, as it listens to the state.
 */
export class Resource<T> {
  value = $state.raw<T | undefined>(undefined);
  /** Key of the request that `value` answers. */
  key = $state.raw<string | undefined>(undefined);
  error = $state.raw<string | undefined>(undefined);
  loading = $state(false);

  constructor(request: () => ResourceRequest<T> | undefined) {
    const wanted = $derived(request());
    const key = $derived(wanted?.key);
    $effect(() => {
      if (key === undefined) {
        this.#settle(undefined, undefined, undefined);
        return;
      }
      // Only another key is another request; how it is loaded may be a new function each time.
      const request = untrack(() => wanted as ResourceRequest<T>);
      const controller = new AbortController();
      void this.#load(request, controller.signal);
      return () => {
        controller.abort();
      };
    });
  }

  async #load({ key, load, loadPart, delay }: ResourceRequest<T>, signal: AbortSignal): Promise<void> {
    this.loading = true;
    try {
      if (delay) await new Promise((resolve) => setTimeout(resolve, delay));
      if (signal.aborted) return;
      const part = await loadPart?.(signal);
      if (part && !signal.aborted) [this.value, this.key, this.error] = [part, key, undefined];
      const value = await load(signal);
      if (!signal.aborted) this.#settle(key, value, undefined);
    } catch (error) {
      if (signal.aborted) return;
      // Without a server or its record the last values are the best there are; the page says that it is gone.
      if (error instanceof ApiError && !error.isGone) this.#settle(key, undefined, error.message);
      else this.loading = false;
    }
  }

  #settle(key: string | undefined, value: T | undefined, error: string | undefined): void {
    this.value = value;
    this.key = key;
    this.error = error;
    this.loading = false;
  }
}
