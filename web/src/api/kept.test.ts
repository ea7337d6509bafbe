import { describe, expect, it, vi } from "vitest";
import { Kept } from "./kept";

const nobody = undefined;

describe("Kept", () => {
  it("asks once, also while the answer is on its way", async () => {
    const kept = new Kept(2);
    const load = vi.fn(() => Promise.resolve(7));
    const both = [kept.get("a", load, nobody), kept.get("a", load, nobody)];
    expect(await Promise.all(both)).toEqual([7, 7]);
    expect(await kept.get("a", load, nobody)).toBe(7);
    expect(load).toHaveBeenCalledTimes(1);
  });

  it("forgets what was asked for longest ago", async () => {
    const kept = new Kept(2);
    const load = vi.fn((name: string) => Promise.resolve(name));
    for (const name of ["a", "b", "a", "c", "a", "b"]) await kept.get(name, () => load(name), nobody);
    expect(load.mock.calls.flat()).toEqual(["a", "b", "c", "b"]);
  });

  it("asks again after a failure", async () => {
    const kept = new Kept(2);
    await expect(kept.get("a", () => Promise.reject(new Error("no")), nobody)).rejects.toThrow("no");
    expect(await kept.get("a", () => Promise.resolve(1), nobody)).toBe(1);
  });

  it("asks again after an answer was called off, before that fails", async () => {
    const kept = new Kept(2);
    const controller = new AbortController();
    let fail: (reason: Error) => void = () => undefined;
    const first = kept.get("a", () => new Promise((_, reject) => (fail = reject)), controller.signal);
    controller.abort();
    const second = kept.get("a", () => Promise.resolve(2), nobody);
    fail(new Error("called off"));
    await expect(first).rejects.toThrow("called off");
    expect(await second).toBe(2);
    expect(await kept.get("a", () => Promise.resolve(3), nobody)).toBe(2);
  });

  it("asks again for who joined an answer that another one called off", async () => {
    const kept = new Kept(2);
    const controller = new AbortController();
    let fail: (reason: Error) => void = () => undefined;
    const first = kept.get("a", () => new Promise<number>((_, reject) => (fail = reject)), controller.signal);
    const joined = kept.get("a", () => Promise.resolve(2), new AbortController().signal);
    controller.abort();
    fail(new Error("called off"));
    await expect(first).rejects.toThrow("called off");
    expect(await joined).toBe(2);
  });

  it("keeps an answer that came before its request was called off", async () => {
    const kept = new Kept(2);
    const controller = new AbortController();
    await kept.get("a", () => Promise.resolve(1), controller.signal);
    controller.abort();
    expect(await kept.get("a", () => Promise.resolve(2), nobody)).toBe(1);
  });

  it("does not keep what may still change", async () => {
    const kept = new Kept(2);
    const isFinal = (value: number): boolean => value > 1;
    expect(await kept.get("a", () => Promise.resolve(1), nobody, isFinal)).toBe(1);
    expect(await kept.get("a", () => Promise.resolve(2), nobody, isFinal)).toBe(2);
    expect(await kept.get("a", () => Promise.resolve(3), nobody, isFinal)).toBe(2);
  });
});
