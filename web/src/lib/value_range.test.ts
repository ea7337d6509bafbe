import fc from "fast-check";
import { expect, test } from "vitest";
import { endsAround, histogram } from "./value_range";

test("each value is counted once, also at the ends", () => {
  expect([...histogram([0, 0.1, 0.5, 1, 0.99, -3, 7], 0, 1, 2)]).toEqual([3, 4]);
  expect([...histogram([2, 2], 2, 2, 3)]).toEqual([2, 0, 0]);
});

test("a slider has round positions, and includes all values", () => {
  expect(endsAround([1.1399, 1.5339], 100)).toEqual({ low: 1.135, high: 1.535, step: 0.005 });
  expect(endsAround([3, 3], 100)).toEqual({ low: 3, high: 3, step: 1 });
  fc.assert(
    fc.property(fc.array(fc.float({ min: -4, max: 9, noNaN: true }), { minLength: 2 }), (values) => {
      const { low, high, step } = endsAround(values, 100);
      expect(low - 1e-6).toBeLessThanOrEqual(Math.min(...values));
      expect(high + 1e-6).toBeGreaterThanOrEqual(Math.max(...values));
      expect((high - low) / step).toBeLessThan(250);
    }),
  );
});
