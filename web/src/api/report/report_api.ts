import { formatRanges, parseRanges } from "../../lib/ranges";
import { Table } from "../../lib/table";
import type { Combination, MapComputation, NeuronSettings, Picture, RecordSource } from "../record_api";
import type { NumberArray, Numbers } from "../responses";
import type {
  ClusterSettings,
  ContextModel,
  ContextRequest,
  FieldSettings,
  JobModel,
  MapsModel,
  MeansProgress,
  NearestModel,
  NearestRequest,
  OverlapModel,
  PairModel,
  RecordSummary,
  Side,
  StoredMapsModel,
  SubstitutionsModel,
  VulnerabilityMapSettings,
} from "../types";
import type { Chunk } from "./chunk";
import type { EdgeMasks } from "./edges";
import { ReportPictures } from "./pictures";
import { NotInReport, type Report } from "./report";

type Value = string | number | null;
const SIDES = ["benign", "adversarial"] as const;
/** Columns of a substitution before the probabilities. */
const EFFECTS = 3;

/**
 * The record of a report. All numbers are those that the server gave when the report was made; only receptive fields are
 * combined and compared here, which is counting pixels.
 */
export class ReportApi implements RecordSource {
  readonly #pictures: ReportPictures;
  readonly #values: Readonly<Record<string, readonly Value[]>>;
  readonly #defaults: Readonly<Record<string, Value>>;
  /** Masks of the context images that were requested, by neuron and pairs. */
  readonly #contextMasks = new Map<string, EdgeMasks>();

  constructor(
    private readonly report: Report,
    readonly summary: RecordSummary,
  ) {
    this.#pictures = new ReportPictures(report, new Set(summary.report?.pairs));
    this.#values = summary.report?.values ?? {};
    this.#defaults = Object.assign({}, ...Object.values(summary.defaults)) as Record<string, Value>;
  }

  async pairs(): Promise<Table> {
    const { data, shape } = (await this.report.record).array<Float32Array>("pairs");
    return new Table(this.summary.pair_columns, data, shape[1] ?? 0);
  }

  async imageNames(): Promise<string[]> {
    return (await this.report.record).json<string[]>("image_names");
  }

  async matrix(): Promise<NumberArray<Int32Array>> {
    return (await this.report.record).array<Int32Array>("matrix");
  }

