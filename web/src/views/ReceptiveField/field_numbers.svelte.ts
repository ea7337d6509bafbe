import type { NumberArray, Numbers } from "../../api/responses";
import type { OverlapModel, PairModel, Side, StageModel, SubstitutionsModel } from "../../api/types";
import { csvText, type CsvCell } from "../../lib/exporting";
import { coverage, maskAt, type Mask } from "../../lib/masks";
import { formatRanges } from "../../lib/ranges";
import { largest, toFullSize, topMasks } from "../../lib/vulnerability_map";
import type { Dashboard } from "../../state/dashboard.svelte";
import type { MapsState, StagedMaps } from "../../state/maps.svelte";
import { Resource, type ResourceRequest } from "../../state/resource.svelte";
import { mapComputation } from "../../state/settings";

/** The two vulnerability maps. */
export const KINDS = [
  { name: "benign_drop", label: "benign drop", side: "benign", arrow: "↓" },
  { name: "adversarial_gain", label: "adversarial gain", side: "adversarial", arrow: "↑" },
] as const;

/** Milliseconds that the pointer rests on a neuron before it is previewed. */
const PREVIEW_REST = 40;

/** A response with its pair, so that images and masks of two pairs are never mixed. */
interface OfPair<T> {
  readonly pair: number;
  readonly value: T;
}

/** Both maps on their grid; exact unless they have a stage. */
interface Maps {
  readonly values: NumberArray<Numbers>;
  readonly stride: number;
  readonly stage: StageModel | undefined;
}

/** Overlaps with both maps, with the keys of the masks and outlines and the side that they refer to. */
interface Overlap {
  readonly masks: string;
  readonly top: string;
  readonly side: Side;
  readonly value: OverlapModel;
}

/** Masks, maps and probabilities of the receptive field view. Create it during component initialization. */
export class FieldNumbers {
  readonly masks: Resource<OfPair<NumberArray<Uint8Array>>>;
  readonly substitutions: Resource<OfPair<SubstitutionsModel>>;
  readonly maps: Resource<OfPair<Maps>>;
  readonly top: Resource<OfPair<NumberArray<Uint8Array>>>;
  readonly #overlap: Resource<Overlap>;
  readonly #dashboard: Dashboard;

