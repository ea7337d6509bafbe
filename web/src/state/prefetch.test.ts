import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Prefetch } from "./prefetch";

describe("Prefetch", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("waits until the pointer rests", async () => {
    const load = vi.fn(() => Promise.resolve());
    const prefetch = new Prefetch(load);
    for (const pair of [1, 2, 3]) {
      prefetch.request(() => pair);
      await vi.advanceTimersByTimeAsync(20);
    }
    expect(load).not.toHaveBeenCalled();
    await vi.runAllTimersAsync();
    expect(load.mock.calls).toEqual([[3]]);
  });

  it("loads one at a time, and then the latest request", async () => {
    const finished: (() => void)[] = [];
    const load = vi.fn(() => new Promise<void>((resolve) => finished.push(resolve)));
    const prefetch = new Prefetch(load);
    for (const pair of [1, 2, 3]) {
      prefetch.request(() => pair);
      await vi.runAllTimersAsync();
    }
    expect(load.mock.calls).toEqual([[1]]);
    finished[0]?.();
    await vi.runAllTimersAsync();
    expect(load.mock.calls).toEqual([[1], [3]]);
  });

  it("continues after a failure", async () => {
    const load = vi.fn(() => Promise.reject(new Error("gone")));
    const prefetch = new Prefetch(load);
    for (const pair of [1, 2]) {
      prefetch.request(() => pair);
      await vi.runAllTimersAsync();
    }
    expect(load.mock.calls).toEqual([[1], [2]]);
  });
});
