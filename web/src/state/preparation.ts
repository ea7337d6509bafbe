/** How long the pointer rests on something before it is prepared. */
const REST = 40;

/** Loads what is likely to be wanted next: one at a time, and only the last wish counts. */
export class Preparation {
  #wish: (() => number | undefined) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLoading = false;

  constructor(private readonly load: (pair: number) => Promise<void>) {}

  /** Prepare a pair unless another one is wished for within a moment; which one it is, is asked only then. */
  wish(pair: () => number | undefined): void {
    this.#wish = pair;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#begin(), REST);
  }

  async #begin(): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    while (this.#wish !== undefined) {
      const pair = this.#wish();
      this.#wish = undefined;
      // What cannot be had is said when it is asked for in earnest.
      if (pair !== undefined) await this.load(pair).catch(() => undefined);
    }
    this.#isLoading = false;
  }
}
