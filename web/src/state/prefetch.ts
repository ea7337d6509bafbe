/** Milliseconds that the pointer rests before loading begins. */
const REST = 40;

/** Loads pairs that are likely to be shown next: one at a time, and only the latest request counts. */
export class Prefetch {
  #next: (() => number | undefined) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLoading = false;

  constructor(private readonly load: (pair: number) => Promise<void>) {}

  /** Load a pair unless another request follows within a moment; `pair` is evaluated only then. */
  request(pair: () => number | undefined): void {
    this.#next = pair;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#begin(), REST);
  }

  async #begin(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    while (this.#next !== undefined) {
      const pair = this.#next();
      this.#next = undefined;
      // Failures are reported once the pair is shown.
      if (pair !== undefined) await this.load(pair).catch(() => undefined);
    }
    this.#isLoading = false;
  }
}
