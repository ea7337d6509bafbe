import fc from "fast-check";
import { expect, test } from "vitest";
import { coverage, maskAt, outline, type Mask } from "./masks";

const masks = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }))
  .chain(([width, height]) =>
    fc
      .array(fc.constantFrom(0, 1), { minLength: width * height, maxLength: width * height })
      .map((values): Mask => ({ data: Uint8Array.from(values), width, height })),
  );

test("the outline is as long as the number of neighbors with only one inside", () => {
  fc.assert(
    fc.property(masks, (mask) => {
      const at = (x: number, y: number) => mask.data[y * mask.width + x];
      let expected = 0;
      for (let y = 0; y < mask.height; y += 1) {
        for (let x = 0; x < mask.width; x += 1) {
          if (x > 0 && at(x, y) !== at(x - 1, y)) expected += 1;
          if (y > 0 && at(x, y) !== at(x, y - 1)) expected += 1;
        }
      }
      const length = outline(mask).reduce((sum, [x1, y1, x2, y2]) => sum + x2 - x1 + y2 - y1, 0);
      expect(length).toBe(expected);
    }),
  );
});

test("a square has four sides", () => {
  const data = Uint8Array.from([0, 0, 0, 0, /**/ 0, 1, 1, 0, /**/ 0, 1, 1, 0, /**/ 0, 0, 0, 0]);
  expect(outline({ data, width: 4, height: 4 })).toEqual([
    [1, 1, 3, 1],
    [1, 3, 3, 3],
    [1, 1, 1, 3],
    [3, 1, 3, 3],
  ]);
});

test("masks are parts of one array", () => {
  const array = { data: Uint8Array.from([1, 0, 0, 0, 1, 1]), shape: [2, 1, 3] };
  expect(coverage(maskAt(array, 0))).toBeCloseTo(1 / 3);
  expect([...maskAt(array, 1).data]).toEqual([0, 1, 1]);
});
