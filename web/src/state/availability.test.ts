// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { pollUntil } from "./availability.svelte";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("polls at growing intervals until the check succeeds", async () => {
  const times: number[] = [];
  const start = Date.now();
  pollUntil(() => {
    times.push(Date.now() - start);
    if (times.length === 2) return Promise.reject(new TypeError("no server"));
    return Promise.resolve(times.length === 4);
  });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(times).toEqual([500, 1250, 2375, 4062]);
});

test("intervals stop growing, and stopping ends the polling", async () => {
  const check = vi.fn(() => Promise.resolve(false));
  const stop = pollUntil(check);
  await vi.advanceTimersByTimeAsync(100_000);
  const checks = check.mock.calls.length;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(check).toHaveBeenCalledTimes(checks + 1);
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(check).toHaveBeenCalledTimes(checks + 1);
});