  async pair(pair: number): Promise<PairModel> {
    return (await this.#pair(pair)).json<PairModel>("pair");
  }

  async neurons(pair: number, settings: NeuronSettings): Promise<Table> {
    const chunk = await this.#pair(pair);
    this.#check(settings.curves, settings.fields, settings.vmaps);
    const keys = [
      this.#key(settings.curves, "weights"),
      this.#key({ ...settings.fields, ...settings.vmaps }, "threshold_level", "top"),
    ];
    const changes = chunk.json<Record<string, readonly number[]>>("changes");
    const columns = this.summary.neuron_columns.map((_, column) => {
      const [key, other] = keys.filter((one) => changes[one]?.includes(column));
      if (other !== undefined) return undefined;
      return chunk.array<Float32Array | Float64Array>(
        `neurons/${column}${key === undefined ? "" : `/${key}`}`,
      ).data;
    });
    return this.#table(this.summary.neuron_columns, columns);
  }

  async meanNeurons(
    pairs: Iterable<number>,
    sortBy: string | null,
    settings: NeuronSettings,
  ): Promise<Table> {
    const record = await this.report.record;
    const ranked = record.json<Record<string, readonly string[]>>("ranked");
    const text = formatRanges(pairs);
    const place = Object.keys(ranked).indexOf(text);
    if (place < 0) throw new NotInReport("means over this selection of pairs");
    this.#checkDefault("means over several pairs", settings.curves, settings.fields, settings.vmaps);
    const { neuron_columns: measures, rank_columns: names } = this.summary;
    const means = measures.map(
      (_, column) => record.array<Float32Array | Float64Array>(`means/${place}/${column}`).data,
    );
    if (sortBy === null || !ranked[text]?.includes(sortBy)) return this.#table(names, means);
    const { data, shape } = record.array<Float32Array | Float64Array>(`ranks/${place}/${sortBy}`);
    const size = shape[1] ?? 0;
    const ranks = names.slice(measures.length).map((_, row) => data.subarray(row * size, (row + 1) * size));
    return this.#table(names, [...means, ...ranks]);
  }

  meansProgress(pairs: Iterable<number>): Promise<MeansProgress> {
    const total = [...pairs].length;
    return Promise.resolve({ done: total, total });
  }

  async masks(
    pair: number,
    neurons: readonly number[],
    combine: Combination,
    fields: FieldSettings,
  ): Promise<NumberArray<Uint8Array>> {
    const masks = (await this.#pair(pair)).masks(`masks/${this.#level(fields)}`);
    const [height, width] = masks.shape.slice(-2) as [number, number];
    if (combine !== "each") {
      const both = SIDES.map((_, side) => combined(masks, neurons, side, combine));
      return { data: joined(both), shape: [2, height, width] };
    }
    const each = neurons.flatMap((neuron) => SIDES.map((_, side) => masks.mask(2 * neuron + side)));
    return { data: joined(each), shape: [neurons.length, 2, height, width] };
  }

  async contextMasks(
    neuron: number,
    pairs: readonly number[],
    fields: FieldSettings,
  ): Promise<NumberArray<Uint8Array>> {
    this.#checkDefault("context images", fields);
    const masks = this.#contextMasks.get(contextKey(neuron, pairs));
    if (!masks) throw new NotInReport(`receptive fields of neuron ${neuron} on these pairs`);
    return Promise.resolve({ data: masks.all(), shape: masks.shape });
  }

  async dendrogram(
    pair: number,
    fields: FieldSettings,
    clusters: ClusterSettings,
  ): Promise<NumberArray<Numbers>> {
    const chunk = await this.#pair(pair);
    this.#check(clusters);
    const { data, shape } = chunk.array<Float32Array | Float64Array>(`dendrogram/${this.#level(fields)}`);
    return { data, shape };
  }

  async context(
    pair: number,
    { neuron, order, scope, count, start, curves }: Omit<ContextRequest, "pairs">,
  ): Promise<ContextModel> {
    const chunk = await this.#pair(pair);
    const model = chunk.json<Record<string, ContextModel | undefined>>("context")[neuron];
    this.#checkDefault("context images", curves);
    if (model?.order !== order || model.scope !== scope || count < model.pairs.length || start) {
      throw new NotInReport(
        `context images of neuron ${neuron} on pair ${pair}, which is not at the ends of an order`,
      );
    }
    if (model.pairs.length)
      this.#contextMasks.set(contextKey(neuron, model.pairs), chunk.masks(`context/${neuron}`));
    return model;
  }

  async nearest(
    pair: number,
    { by = "benign", count = 0, curves }: Omit<NearestRequest, "pairs">,
    among: Iterable<number> | undefined,
  ): Promise<NearestModel> {
    const nearest = (await this.#pair(pair)).json<Record<string, NearestModel>>("nearest")[by];
    if (!nearest || among) throw new NotInReport("the nearest pairs among some of all pairs");
    this.#checkDefault("nearest pairs", curves ?? {});
    return { pairs: nearest.pairs.slice(0, count), distances: nearest.distances.slice(0, count) };
  }

  async substitution(pair: number, neurons: readonly number[]): Promise<SubstitutionsModel> {
    const chunk = await this.#pair(pair);
    const place = chunk.has("sets") ? chunk.json<string[]>("sets").indexOf(formatRanges(neurons)) : -1;
    if (place < 0) {
      const these =
        neurons.length === 1 ? `neuron ${neurons[0]}` : `these ${neurons.length} neurons together`;
      const instead = this.summary.head === "linear" ? "It has those of single neurons and of branches" : "";
      throw new NotInReport(`the effect of ${these}`, instead);
    }
    const { data, shape } = chunk.array<Float32Array | Float64Array>("substitutions");
    const [, sides = 2, columns = EFFECTS] = shape;
    const { probabilities } = chunk.json<PairModel>("pair");
    const of = (side: Side): SubstitutionsModel[Side] => {
      const start = (place * sides + SIDES.indexOf(side)) * columns;
      const [drop, gain, label, ...after] = data.subarray(start, start + columns) as unknown as number[];
      return {
        benign_drop: drop as number,
        adversarial_gain: gain as number,
        label: label as number,
        probabilities: probabilities[side].map((one, index) => ({
          label: one.label,
          probability: after[index] as number,
        })),
      };
    };
    return { benign: of("benign"), adversarial: of("adversarial") };
  }

  async maps(pair: number, computed: MapComputation): Promise<MapsModel> {
    const chunk = await this.#pair(pair);
    this.#check(computed);
    return chunk.json<MapsModel>("map_state");
  }

  async mapValues(pair: number, computed: MapComputation): Promise<NumberArray<Numbers>> {
    const chunk = await this.#pair(pair);
    this.#check(computed);
    return chunk.array<Float32Array | Float64Array>("maps");
  }

  async topMasks(pair: number, vmaps: VulnerabilityMapSettings): Promise<NumberArray<Uint8Array>> {
    const masks = (await this.#pair(pair)).masks(`top/${this.#place("top", vmaps.top)}`);
    return { data: masks.all(), shape: masks.shape };
  }

  async overlap(
    pair: number,
    neurons: readonly number[],
    combine: Exclude<Combination, "each">,
    fields: FieldSettings,
    vmaps: VulnerabilityMapSettings,
  ): Promise<OverlapModel> {
    const chunk = await this.#pair(pair);
    const masks = chunk.masks(`masks/${this.#level(fields)}`);
    const field = combined(masks, neurons, SIDES.indexOf(vmaps.iou_side), combine);
    const top = chunk.masks(`top/${this.#place("top", vmaps.top)}`);
    return { benign_drop: iou(field, top.mask(0)), adversarial_gain: iou(field, top.mask(1)) };
  }

  async storedMaps(pairs: Iterable<number>, vmaps: VulnerabilityMapSettings): Promise<StoredMapsModel> {
    this.#check(vmaps);
    const text = (await this.report.record).json<string>("stored");
    const stored = new Set(parseRanges(text, this.summary.pairs));
    return { missing: formatRanges([...pairs].filter((pair) => !stored.has(pair))) };
  }

  stageValues(): Promise<NumberArray<Numbers>> {
    return Promise.reject(new NotInReport("maps that are being computed"));
  }

  startMaps(pair: number): Promise<JobModel> {
    return Promise.reject(new NotInReport(`vulnerability maps of pair ${pair}`));
  }

  figure(): Promise<Blob> {
    return Promise.reject(new NotInReport("figures, which Vulneuron draws with matplotlib"));
  }

  figureCode(): Promise<string> {
    return Promise.reject(new NotInReport("the code of figures"));
  }

  reportUrl(): undefined {
    return undefined;
  }

  imageUrl(pair: number, picture: Picture): string {
    return this.#pictures.image(pair, picture);
  }

  thumbnailsUrl(pairs: readonly number[]): string {
    return this.#pictures.thumbnails(pairs);
  }

  async #pair(pair: number): Promise<Chunk> {
    const { pairs = [] } = this.summary.report ?? {};
    if (!pairs.includes(pair)) {
      throw new NotInReport(
        `pair ${pair}`,
        `It has ${pairs.length === 1 ? "pair" : "pairs"} ${formatRanges(pairs)}`,
      );
    }
    return this.report.pair(pair);
  }

  /** Columns as a table; those without values are NaN. */
  #table(names: readonly string[], columns: readonly (ArrayLike<number> | undefined)[]): Table {
    const { neurons } = this.summary;
    const data = new Float64Array(names.length * neurons).fill(Number.NaN);
    for (const [index, values] of columns.entries()) if (values) data.set(values, index * neurons);
    return new Table(names, data, neurons);
  }

  #level(fields: FieldSettings): number {
    this.#check(fields);
    return this.#place("threshold_level", fields.threshold_level);
  }

  /** The place of a value among those of its setting. */
  #place(name: string, value: Value): number {
    const place = this.#values[name]?.indexOf(value) ?? -1;
    if (place >= 0) return place;
    const setting = Object.values(this.summary.settings)
      .flat()
      .find((one) => one.name === name);
    throw new NotInReport(`${setting?.label ?? name} = ${value ?? "default"}`);
  }

