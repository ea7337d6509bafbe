import fc from "fast-check";
import { expect, test } from "vitest";
import { shortened } from "./text";

const letters = (text: string): number => text.length;

test("short texts are kept, and longer ones lose their middle", () => {
  expect(shortened("automobile", 10, letters)).toBe("automobile");
  expect(shortened("martial arts gym", 10, letters)).toBe("martia…gym");
  expect(shortened("martial arts gym", 4, letters)).toBe("");
});

test("a shortened text is never too wide", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), fc.nat(40), (text, width) => {
      expect(shortened(text, width, letters).length).toBeLessThanOrEqual(width);
    }),
  );
});
