import createClient from "openapi-fetch";
import { formatRanges } from "../lib/ranges";
import { Table } from "../lib/table";
import { fetchArray, type NumberArray, type Numbers } from "./arrays";
import { ApiError } from "./errors";
import { PAGE } from "./jobs";
import type { paths } from "./schema";
import type {
  ContextModel,
  JobModel,
  MapsModel,
  PairModel,
  RecordEntry,
  RecordSummary,
  SettingsModel,
  SubstitutionModel,
} from "./types";

export type Side = "benign" | "adversarial";
export type Picture = Side | "difference";
export type Combination = "union" | "intersection" | "each";

// Relative, so that the dashboard works behind a proxy at any path.
const BASE = "./api";
const client = createClient<paths>({ baseUrl: "." });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

function unwrap<T>({ data, error, response }: Answer<T>): T {
  if (data !== undefined) return data;
  const message = (error as { message?: unknown } | undefined)?.message;
  throw new ApiError(
    response.status,
    typeof message === "string" ? message : `the server answered ${response.status}`,
  );
}

export async function listRecords(): Promise<RecordEntry[]> {
  return unwrap(await client.GET("/api/records"));
}

export async function summarise(record: string): Promise<RecordSummary> {
  return unwrap(await client.GET("/api/records/{record}", { params: { path: { record } } }));
}

/** Requests about one record: each is one route of the server. */
export class RecordApi {
  readonly #path: string;

  constructor(readonly summary: RecordSummary) {
    this.#path = `${BASE}/records/${encodeURIComponent(summary.id)}`;
  }

  // -- numbers ---------------------------------------------------------------------------------------------

  async pairs(signal: AbortSignal): Promise<Table> {
    return this.#table("pairs.npy", this.summary.pair_columns, { signal });
  }

  async matrix(signal: AbortSignal): Promise<NumberArray<Int32Array>> {
    return fetchArray(`${this.#path}/matrix.npy`, { signal });
  }

  async pair(pair: number, signal: AbortSignal): Promise<PairModel> {
    const path = { record: this.summary.id, pair };
    return unwrap(await client.GET("/api/records/{record}/pairs/{pair}", { params: { path }, signal }));
  }

