import createClient from "openapi-fetch";
import { formatRanges } from "../lib/ranges";
import { Table } from "../lib/table";
import { arrayOf, errorOf, GONE, unwrap, type NumberArray, type Numbers } from "./responses";
import { PAGE } from "./jobs";
import { RequestCache } from "./request_cache";
import { columnsOf, query, requestOptions, signalOption, type Extent } from "./requests";
import type { components, paths } from "./schema";
import type {
  ClusterSettings,
  ContextModel,
  ContextRequest,
  FieldSettings,
  Figure,
  FigureFormat,
  JobModel,
  MapsModel,
  MeansProgress,
  NearestModel,
  NearestRequest,
  OverlapModel,
  PairModel,
  RecordEntry,
  RecordSummary,
  Settings,
  Side,
  StoredMapsModel,
  SubstitutionsModel,
  VulnerabilityMapSettings,
} from "./types";

type FigureBody = components["schemas"]["FigureBody"];

export type Picture = Side | "difference";
export type Combination = "union" | "intersection" | "each";
/** The settings that the numbers of all neurons depend on. */
export type NeuronSettings = Pick<Settings, "curves" | "fields" | "vmaps">;
/** The settings that vulnerability maps are computed with. */
export type MapComputation = Omit<VulnerabilityMapSettings, "top" | "iou_side">;

// Relative, so that the dashboard works behind a proxy at any path.
const BASE = "./api";
const client = createClient<paths>({ baseUrl: "." });

export async function listRecords(): Promise<RecordEntry[]> {
  return unwrap(await client.GET("/api/records"));
}

/** @param layer - the target layer; the last one by default */
export async function summarize(record: string, layer?: string): Promise<RecordSummary> {
  const query = layer === undefined ? {} : { layer };
  return unwrap(await client.GET("/api/records/{record}", { params: { path: { record }, query } }));
}

/** Cached responses: enough for about ten pairs. */
const CACHED_RESPONSES = 96;
/** Each is the masks of many neurons, which take some megabytes. */
const CACHED_MASKS = 4;

/** Requests for one record: one method per route. Responses that do not change are cached. */
export class RecordApi {
  readonly #path: string;
  /** A parameter of all requests except those for images, which do not depend on the layer. */
  readonly #layer: { readonly layer?: string };
  readonly #client: typeof client;
  readonly #gone: (message: string, retry: () => Promise<boolean>) => void;
  readonly #cache = new RequestCache(CACHED_RESPONSES);
  readonly #maskCache = new RequestCache(CACHED_MASKS);

  /**
   * @param gone - called when part of the record cannot be read, with a function that tries again
   */
  constructor(
    readonly summary: RecordSummary,
    gone: (message: string, retry: () => Promise<boolean>) => void,
  ) {
    this.#path = `${BASE}/records/${encodeURIComponent(summary.id)}`;
    this.#layer = summary.layers.length > 1 ? { layer: summary.layer } : {};
    this.#client = createClient<paths>({ baseUrl: ".", fetch: (request) => this.#fetch(request) });
    this.#gone = gone;
  }

  // -- numbers ---------------------------------------------------------------------------------------------

  async pairs(signal: AbortSignal): Promise<Table> {
    return this.#table("pairs.npy", this.summary.pair_columns, { signal });
  }

