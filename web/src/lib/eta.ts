/** Estimates the remaining time of a job from its speed since the first report. */
export class Eta {
  #first: { time: number; done: number } | undefined;

  /** Seconds left; undefined before two reports. */
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
