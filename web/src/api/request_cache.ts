/**
 * A cache of responses that do not change. Requests for a response that is still loading share it; the least recently
 * used responses are dropped.
 */
export class RequestCache {
  readonly #responses = new Map<string, Promise<unknown>>();

  /** @param capacity - number of responses that are kept */
  constructor(private readonly capacity: number) {}

  /**
   * The cached response for a key, or what `load` returns.
   *
   * @param isFinal - whether a response may be kept, as it cannot change any more
   */
  get<T>(
    key: string,
    load: () => Promise<T>,
    signal: AbortSignal | undefined,
    isFinal: (response: T) => boolean = () => true,
  ): Promise<T> {
    const cached = this.#responses.get(key) as Promise<T> | undefined;
    const response = cached ?? load();
    this.#responses.delete(key);
    this.#responses.set(key, response);
    for (const oldest of this.#responses.keys()) {
      if (this.#responses.size <= this.capacity) break;
      this.#responses.delete(oldest);
    }
    if (cached) {
      return cached.catch((error: unknown) => {
        // The first caller may have aborted the request; this one still needs it.
        if (signal?.aborted) throw error;
        return this.get(key, load, signal, isFinal);
      });
    }
    const forget = (): void => {
      if (this.#responses.get(key) === response) this.#responses.delete(key);
    };
    // No later caller may join an aborted request.
    signal?.addEventListener("abort", forget, { once: true });
    response.then((value) => {
      signal?.removeEventListener("abort", forget);
      if (!isFinal(value)) forget();
    }, forget);
    return response;
  }
}