  async neurons(pair: number, settings: SettingsModel, signal: AbortSignal): Promise<Table> {
    return this.#table(`pairs/${pair}/neurons.npy?${query(settings)}`, this.summary.neuron_columns, {
      signal,
    });
  }

  async meanNeurons(
    pairs: Iterable<number>,
    sortBy: string,
    settings: SettingsModel,
    extent: "quick" | "all",
    signal: AbortSignal,
  ): Promise<Table> {
    const quick = extent === "quick";
    const body = JSON.stringify({
      pairs: formatRanges(pairs),
      sort_by: sortBy,
      settings,
      quick,
      intervals: !quick,
    });
    const headers = { "Content-Type": "application/json" };
    const init = { method: "POST", body, headers, signal };
    return this.#table("neurons.npy", this.summary.rank_columns, init);
  }

  /** `(2, y, x)` for a combination, `(neurons, 2, y, x)` for each: 1 where captured, benign side first. */
  async masks(
    pair: number,
    neurons: readonly number[],
    combine: Combination,
    settings: SettingsModel,
    signal: AbortSignal,
  ): Promise<NumberArray<Uint8Array>> {
    const chosen = new URLSearchParams({ neurons: formatRanges(neurons), combine });
    return fetchArray(`${this.#path}/pairs/${pair}/masks.npy?${chosen}&${query(settings)}`, { signal });
  }

  /** `(pairs, 2, y, x)`: what one neuron captures in several pairs. */
  async contextMasks(
    neuron: number,
    pairs: readonly number[],
    settings: SettingsModel,
    signal: AbortSignal,
  ): Promise<NumberArray<Uint8Array>> {
    const url = `${this.#path}/neurons/${neuron}/masks.npy?pairs=${pairs.join(",")}&${query(settings)}`;
    return fetchArray(url, { signal });
  }

  /** Rows `(left, right, height, leaves)` of the merges. */
  async dendrogram(
    pair: number,
    settings: SettingsModel,
    signal: AbortSignal,
  ): Promise<NumberArray<Numbers>> {
    return fetchArray(`${this.#path}/pairs/${pair}/dendrogram.npy?${query(settings)}`, { signal });
  }

  async context(
    pair: number,
    neuron: number,
    options: Pick<ContextModel, "order" | "scope"> & { count: number },
    signal: AbortSignal,
  ): Promise<ContextModel> {
    const params = { path: { record: this.summary.id, pair }, query: { neuron, ...options } };
    return unwrap(await client.GET("/api/records/{record}/pairs/{pair}/context", { params, signal }));
  }

  async substitution(
    pair: number,
    neurons: readonly number[],
    into: Side,
    signal: AbortSignal,
  ): Promise<SubstitutionModel> {
    const path = { record: this.summary.id, pair };
    const params = { path, query: { neurons: formatRanges(neurons), into } };
    return unwrap(await client.GET("/api/records/{record}/pairs/{pair}/substitution", { params, signal }));
  }

  // -- vulnerability maps ----------------------------------------------------------------------------------

  async maps(pair: number, settings: SettingsModel, signal: AbortSignal): Promise<MapsModel> {
    const params = { path: { record: this.summary.id, pair }, query: settings };
    return unwrap(await client.GET("/api/records/{record}/pairs/{pair}/maps", { params, signal }));
  }

  /** `(2, y, x)` on the maps' grid: benign drop, adversarial gain. */
  async mapValues(pair: number, settings: SettingsModel, signal: AbortSignal): Promise<NumberArray<Numbers>> {
    return fetchArray(`${this.#path}/pairs/${pair}/maps.npy?${query(settings)}`, { signal });
  }

  /** `(2, y, x)`: 1 on the most vulnerable pixels by benign drop and by adversarial gain. */
  async topMasks(
    pair: number,
    settings: SettingsModel,
    signal: AbortSignal,
  ): Promise<NumberArray<Uint8Array>> {
    return fetchArray(`${this.#path}/pairs/${pair}/top.npy?${query(settings)}`, { signal });
  }

  /** As `mapValues`, of the last stage of a job that is not done. */
  async stageValues(job: string, signal: AbortSignal): Promise<NumberArray<Numbers>> {
    return fetchArray(`${BASE}/jobs/${encodeURIComponent(job)}/maps.npy`, { signal });
  }

  /** As `topMasks`, of the last stage of a job that is not done. */
  async stageTopMasks(job: string, top: number, signal: AbortSignal): Promise<NumberArray<Uint8Array>> {
    return fetchArray(`${BASE}/jobs/${encodeURIComponent(job)}/top.npy?top=${top}`, { signal });
  }

  async startMaps(pair: number, settings: SettingsModel): Promise<JobModel> {
    const path = { record: this.summary.id };
    const body = { kind: "maps" as const, pair, settings, session: PAGE };
    return unwrap(await client.POST("/api/records/{record}/jobs", { params: { path }, body }));
  }

  // -- pictures --------------------------------------------------------------------------------------------

  imageUrl(pair: number, picture: Picture): string {
    return `${this.#path}/pairs/${pair}/images/${picture}.png?v=${this.summary.fingerprint}`;
  }

  /** Address of a sprite: a row a pair, benign image left and adversarial image right. */
  thumbnailsUrl(pairs: readonly number[], size: number): string {
    return `${this.#path}/thumbnails?pairs=${pairs.join(",")}&size=${size}&v=${this.summary.fingerprint}`;
  }

  async #table(path: string, columns: readonly string[], init: RequestInit): Promise<Table> {
    const { data, shape } = await fetchArray<Numbers>(`${this.#path}/${path}`, init);
    return new Table(columns, data, shape[1] ?? 0);
  }
}

function query(settings: SettingsModel): string {
  const given = Object.entries(settings).filter(([, value]) => value !== null && value !== undefined);
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}
