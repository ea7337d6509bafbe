import type { NumberArray, Numbers } from "../../api/arrays";
import type { PairModel, StageModel, SubstitutionsModel } from "../../api/types";
import { csvText, type CsvCell } from "../../lib/exporting";
import { coverage, maskAt, type Mask } from "../../lib/masks";
import { formatRanges } from "../../lib/ranges";
import { largest } from "../../lib/vulnerability_map";
import type { Dashboard } from "../../state/dashboard.svelte";
import type { MapsState, StagedMaps } from "../../state/maps.svelte";
import { Resource, type ResourceRequest } from "../../state/resource.svelte";

/** An answer together with the pair that it is about, so that images and masks of two pairs are never mixed. */
interface OfPair<T> {
  readonly pair: number;
  readonly value: T;
}

/** Both maps on their grid; exact unless they are of a stage. */
interface Maps {
  readonly values: NumberArray<Numbers>;
  readonly stride: number;
  readonly stage: StageModel | undefined;
}

/** Masks, maps and probabilities that the receptive field view shows. Made while a component is initialised. */
export class FieldNumbers {
  readonly masks: Resource<OfPair<NumberArray<Uint8Array>>>;
  readonly substitutions: Resource<OfPair<SubstitutionsModel>>;
  readonly maps: Resource<OfPair<Maps>>;
  readonly top: Resource<OfPair<NumberArray<Uint8Array>>>;
  readonly #dashboard: Dashboard;

  constructor(dashboard: Dashboard) {
    this.#dashboard = dashboard;
    const { api, maps } = dashboard;
    const chosenText = $derived(formatRanges(dashboard.view.neurons));
    this.masks = new Resource(() => {
      const { pair, combine, settings } = dashboard.view;
      const neurons = dashboard.chosenNeurons;
      return {
        key: JSON.stringify([pair, chosenText, combine, settings.threshold_mode, settings.threshold_level]),
        load: async (signal) => ({ pair, value: await api.masks(pair, neurons, combine, settings, signal) }),
      };
    });
    this.substitutions = new Resource(() => {
      const { pair } = dashboard.view;
      const neurons = dashboard.chosenNeurons;
      return {
        key: JSON.stringify([pair, chosenText, dashboard.network.ofSubstitution]),
        load: async (signal) => ({ pair, value: await api.substitution(pair, neurons, signal) }),
      };
    });
    const mapKey = $derived.by(() => {
      const { pair, settings } = dashboard.view;
      return JSON.stringify([pair, settings.patch, settings.stride, maps.version]);
    });
    this.maps = new Resource(
      fromRecordOrJob(maps, (staged) => {
        const { pair, settings } = dashboard.view;
        const load = async (signal: AbortSignal) => ({
          pair,
          value: {
            values: await (staged
              ? api.stageValues(staged.job, signal)
              : api.mapValues(pair, settings, signal)),
            stride: settings.stride,
            stage: staged?.stage,
          },
        });
        return { key: JSON.stringify([mapKey, staged?.job, staged?.stage.number]), load };
      }),
    );
    this.top = new Resource(
      fromRecordOrJob(maps, (staged) => {
        const { pair, settings } = dashboard.view;
        const load = async (signal: AbortSignal) => ({
          pair,
          value: await (staged
            ? api.stageTopMasks(staged.job, settings.top, signal)
            : api.topMasks(pair, settings, signal)),
        });
        return { key: JSON.stringify([mapKey, settings.top, staged?.job, staged?.stage.number]), load };
      }),
    );
  }

  get loading(): boolean {
    return [this.masks, this.maps, this.top, this.substitutions].some(({ loading }) => loading);
  }

  get error(): string | undefined {
    return this.masks.error ?? this.maps.error ?? this.top.error;
  }

  /** What the chosen neurons capture on one image. */
  mask(side: "benign" | "adversarial"): Mask | undefined {
    const found = this.masks.value?.value;
    return found && maskAt(found, side === "benign" ? 0 : 1);
  }

  /** What is shown, as a table of names and values. */
  toCsv(): string {
    const { view } = this.#dashboard;
    const pair = this.#dashboard.pair.value;
    const rows: CsvCell[][] = [
      ["pair", view.pair],
      ["neurons", formatRanges(view.neurons)],
      ["combination", view.combine],
    ];
    for (const side of ["benign", "adversarial"] as const) {
      const mask = this.mask(side);
      rows.push([`coverage of the ${side} image`, mask && coverage(mask)]);
    }
    if (pair) rows.push(...this.#probabilities(pair));
    const maps = this.maps.value?.value;
    const values = maps?.stage ? undefined : maps?.values;
    for (const [index, name] of ["benign drop", "adversarial gain"].entries()) {
      rows.push([`largest ${name}`, values && largest(mapAt(values, index))]);
      const column = `iou_${name.replace(" ", "_")}`;
      rows.push([
        `IoU of neuron ${view.focus} with the ${name}`,
        this.#dashboard.neurons.value?.at(column, view.focus),
      ]);
    }
    return csvText(["name", "value"], rows);
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
 * A request that needs maps: those of the record, or of the last stage of a job. While it is not known whether those of
 * the next pair are there, the last ones stay.
 */
function fromRecordOrJob<T>(
  maps: MapsState,
  request: (staged: StagedMaps | undefined) => ResourceRequest<T>,
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
