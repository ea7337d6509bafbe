type Load = (signal: AbortSignal) => Promise<void>;

/**
 * Loads one thing at a time; only the latest one counts.
 *
 * The server completes requests that the page aborts. If each step of a slider started one, the last would wait for
 * all of them. A load in turn therefore waits for the previous one, and replaces others that wait.
 */
export class LatestLoad {
  #controller: AbortController | undefined;
  #next: Load | undefined;

  /** Whether another load follows the present one. */
  get isWaiting(): boolean {
    return this.#next !== undefined;
  }

  /** @param inTurn - whether to wait for the present load instead of aborting it */
  start(load: Load, inTurn = false): void {
    if (inTurn && this.#controller) {
      this.#next = load;
      return;
    }
    this.stop();
    void this.#run(load);
  }

  /** Abort the present load, and start no other one. */
  stop(): void {
    this.#next = undefined;
    this.#controller?.abort();
    this.#controller = undefined;
  }

  async #run(load: Load): Promise<void> {
    const controller = new AbortController();
    this.#controller = controller;
    await load(controller.signal);
    if (this.#controller !== controller) return;
    this.#controller = undefined;
    const next = this.#next;
    this.#next = undefined;
    if (next) void this.#run(next);
  }
}
