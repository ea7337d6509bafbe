import type { NumberArray } from "../responses";
import { EdgeMasks } from "./edges";

type Values = Float32Array | Float64Array | Int32Array;
type Entry = readonly [start: number, length: number, kind: string, shape: readonly number[]];

/** Named values of a report, as `vulneuron.server.report.chunk` writes them. */
export class Chunk {
  readonly #index: Readonly<Record<string, Entry>>;
  readonly #body: Uint8Array;
  readonly #masks = new Map<string, EdgeMasks>();

  constructor(bytes: Uint8Array) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    this.#index = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Record<
      string,
      Entry
    >;
    this.#body = bytes.subarray(4 + length);
  }

  /** @param text - the compressed bytes in base64 */
  static async decode(text: string): Promise<Chunk> {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Chunk(new Uint8Array(await new Response(plain).arrayBuffer()));
  }

  has(name: string): boolean {
    return name in this.#index;
  }

  json<T>(name: string): T {
    return JSON.parse(new TextDecoder().decode(this.#bytes(name))) as T;
  }

  picture(name: string): Blob {
    return new Blob([this.#bytes(name).slice()], { type: "image/webp" });
  }

  masks(name: string): EdgeMasks {
    const known = this.#masks.get(name) ?? new EdgeMasks(this.#bytes(name), this.#entry(name)[3]);
    this.#masks.set(name, known);
    return known;
  }

  array<T extends Values>(name: string): NumberArray<T> {
    const [, , kind, shape] = this.#entry(name);
    const planes = this.#bytes(name);
    const width = kind === "f8" ? 8 : 4;
    const count = planes.length / width;
    const bytes = new Uint8Array(planes.length);
    for (let plane = 0; plane < width; plane += 1) {
      for (let at = 0; at < count; at += 1) bytes[at * width + plane] = planes[plane * count + at] as number;
    }
    const { buffer } = bytes;
    const data =
      kind === "f8"
        ? new Float64Array(buffer)
        : kind === "f4"
          ? new Float32Array(buffer)
          : new Int32Array(buffer);
    return { data: data as Values as T, shape };
  }

  #bytes(name: string): Uint8Array {
    const [start, length] = this.#entry(name);
    return this.#body.subarray(start, start + length);
  }

  #entry(name: string): Entry {
    const entry = this.#index[name];
    if (!entry) throw new Error(`the report has no ${name}`);
    return entry;
  }
}
