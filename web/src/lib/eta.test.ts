import { expect, test } from "vitest";
import { duration, Eta } from "./eta";

test("the remaining time follows from the speed so far", () => {
  const eta = new Eta();
  expect(eta.after(10, 0, 100)).toBeUndefined();
  expect(eta.after(12, 20, 100)).toBe(8);
  expect(eta.after(20, 100, 100)).toBe(0);
});

test("work that starts again is measured again", () => {
  const eta = new Eta();
  eta.after(0, 50, 100);
  expect(eta.after(5, 0, 100)).toBeUndefined();
  expect(eta.after(6, 10, 100)).toBe(9);
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
