import { describe, expect, it } from "vitest";
import { EdgeMasks } from "./edges";

/** Columns of a row that are inside. */
function inside(pixels: Uint8Array, width: number, row: number): number[] {
  return [...pixels.subarray(row * width, (row + 1) * width).keys()].filter(
    (x) => pixels[row * width + x] === 1,
  );
}

describe("EdgeMasks", () => {
  it("decodes edges relative to the row above, or to the previous edge", () => {
    // Two masks of 3 x 6 pixels. In the first row of each, and where the number of edges changes, edges are relative
    // to the previous one.
    const counts = [2, 2, 1, 2, 0, 0];
    const edges = [1, 3, 1, 255, 4, 2, 1];
    const masks = new EdgeMasks(Uint8Array.from([...counts, ...edges]), [2, 3, 6]);
    const [first, second] = [masks.mask(0), masks.mask(1)];
    expect([0, 1, 2].map((row) => inside(first, 6, row))).toEqual([[1, 2, 3], [2], [4, 5]]);
    expect([0, 1, 2].map((row) => inside(second, 6, row))).toEqual([[2], [], []]);
    expect([...masks.all()]).toEqual([...first, ...second]);
  });

  it("decodes numbers of two bytes in wide images", () => {
    const numbers = new Uint16Array([2, 2, 2, 296, 1, 0xffff]);
    // At an odd offset, as between other values of a file.
    const bytes = new Uint8Array(1 + numbers.byteLength);
    bytes.set(new Uint8Array(numbers.buffer), 1);
    const pixels = new EdgeMasks(bytes.subarray(1), [1, 2, 300]).mask(0);
    expect(inside(pixels, 300, 0)).toEqual(Array.from({ length: 296 }, (_, index) => index + 2));
    expect(inside(pixels, 300, 1)).toEqual(Array.from({ length: 294 }, (_, index) => index + 3));
  });
});
