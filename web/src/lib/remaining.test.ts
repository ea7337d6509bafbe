import { expect, test } from "vitest";
import { duration, Remaining } from "./remaining";

test("time remains as the work went so far", () => {
  const remaining = new Remaining();
  expect(remaining.after(10, 0, 100)).toBeUndefined();
  expect(remaining.after(12, 20, 100)).toBe(8);
  expect(remaining.after(20, 100, 100)).toBe(0);
});

test("work that begins again is judged anew", () => {
  const remaining = new Remaining();
  remaining.after(0, 50, 100);
  expect(remaining.after(5, 0, 100)).toBeUndefined();
  expect(remaining.after(6, 10, 100)).toBe(9);
});

test("durations are whole", () => {
  expect([0, 0.2, 12.1, 89, 91, 600].map(duration)).toEqual([
    "1 s",
    "1 s",
    "13 s",
    "89 s",
    "2 min",
    "10 min",
  ]);
});