  #check(...groups: object[]): void {
    for (const [name, value] of groups.flatMap((group) => Object.entries(group) as [string, Value][]))
      this.#place(name, value);
  }

  #checkDefault(what: string, ...groups: object[]): void {
    const isDefault = groups
      .flatMap((group) => Object.entries(group) as [string, Value][])
      .every(([name, value]) => value === this.#defaults[name]);
    if (!isDefault) throw new NotInReport(`${what} with other settings than the first ones`);
  }

  /** The name of a variation: the settings among these that are not the first ones, by their places. */
  #key(settings: object, ...names: readonly string[]): string {
    const chosen = settings as Readonly<Record<string, Value>>;
    return names
      .filter((name) => chosen[name] !== this.#defaults[name])
      .map((name) => `${name}:${this.#place(name, chosen[name] ?? null)}`)
      .join();
  }
}

function contextKey(neuron: number, pairs: readonly number[]): string {
  return `${neuron} ${pairs.join()}`;
}

/** Receptive field `(y, x)` of some neurons on one image. */
function combined(
  masks: EdgeMasks,
  neurons: readonly number[],
  side: number,
  combine: Exclude<Combination, "each">,
): Uint8Array {
  const [first = 0, ...rest] = neurons;
  const field = masks.mask(2 * first + side);
  for (const neuron of rest) {
    const mask = masks.mask(2 * neuron + side);
    for (const [pixel, inside] of mask.entries()) {
      field[pixel] =
        combine === "union" ? (field[pixel] as number) | inside : (field[pixel] as number) & inside;
    }
  }
  return field;
}

/** Intersection over union; 0 if both are empty. */
function iou(field: Uint8Array, top: Uint8Array): number {
  let [common, either] = [0, 0];
  for (const [pixel, inside] of field.entries()) {
    common += inside & (top[pixel] as number);
    either += inside | (top[pixel] as number);
  }
  // As a float32, as `Analysis` computes it.
  return either ? Math.fround(common / either) : 0;
}

function joined(masks: readonly Uint8Array[]): Uint8Array {
  const size = masks[0]?.length ?? 0;
  const all = new Uint8Array(size * masks.length);
  for (const [index, mask] of masks.entries()) all.set(mask, index * size);
  return all;
}
