import { describe, expect, it } from "vitest";
import { LatestLoad } from "./latest_load";

/** Loads that end when told to. */
class Loads {
  readonly started: string[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly #signals = new Map<string, AbortSignal>();

  load(name: string): (signal: AbortSignal) => Promise<void> {
    return (signal) => {
      this.started.push(name);
      this.#signals.set(name, signal);
      return new Promise((resolve) => this.#ends.set(name, resolve));
    };
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await Promise.resolve();
    await Promise.resolve();
  }

  isAborted(name: string): boolean | undefined {
    return this.#signals.get(name)?.aborted;
  }
}

describe("the latest load", () => {
  it("aborts the previous one", () => {
    const [latest, loads] = [new LatestLoad(), new Loads()];
    latest.start(loads.load("a"));
    latest.start(loads.load("b"));
    expect(loads.started).toEqual(["a", "b"]);
    expect([loads.isAborted("a"), loads.isAborted("b")]).toEqual([true, false]);
  });

  it("in turn waits for the previous one, and skips others that wait", async () => {
    const [latest, loads] = [new LatestLoad(), new Loads()];
    latest.start(loads.load("a"), true);
    latest.start(loads.load("b"), true);
    latest.start(loads.load("c"), true);
    expect(loads.started).toEqual(["a"]);
    expect(latest.isWaiting).toBe(true);
    await loads.end("a");
    expect(loads.started).toEqual(["a", "c"]);
    expect(loads.isAborted("a")).toBe(false);
    expect(latest.isWaiting).toBe(false);
  });

  it("is not followed by those that waited for an aborted one", async () => {
    const [latest, loads] = [new LatestLoad(), new Loads()];
    latest.start(loads.load("a"));
    latest.start(loads.load("b"), true);
    latest.start(loads.load("c"));
    await loads.end("a");
    await loads.end("c");
    expect(loads.started).toEqual(["a", "c"]);
  });
});
