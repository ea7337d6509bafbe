import { describe, expect, it, vi } from "vitest";
import { RequestCache } from "./request_cache";

const noSignal = undefined;

describe("RequestCache", () => {
  it("loads once, even while the response is still loading", async () => {
    const cache = new RequestCache(2);
    const load = vi.fn(() => Promise.resolve(7));
    const both = [cache.get("a", load, noSignal), cache.get("a", load, noSignal)];
    expect(await Promise.all(both)).toEqual([7, 7]);
    expect(await cache.get("a", load, noSignal)).toBe(7);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it("drops the least recently used response", async () => {
    const cache = new RequestCache(2);
    const load = vi.fn((name: string) => Promise.resolve(name));
    for (const name of ["a", "b", "a", "c", "a", "b"]) await cache.get(name, () => load(name), noSignal);
    expect(load.mock.calls.flat()).toEqual(["a", "b", "c", "b"]);
  });

  it("loads again after a failure", async () => {
    const cache = new RequestCache(2);
    await expect(cache.get("a", () => Promise.reject(new Error("no")), noSignal)).rejects.toThrow("no");
    expect(await cache.get("a", () => Promise.resolve(1), noSignal)).toBe(1);
  });

  it("loads again after an aborted request, before that one fails", async () => {
    const cache = new RequestCache(2);
    const controller = new AbortController();
    let fail: (reason: Error) => void = () => undefined;
    const first = cache.get("a", () => new Promise((_, reject) => (fail = reject)), controller.signal);
    controller.abort();
    const second = cache.get("a", () => Promise.resolve(2), noSignal);
    fail(new Error("aborted"));
    await expect(first).rejects.toThrow("aborted");
    expect(await second).toBe(2);
    expect(await cache.get("a", () => Promise.resolve(3), noSignal)).toBe(2);
  });

  it("loads again for a caller who joined a request that another one aborted", async () => {
    const cache = new RequestCache(2);
    const controller = new AbortController();
    let fail: (reason: Error) => void = () => undefined;
    const first = cache.get(
      "a",
      () => new Promise<number>((_, reject) => (fail = reject)),
      controller.signal,
    );
    const joined = cache.get("a", () => Promise.resolve(2), new AbortController().signal);
    controller.abort();
    fail(new Error("aborted"));
    await expect(first).rejects.toThrow("aborted");
    expect(await joined).toBe(2);
  });

  it("keeps a response that came before its request was aborted", async () => {
    const cache = new RequestCache(2);
    const controller = new AbortController();
    await cache.get("a", () => Promise.resolve(1), controller.signal);
    controller.abort();
    expect(await cache.get("a", () => Promise.resolve(2), noSignal)).toBe(1);
  });

  it("does not keep a response that may still change", async () => {
    const cache = new RequestCache(2);
    const isFinal = (value: number): boolean => value > 1;
    expect(await cache.get("a", () => Promise.resolve(1), noSignal, isFinal)).toBe(1);
    expect(await cache.get("a", () => Promise.resolve(2), noSignal, isFinal)).toBe(2);
    expect(await cache.get("a", () => Promise.resolve(3), noSignal, isFinal)).toBe(2);
  });
});