  constructor(dashboard: Dashboard) {
    this.#dashboard = dashboard;
    const { api, maps } = dashboard;
    const rest = (): number => (dashboard.previewed === undefined ? 0 : PREVIEW_REST);
    const chosenText = $derived(formatRanges(dashboard.shownNeurons));
    const masksKey = $derived.by(() => {
      const { pair, combine, settings } = dashboard.view;
      return JSON.stringify([pair, chosenText, combine, settings.fields]);
    });
    this.masks = new Resource(() => {
      const { pair, combine, settings } = dashboard.view;
      const neurons = dashboard.shownNeurons;
      return {
        key: masksKey,
        delay: rest(),
        load: async (signal) => ({
          pair,
          value: await api.masks(pair, neurons, combine, settings.fields, signal),
        }),
      };
    });
    this.substitutions = new Resource(() => {
      const { pair } = dashboard.view;
      const neurons = dashboard.shownNeurons;
      return {
        key: JSON.stringify([pair, chosenText, dashboard.network.forSubstitution]),
        delay: rest(),
        load: async (signal) => ({ pair, value: await api.substitution(pair, neurons, signal) }),
      };
    });
    const mapKey = $derived.by(() => {
      const { pair, settings } = dashboard.view;
      return JSON.stringify([pair, mapComputation(settings.vmaps), maps.version]);
    });
    this.maps = new Resource(
      fromRecordOrJob(maps, (staged) => {
        const { pair, settings } = dashboard.view;
        const load = async (signal: AbortSignal) => ({
          pair,
          value: {
            values: await (staged
              ? api.stageValues(staged.job, signal)
              : api.mapValues(pair, mapComputation(settings.vmaps), signal)),
            stride: settings.vmaps.stride,
            stage: staged?.stage,
          },
        });
        return { key: JSON.stringify([mapKey, staged?.job, staged?.stage.number]), load };
      }),
    );
    const topKey = (staged: StagedMaps | undefined): string =>
      JSON.stringify([mapKey, dashboard.view.settings.vmaps.top, staged?.job, staged?.stage.number]);
    this.top = new Resource(
      fromRecordOrJob(maps, (staged) => {
        const { pair, settings } = dashboard.view;
        const load = async (signal: AbortSignal) => ({
          pair,
          value: await (staged
            ? this.#stageTopMasks(staged, settings.vmaps, signal)
            : api.topMasks(pair, settings.vmaps, signal)),
        });
        return { key: topKey(staged), load };
      }),
    );
    this.#overlap = new Resource(
      fromRecordOrJob(maps, (staged) => {
        // The outline of a stage may still change.
        if (staged) return undefined;
        const { pair, combine, settings } = dashboard.view;
        const neurons = dashboard.shownNeurons;
        const of = { masks: masksKey, top: topKey(undefined), side: settings.vmaps.iou_side };
        return {
          key: JSON.stringify(of),
          delay: rest(),
          load: async (signal) => ({
            ...of,
            value: await api.overlap(pair, neurons, combine, settings.fields, settings.vmaps, signal),
          }),
        };
      }),
    );
  }

  get loading(): boolean {
    const all = [this.masks, this.maps, this.top, this.#overlap, this.substitutions];
    return all.some(({ loading }) => loading);
  }

  get error(): string | undefined {
    return this.masks.error ?? this.maps.error ?? this.top.error ?? this.#overlap.error;
  }

  /** The chosen neurons' receptive field on one image. */
  mask(side: "benign" | "adversarial"): Mask | undefined {
    const masks = this.masks.value?.value;
    return masks && maskAt(masks, side === "benign" ? 0 : 1);
  }

  /** IoU of the shown receptive field with the shown outlines of the maps; undefined while unknown. */
  get overlap(): OverlapModel | undefined {
    const loaded = this.#overlap.value;
    const isOfShown =
      loaded?.masks === this.masks.key &&
      loaded?.top === this.top.key &&
      loaded?.side === this.#dashboard.view.settings.vmaps.iou_side;
    return isOfShown ? loaded?.value : undefined;
  }

  /** The shown numbers as a table of names and values. */
  toCsv(): string {
    const { view } = this.#dashboard;
    const pair = this.#dashboard.pair.value;
    const rows: CsvCell[][] = [
      ["pair", view.pair],
      ["neurons", formatRanges(this.#dashboard.shownNeurons)],
      ["combination", view.combine],
    ];
    for (const side of ["benign", "adversarial"] as const) {
      const mask = this.mask(side);
      rows.push([`coverage of the ${side} image`, mask && coverage(mask)]);
    }
    if (pair) rows.push(...this.#probabilities(pair));
    const maps = this.maps.value?.value;
    const values = maps?.stage ? undefined : maps?.values;
    for (const [index, { name, label }] of KINDS.entries()) {
      rows.push([`largest ${label}`, values && largest(mapAt(values, index))]);
      const field = `RF on the ${view.settings.vmaps.iou_side} image`;
      rows.push([
        `IoU of the ${field} with the top ${view.settings.vmaps.top} % by ${label}`,
        this.overlap?.[name],
      ]);
    }
    return csvText(["name", "value"], rows);
  }

  /** Masks of a stage. Its job may be gone, because the server remembers only a few. */
  async #stageTopMasks(
    { job, stage }: StagedMaps,
    { stride, top }: { readonly stride: number; readonly top: number },
    signal: AbortSignal,
  ): Promise<NumberArray<Uint8Array>> {
    const { api, summary } = this.#dashboard;
    const shown = this.maps.value?.value;
    const values = shown?.stage === stage ? shown.values : await api.stageValues(job, signal);
    const [, rows = 1, columns = 1] = values.shape;
    const { width, height } = summary.image;
    const full = KINDS.map((_, index) =>
      toFullSize({ values: mapAt(values, index), rows, columns, stride }, width, height),
    );
    return { data: topMasks(full, top), shape: [KINDS.length, height, width] };
  }

  #probabilities(pair: PairModel): CsvCell[][] {
    const after = this.substitutions.value?.value;
    return (["benign", "adversarial"] as const).flatMap((side) => {
      const named = (one: { label: number; probability: number }, when: string): CsvCell[] => [
        `probability of ${this.#dashboard.className(one.label)} on the ${side} image${when}`,
        one.probability,
      ];
      return [
        ...pair.probabilities[side].map((one) => named(one, "")),
        ...(after?.[side].probabilities ?? []).map((one) => named(one, " after the substitution")),
      ];
    });
  }
}

/**
 * A request that needs maps: those of the record, or of the latest stage of a job. The last request stays while the
 * state of the next pair's maps is unknown.
 */
function fromRecordOrJob<T>(
  maps: MapsState,
  request: (staged: StagedMaps | undefined) => ResourceRequest<T> | undefined,
): () => ResourceRequest<T> | undefined {
  let last: ResourceRequest<T> | undefined;
  return () => {
    if (maps.state === "ready") last = request(undefined);
    else if (maps.state !== "unknown") last = maps.stage && request(maps.stage);
    return last;
  };
}

/** One of two maps on the grid: 0 the benign drop, 1 the adversarial gain. */
export function mapAt(maps: NumberArray<Numbers>, index: number): Numbers {
  const size = (maps.shape[1] ?? 0) * (maps.shape[2] ?? 0);
  return maps.data.subarray(index * size, (index + 1) * size);
}

/** Loads receptive fields, substitutions, images, and vulnerability maps if the record has them. */
export async function prefetch(dashboard: Dashboard, pair: number): Promise<void> {
  const { api } = dashboard;
  const { settings, neurons, combine } = dashboard.view;
  const { fields, vmaps } = settings;
  const computed = mapComputation(vmaps);
  await Promise.allSettled([
    api.masks(pair, neurons, combine, fields),
    api.substitution(pair, neurons),
    api.maps(pair, computed).then(async ({ ready }) => {
      if (!ready) return;
      await Promise.all([
        api.mapValues(pair, computed),
        api.topMasks(pair, vmaps),
        api.overlap(pair, neurons, combine, fields, vmaps),
      ]);
    }),
    ...(["benign", "adversarial"] as const).map((side) => loadImage(api.imageUrl(pair, side))),
  ]);
}

async function loadImage(address: string): Promise<void> {
  const image = new Image();
  image.src = address;
  await image.decode();
}