  /** Name of each pair's image in its source. */
  async imageNames(signal: AbortSignal): Promise<string[]> {
    const params = { path: { record: this.summary.id }, query: this.#layer };
    const load = async () =>
      unwrap(await this.#client.GET("/api/records/{record}/image-names", { params, signal }));
    return this.#cache.get("image-names", load, signal);
  }

  async matrix(signal: AbortSignal): Promise<NumberArray<Int32Array>> {
    return this.#array("matrix.npy", { signal });
  }

  async pair(pair: number, signal?: AbortSignal): Promise<PairModel> {
    const path = { record: this.summary.id, pair };
    const load = async () =>
      unwrap(
        await this.#client.GET("/api/records/{record}/pairs/{pair}", {
          params: { path, query: this.#layer },
          ...requestOptions(signal),
        }),
      );
    return this.#cache.get(`pairs/${pair}`, load, signal);
  }

  /** @param version - changes when new maps or the network become available, and with them the numbers */
  async neurons(
    pair: number,
    settings: NeuronSettings,
    version: string,
    signal?: AbortSignal,
  ): Promise<Table> {
    const path = `pairs/${pair}/neurons.npy?${query(settings.curves, settings.fields, settings.vmaps)}`;
    const load = () => this.#table(path, this.summary.neuron_columns, signalOption(signal));
    return this.#cache.get(`${path} ${version}`, load, signal, (neurons) => this.#isComplete(neurons));
  }

  /** Means over pairs; "quick" leaves out columns that take long for many pairs, and the intervals of ranks. */
  async meanNeurons(
    pairs: Iterable<number>,
    sortBy: string | null,
    { curves, fields, vmaps }: NeuronSettings,
    extent: Extent,
    signal: AbortSignal,
  ): Promise<Table> {
    const body = JSON.stringify({
      pairs: formatRanges(pairs),
      sort_by: sortBy,
      curves,
      fields,
      vmaps,
      columns: columnsOf(this.summary, extent),
      intervals: extent === "all",
    });
    const headers = { "Content-Type": "application/json" };
    const init = { method: "POST", body, headers, signal };
    return this.#table("neurons.npy", this.summary.rank_columns, init);
  }

  /** How far the means over pairs are. */
  async meansProgress(
    pairs: Iterable<number>,
    settings: NeuronSettings,
    extent: Extent,
    signal: AbortSignal,
  ): Promise<MeansProgress> {
    const params = { path: { record: this.summary.id }, query: this.#layer };
    const body = {
      pairs: formatRanges(pairs),
      ...settings,
      columns: columnsOf(this.summary, extent),
      intervals: false,
    };
    const route = "/api/records/{record}/neurons/progress";
    return unwrap(await this.#client.POST(route, { params, body, signal }));
  }

  /** `(2, y, x)` if combined, `(neurons, 2, y, x)` for "each": 1 inside the receptive field; benign side first. */
  async masks(
    pair: number,
    neurons: readonly number[],
    combine: Combination,
    fields: FieldSettings,
    signal?: AbortSignal,
  ): Promise<NumberArray<Uint8Array>> {
    const selection = new URLSearchParams({ neurons: formatRanges(neurons), combine });
    const path = `pairs/${pair}/masks.npy?${selection}&${query(fields)}`;
    const cache = combine === "each" ? this.#maskCache : this.#cache;
    return cache.get(path, () => this.#array<Uint8Array>(path, signalOption(signal)), signal);
  }

  /** `(pairs, 2, y, x)`: one neuron's receptive fields in several pairs. */
  async contextMasks(
    neuron: number,
    pairs: readonly number[],
    fields: FieldSettings,
    signal: AbortSignal,
  ): Promise<NumberArray<Uint8Array>> {
    const path = `neurons/${neuron}/masks.npy?pairs=${pairs.join(",")}&${query(fields)}`;
    return this.#array(path, { signal });
  }

  /** Rows `(left, right, height, leaves)` of the merges. */
  async dendrogram(
    pair: number,
    fields: FieldSettings,
    clusters: ClusterSettings,
    signal?: AbortSignal,
  ): Promise<NumberArray<Numbers>> {
    return this.#cachedArray(`pairs/${pair}/dendrogram.npy?${query(fields, clusters)}`, signal);
  }

  /** @param pairs - the pairs of the scope "given", in their order */
  async context(
    pair: number,
    options: Omit<ContextRequest, "pairs">,
    pairs: Iterable<number> | undefined,
    signal: AbortSignal,
  ): Promise<ContextModel> {
    const params = { path: { record: this.summary.id, pair }, query: this.#layer };
    const body = { ...options, pairs: pairs ? [...pairs].join(",") : null };
    const route = "/api/records/{record}/pairs/{pair}/context";
    return unwrap(await this.#client.POST(route, { params, body, signal }));
  }

  /** @param among - pairs to choose from; all if undefined */
  async nearest(
    pair: number,
    options: Omit<NearestRequest, "pairs">,
    among: Iterable<number> | undefined,
    signal: AbortSignal,
  ): Promise<NearestModel> {
    const params = { path: { record: this.summary.id, pair }, query: this.#layer };
    const body = { ...options, pairs: among ? formatRanges(among) : null };
    const route = "/api/records/{record}/pairs/{pair}/nearest";
    return unwrap(await this.#client.POST(route, { params, body, signal }));
  }

  async substitution(
    pair: number,
    neurons: readonly number[],
    signal?: AbortSignal,
  ): Promise<SubstitutionsModel> {
    const ranges = formatRanges(neurons);
    const params = { path: { record: this.summary.id, pair }, query: { neurons: ranges, ...this.#layer } };
    const route = "/api/records/{record}/pairs/{pair}/substitution";
    const load = async () => unwrap(await this.#client.GET(route, { params, ...requestOptions(signal) }));
    return this.#cache.get(`pairs/${pair}/substitution?${ranges}`, load, signal);
  }

  // -- vulnerability maps ----------------------------------------------------------------------------------

  async maps(pair: number, computed: MapComputation, signal?: AbortSignal): Promise<MapsModel> {
    const params = { path: { record: this.summary.id, pair }, query: { ...computed, ...this.#layer } };
    const route = "/api/records/{record}/pairs/{pair}/maps";
    const load = async () => unwrap(await this.#client.GET(route, { params, ...requestOptions(signal) }));
    const key = `pairs/${pair}/maps?${query(computed)}`;
    return this.#cache.get(key, load, signal, ({ ready }) => ready);
  }

  /** `(2, y, x)` on the maps' grid: benign drop, adversarial gain. */
  async mapValues(
    pair: number,
    computed: MapComputation,
    signal?: AbortSignal,
  ): Promise<NumberArray<Numbers>> {
    return this.#cachedArray(`pairs/${pair}/maps.npy?${query(computed)}`, signal);
  }

  /** `(2, y, x)`: 1 on the most vulnerable pixels by benign drop and by adversarial gain. */
  async topMasks(
    pair: number,
    vmaps: VulnerabilityMapSettings,
    signal?: AbortSignal,
  ): Promise<NumberArray<Uint8Array>> {
    return this.#cachedArray(`pairs/${pair}/top.npy?${query(vmaps)}`, signal);
  }

  /** IoU of the neurons' combined receptive field with each of the `topMasks`. */
  async overlap(
    pair: number,
    neurons: readonly number[],
    combine: Exclude<Combination, "each">,
    fields: FieldSettings,
    vmaps: VulnerabilityMapSettings,
    signal?: AbortSignal,
  ): Promise<OverlapModel> {
    const selection = { neurons: formatRanges(neurons), combine };
    const params = {
      path: { record: this.summary.id, pair },
      query: { ...selection, ...fields, ...vmaps, ...this.#layer },
    };
    const route = "/api/records/{record}/pairs/{pair}/overlap";
    const load = async () => unwrap(await this.#client.GET(route, { params, ...requestOptions(signal) }));
    const key = `pairs/${pair}/overlap?${new URLSearchParams(selection)}&${query(fields, vmaps)}`;
    return this.#cache.get(key, load, signal);
  }

  /** Like `mapValues`, for the latest stage of an unfinished job. */
  async stageValues(job: string, signal: AbortSignal): Promise<NumberArray<Numbers>> {
    return arrayOf(await fetch(`${BASE}/jobs/${encodeURIComponent(job)}/maps.npy`, { signal }));
  }

  /** Which of some pairs have maps. */
  async storedMaps(
    pairs: Iterable<number>,
    vmaps: VulnerabilityMapSettings,
    signal: AbortSignal,
  ): Promise<StoredMapsModel> {
    const params = { path: { record: this.summary.id }, query: this.#layer };
    const body = { pairs: formatRanges(pairs), vmaps };
    return unwrap(await this.#client.POST("/api/records/{record}/stored-maps", { params, body, signal }));
  }

  async startMaps(pair: number, vmaps: VulnerabilityMapSettings, session = PAGE): Promise<JobModel> {
    const path = { record: this.summary.id };
    const body = { kind: "maps" as const, pair, vmaps, session };
    return unwrap(await this.#client.POST("/api/records/{record}/jobs", { params: { path }, body }));
  }

  /**
   * Address of a report of some pairs as a file; undefined where there is no server to make it.
   *
   * @param findings - whether it has the findings about these pairs
   */
  reportUrl(pairs: Iterable<number>, findings: boolean): string | undefined {
    const query = new URLSearchParams({
      pairs: formatRanges(pairs),
      findings: `${findings}`,
      ...this.#layer,
    });
    return `${this.#path}/report.zip?${query}`;
  }

  // -- figures ---------------------------------------------------------------------------------------------

  /** A figure as a file; the scale is that of a PNG. */
  async figure(
    figure: Figure,
    settings: Settings,
    { format, scale }: { readonly format: FigureFormat; readonly scale: number },
    signal: AbortSignal,
  ): Promise<Blob> {
    const params = { path: { record: this.summary.id }, query: { format, scale, ...this.#layer } };
    const body = { figure, ...settings } as FigureBody;
    const route = "/api/records/{record}/figures";
    return unwrap<Blob>(await this.#client.POST(route, { params, body, parseAs: "blob", signal }));
  }

  /** Python code that draws the same figure, and saves it as a file. */
  async figureCode(
    figure: Figure,
    settings: Settings,
    { file, scale }: { readonly file: string; readonly scale: number },
    signal: AbortSignal,
  ): Promise<string> {
    const params = { path: { record: this.summary.id }, query: { file, scale, ...this.#layer } };
    const body = { figure, ...settings } as FigureBody;
    const route = "/api/records/{record}/figures/code";
    return unwrap(await this.#client.POST(route, { params, body, signal })).code;
  }

  // -- pictures --------------------------------------------------------------------------------------------

  imageUrl(pair: number, picture: Picture): string {
    return `${this.#path}/pairs/${pair}/images/${picture}.png?v=${this.summary.fingerprint}`;
  }

  /** Address of a sprite: one row per pair, with the benign image on the left and the adversarial one on the right. */
  thumbnailsUrl(pairs: readonly number[], size: number): string {
    return `${this.#path}/thumbnails?pairs=${pairs.join(",")}&size=${size}&v=${this.summary.fingerprint}`;
  }

  async #fetch(request: Request): Promise<Response> {
    // A body can be read only once.
    const copy = request.clone();
    const response = await fetch(request);
    const error = response.ok ? undefined : await errorOf(response.clone());
    if (error?.isGone) {
      const retry = new Request(copy, { signal: null });
      this.#gone(error.message, async () => (await fetch(retry.clone())).status !== GONE);
    }
    return response;
  }

  async #array<T>(path: string, init: RequestInit): Promise<NumberArray<T>> {
    const layer = new URLSearchParams(this.#layer).toString();
    const joined = layer && `${path.includes("?") ? "&" : "?"}${layer}`;
    const request = new Request(`${this.#path}/${path}${joined}`, init);
    return arrayOf(await (init.signal ? this.#fetch(request) : fetch(request)));
  }

  async #cachedArray<T>(path: string, signal?: AbortSignal): Promise<NumberArray<T>> {
    return this.#cache.get(path, () => this.#array<T>(path, signalOption(signal)), signal);
  }

  /** Whether all columns have values, including those that need vulnerability maps or the network. */
  #isComplete(neurons: Table): boolean {
    const delayed = this.summary.measures.filter(({ needs }) =>
      needs.some((need) => need === "vulnerability_maps" || need === "network"),
    );
    return delayed.every(({ name }) => neurons.hasValues(name));
  }

  async #table(path: string, columns: readonly string[], init: RequestInit): Promise<Table> {
    const { data, shape } = await this.#array<Numbers>(path, init);
    return new Table(columns, data, shape[1] ?? 0);
  }
}

/** What views need of a record, wherever its numbers come from. */
export type RecordSource = Pick<RecordApi, keyof RecordApi>;
