import type { NumberArray, Numbers } from "../../api/responses";
import type { StageModel } from "../../api/types";
import { maskAt, type Mask } from "../../lib/masks";
import { largest, toFullSize, topMasks } from "../../lib/vulnerability_map";
import type { Dashboard } from "../../state/dashboard.svelte";
import type { MapsState, StagedMaps } from "../../state/maps.svelte";
import { Resource, type ResourceRequest } from "../../state/resource.svelte";
import { mapComputation } from "../../state/settings";

/** The two vulnerability maps. */
export const KINDS = [
  { name: "benign_drop", label: "benign drop", side: "benign", effect: "falls" },
  { name: "adversarial_gain", label: "adversarial gain", side: "adversarial", effect: "rises" },
] as const;

/** A response with its pair, so that images and masks of two pairs are never mixed. */
export interface OfPair<T> {
  readonly pair: number;
  readonly value: T;
}

/** Both maps on their grid; exact unless they have a stage. */
interface Maps {
  readonly values: NumberArray<Numbers>;
  readonly stride: number;
  readonly stage: StageModel | undefined;
}

/** One map at the size of the image. */
interface ShownMap {
  readonly values: Float64Array;
  readonly most: number;
  /** Its most vulnerable part; undefined while unknown. */
  readonly top: Mask | undefined;
}

/** The vulnerability maps of the focused pair, and their most vulnerable parts. Create it during component initialization. */
export class PairMaps {
  readonly maps: Resource<OfPair<Maps>>;
  readonly top: Resource<OfPair<NumberArray<Uint8Array>>>;
  readonly #dashboard: Dashboard;

  constructor(dashboard: Dashboard) {
    this.#dashboard = dashboard;
    const { api, maps } = dashboard;
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
        return { key: JSON.stringify([this.key, staged?.job, staged?.stage.number]), load };
      }),
    );
    this.top = new Resource(
      fromRecordOrJob(maps, (staged) => {
        const { pair, settings } = dashboard.view;
        const load = async (signal: AbortSignal) => ({
          pair,
          value: await (staged
            ? this.#stageTopMasks(staged, settings.vmaps, signal)
            : api.topMasks(pair, settings.vmaps, signal)),
        });
        return { key: this.topKey(staged), load };
      }),
    );
  }

  readonly key = $derived.by(() => {
    const { pair, settings } = this.#dashboard.view;
    return JSON.stringify([pair, mapComputation(settings.vmaps), this.#dashboard.maps.version]);
  });

  /** Key of the outlines of the record's maps, or of a stage. */
  topKey(staged?: StagedMaps): string {
    return JSON.stringify([
      this.key,
      this.#dashboard.view.settings.vmaps.top,
      staged?.job,
      staged?.stage.number,
    ]);
  }

  /** Both maps as they are shown, on one scale; undefined while there are none. */
  readonly shown = $derived.by(() => {
    const loaded = this.maps.value;
    if (!loaded) return undefined;
    const { values, stride, stage } = loaded.value;
    const top = this.top.value?.pair === loaded.pair ? this.top.value.value : undefined;
    const both = KINDS.map((_, index): ShownMap => ({
      values: this.#fullSize(values, index, stride),
      most: largest(mapAt(values, index)),
      top: top && maskAt(top, index),
    }));
    return { pair: loaded.pair, both, stage, most: Math.max(...both.map(({ most }) => most)) };
  });

  get loading(): boolean {
    return this.maps.loading || this.top.loading;
  }

  get error(): string | undefined {
    return this.maps.error ?? this.top.error;
  }

  #fullSize(values: NumberArray<Numbers>, index: number, stride: number): Float64Array {
    const [, rows = 1, columns = 1] = values.shape;
    const { width, height } = this.#dashboard.summary.image;
    return toFullSize({ values: mapAt(values, index), rows, columns, stride }, width, height);
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
    const full = KINDS.map((_, index) => this.#fullSize(values, index, stride));
    return { data: topMasks(full, top), shape: [KINDS.length, summary.image.height, summary.image.width] };
  }
}

/**
 * A request that needs maps: those of the record, or of the latest stage of a job. The last request stays while the
 * state of the next pair's maps is unknown.
 */
export function fromRecordOrJob<T>(
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
function mapAt(maps: NumberArray<Numbers>, index: number): Numbers {
  const size = (maps.shape[1] ?? 0) * (maps.shape[2] ?? 0);
  return maps.data.subarray(index * size, (index + 1) * size);
}
