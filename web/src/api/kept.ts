/**
 * Answers that stay the same, so that they are asked for once. Who asks while an answer is on its way waits for that
 * one; the answers that were asked for last are kept.
 */
export class Kept {
  readonly #answers = new Map<string, Promise<unknown>>();

  /** @param most - number of answers that are kept */
  constructor(private readonly most: number) {}

  /**
   * The answer with a name: a kept one, or what `load` gives.
   *
   * @param isFinal - whether an answer is kept; what may still change is not
   */
  get<T>(
    name: string,
    load: () => Promise<T>,
    signal: AbortSignal | undefined,
    isFinal: (answer: T) => boolean = () => true,
  ): Promise<T> {
    const kept = this.#answers.get(name) as Promise<T> | undefined;
    const answer = kept ?? load();
    this.#answers.delete(name);
    this.#answers.set(name, answer);
    for (const old of this.#answers.keys()) {
      if (this.#answers.size <= this.most) break;
      this.#answers.delete(old);
    }
    if (kept) {
      return kept.catch((error: unknown) => {
        // Who asked first may have called it off; this one still wants it.
        if (signal?.aborted) throw error;
        return this.get(name, load, signal, isFinal);
      });
    }
    const forget = (): void => {
      if (this.#answers.get(name) === answer) this.#answers.delete(name);
    };
    // Nobody is to wait for an answer that was called off.
    signal?.addEventListener("abort", forget, { once: true });
    answer.then((value) => {
      signal?.removeEventListener("abort", forget);
      if (!isFinal(value)) forget();
    }, forget);
    return answer;
  }
}
