import { RequestCache } from "../request_cache";
import { ApiError } from "../responses";
import { Chunk } from "./chunk";

const MARK = "vulneuron-report";
/** How the mark says that the page itself has all data. */
const INLINE = "inline";
const NOT_FOUND = 404;
/** Number of pairs that stay in memory, decoded. */
const CACHED_PAIRS = 12;

/** The files call this function with their name and content. */
declare global {
  var vulneuronChunk: ((name: string, text: string) => void) | undefined;
}

/** A number or picture that a report was not made with. */
export class NotInReport extends ApiError {
  /**
   * @param what - such as "pair 12"
   * @param instead - a sentence about what is in the report
   */
  constructor(what: string, instead = "") {
    super(NOT_FOUND, `Not in this report: ${what}.${instead && ` ${instead}.`}`);
    this.name = "NotInReport";
  }
}

/** The data of a page that is a report: in elements of the page, or in scripts beside it, as pages of `file:` cannot load others. */
export class Report {
  readonly #folder: string;
  readonly #chunks = new RequestCache(CACHED_PAIRS);
  readonly #record: Promise<Chunk>;
  readonly #waiting = new Map<string, (text: string) => void>();

  private constructor(folder: string) {
    this.#folder = folder;
    globalThis.vulneuronChunk = (name, text) => this.#waiting.get(name)?.(text);
    this.#record = this.#load("record");
  }

  /** The report that this page is; undefined for a page of a server. */
  static ofPage(): Report | undefined {
    if (typeof document === "undefined") return undefined;
    const mark = document.querySelector<HTMLMetaElement>(`meta[name="${MARK}"]`);
    return mark ? new Report(mark.content) : undefined;
  }

  /** The summary, all pairs as points, thumbnails, and means. */
  get record(): Promise<Chunk> {
    return this.#record;
  }

  /** Everything about a pair of the report. */
  pair(pair: number): Promise<Chunk> {
    return this.#chunks.get(`${pair}`, () => this.#load(`pair-${pair}`), undefined);
  }

  async #load(name: string): Promise<Chunk> {
    const text =
      this.#folder === INLINE
        ? document.getElementById(`vulneuron-${name}`)?.textContent
        : await this.#fetch(name);
    if (text === undefined) throw new NotInReport(name.replace("-", " "));
    return Chunk.decode(text);
  }

  #fetch(name: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      this.#waiting.set(name, resolve);
      script.src = `./${this.#folder}/${name}.js`;
      script.onload = script.onerror = (event) => {
        script.remove();
        this.#waiting.delete(name);
        if (event instanceof Event && event.type === "load") return;
        reject(new ApiError(NOT_FOUND, `The file ${this.#folder}/${name}.js of this report cannot be read.`));
      };
      document.head.append(script);
    });
  }
}
