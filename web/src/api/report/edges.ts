/** Largest width whose positions and counts are stored in one byte. */
const BYTE = 255;

/** Masks that are stored as the edges in their rows, see `vulneuron.server.report.edges`; each is decoded when it is needed. */
export class EdgeMasks {
  readonly #counts: Uint8Array | Uint16Array;
  readonly #edges: Uint8Array | Uint16Array;
  /** Index of the first edge of each mask. */
  readonly #starts: Uint32Array;
  readonly #height: number;
  readonly #width: number;

  /** @param shape - `(..., y, x)` */
  constructor(
    bytes: Uint8Array,
    readonly shape: readonly number[],
  ) {
    const [height, width] = shape.slice(-2) as [number, number];
    const masks = shape.slice(0, -2).reduce((product, length) => product * length, 1);
    // A copy, because numbers of two bytes begin at even offsets.
    const values = width > BYTE ? new Uint16Array(bytes.slice().buffer) : bytes;
    this.#counts = values.subarray(0, masks * height);
    this.#edges = values.subarray(masks * height);
    [this.#height, this.#width] = [height, width];
    this.#starts = new Uint32Array(masks + 1);
    for (let mask = 0; mask < masks; mask += 1) {
      let edges = this.#starts[mask] as number;
      for (let row = mask * height; row < (mask + 1) * height; row += 1) edges += this.#counts[row] as number;
      this.#starts[mask + 1] = edges;
    }
  }

  /** Number of pixels of a mask. */
  get size(): number {
    return this.#height * this.#width;
  }

  /** A mask by its index in C order: 1 inside, row by row. */
  mask(index: number): Uint8Array {
    const pixels = new Uint8Array(this.size);
    const limit = this.#width > BYTE ? 0xffff : 0xff;
    let next = this.#starts[index] as number;
    let above: number[] = [];
    for (let y = 0; y < this.#height; y += 1) {
      const count = this.#counts[index * this.#height + y] as number;
      const follows = y > 0 && count === above.length;
      const row: number[] = [];
      for (let rank = 0; rank < count; rank += 1, next += 1) {
        const from = (follows ? above[rank] : row[rank - 1]) ?? 0;
        row.push((from + (this.#edges[next] as number)) & limit);
      }
      for (let rank = 0; rank < count; rank += 2) {
        pixels.fill(
          1,
          y * this.#width + (row[rank] as number),
          y * this.#width + (row[rank + 1] ?? this.#width),
        );
      }
      above = row;
    }
    return pixels;
  }

  /** All masks, one after the other. */
  all(): Uint8Array {
    const pixels = new Uint8Array(this.size * (this.#starts.length - 1));
    for (let index = 0; index < this.#starts.length - 1; index += 1)
      pixels.set(this.mask(index), index * this.size);
    return pixels;
  }
}
