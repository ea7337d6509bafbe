/** How long work still takes, judged by how fast it went since the first report. */
export class Remaining {
  #first: { time: number; done: number } | undefined;

  /** Seconds that remain; undefined before two reports. */
  after(time: number, done: number, total: number): number | undefined {
    if (!this.#first || done < this.#first.done) this.#first = { time, done };
    const { time: start, done: before } = this.#first;
    return done > before ? ((time - start) / (done - before)) * (total - done) : undefined;
  }
}

/** "12 s", "3 min". */
export function duration(seconds: number): string {
  return seconds < 90 ? `${Math.max(1, Math.ceil(seconds))} s` : `${Math.ceil(seconds / 60)} min`;
}
