import { SvelteMap } from "svelte/reactivity";
import type { Picture } from "../record_api";
import type { Chunk } from "./chunk";
import type { Report } from "./report";

/** One transparent pixel, in place of pictures that are being decoded, or are not in the report. */
const NOTHING = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

/** Pictures and the size of each one in the record's chunk. */
interface Thumbnails {
  readonly pairs: readonly number[];
  readonly width: number;
  readonly height: number;
}

/** Addresses of a report's pictures. They are reactive: a picture has another one until it is decoded. */
export class ReportPictures {
  readonly #addresses = new SvelteMap<string, string>();
  readonly #started = new Set<string>();

  constructor(
    private readonly report: Report,
    /** The pairs whose images are in the report in full. */
    private readonly pairs: ReadonlySet<number>,
  ) {}

  image(pair: number, picture: Picture): string {
    return this.#address(`${pair} ${picture}`, () =>
      this.pairs.has(pair) ? this.#whole(pair, picture) : this.#reduced(pair, picture),
    );
  }

  /** One row per pair, with the benign image on the left; rows of pairs without thumbnails are empty. */
  thumbnails(pairs: readonly number[]): string {
    return this.#address(pairs.join(), async () => {
      const record = await this.report.record;
      const { width, height, pairs: known } = record.json<Thumbnails>("thumbnails");
      return drawn(2 * width, height * pairs.length, async (context) => {
        for (const [row, pair] of pairs.entries()) {
          if (known.includes(pair)) context.drawImage(await thumbnail(record, pair), 0, row * height);
        }
      });
    });
  }

  #address(name: string, make: () => Promise<Blob | undefined>): string {
    if (!this.#started.has(name)) {
      this.#started.add(name);
      void make()
        .then((blob) => {
          if (blob) this.#addresses.set(name, URL.createObjectURL(blob));
        })
        // The views report what is wrong with the numbers of this pair.
        .catch(() => undefined);
    }
    return this.#addresses.get(name) ?? NOTHING;
  }

  async #whole(pair: number, picture: Picture): Promise<Blob> {
    return (await this.report.pair(pair)).picture(`images/${picture}`);
  }

  /** An image as its thumbnail, for pairs that are only context of others. */
  async #reduced(pair: number, picture: Picture): Promise<Blob | undefined> {
    const record = await this.report.record;
    const { width, height, pairs: known } = record.json<Thumbnails>("thumbnails");
    if (!known.includes(pair) || picture === "difference") return undefined;
    return drawn(width, height, async (context) => {
      context.drawImage(await thumbnail(record, pair), picture === "benign" ? 0 : -width, 0);
    });
  }
}

async function thumbnail(record: Chunk, pair: number): Promise<ImageBitmap> {
  return createImageBitmap(record.picture(`thumbnails/${pair}`));
}

async function drawn(
  width: number,
  height: number,
  draw: (context: OffscreenCanvasRenderingContext2D) => Promise<void>,
): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (context) await draw(context);
  return canvas.convertToBlob();
}
