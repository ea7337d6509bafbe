/** Binary images: 1 inside, 0 outside; row by row. */
export interface Mask {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** One mask of an array `(..., y, x)`, by its index in C order. */
export function maskAt(
  array: { readonly data: Uint8Array; readonly shape: readonly number[] },
  index: number,
): Mask {
  const [height, width] = array.shape.slice(-2) as [number, number];
  const size = height * width;
  return { data: array.data.subarray(index * size, (index + 1) * size), width, height };
}

/** Fraction of the image that is inside. */
export function coverage({ data }: Mask): number {
  let inside = 0;
  for (const value of data) inside += value;
  return data.length ? inside / data.length : 0;
}

/** A straight piece of a mask's outline from one corner to another, in pixels of the mask. */
export type Segment = readonly [x1: number, y1: number, x2: number, y2: number];

/** Outline of a mask: pieces between pixels inside and outside, without the edge of the image. */
export function outline(mask: Mask): Segment[] {
  return [...horizontal(mask), ...vertical(mask)];
}

function* horizontal({ data, width, height }: Mask): Generator<Segment> {
  for (let y = 1; y < height; y += 1) {
    for (let x = 0, start = -1; x <= width; x += 1) {
      const edge = x < width && data[y * width + x] !== data[(y - 1) * width + x];
      if (edge && start < 0) start = x;
      if (!edge && start >= 0) {
        yield [start, y, x, y];
        start = -1;
      }
    }
  }
}

function* vertical({ data, width, height }: Mask): Generator<Segment> {
  for (let x = 1; x < width; x += 1) {
    for (let y = 0, start = -1; y <= height; y += 1) {
      const edge = y < height && data[y * width + x] !== data[y * width + x - 1];
      if (edge && start < 0) start = y;
      if (!edge && start >= 0) {
        yield [x, start, x, y];
        start = -1;
      }
    }
  }
}
