import type { NumberArray } from "../../api/responses";
import type { OverlapModel, Side, SubstitutionsModel } from "../../api/types";
import { maskAt, type Mask } from "../../lib/masks";
import { formatRanges } from "../../lib/ranges";
import type { Dashboard } from "../../state/dashboard.svelte";
import { Resource } from "../../state/resource.svelte";
import { mapComputation } from "../../state/settings";
import { fromRecordOrJob, type OfPair, type PairMaps } from "./pair_maps.svelte";

export const SIDES = ["benign", "adversarial"] as const;
export const OTHER = { benign: "adversarial", adversarial: "benign" } as const;

/** Overlaps with both maps, with the keys of the masks and outlines and the side that they refer to. */
interface Overlap {
  readonly masks: string;
  readonly top: string;
  readonly side: Side;
  readonly value: OverlapModel;
}

/**
 * The receptive field of some neurons on the focused pair, its overlap with the maps, and the probabilities after the
 * neurons' substitution. Create it during component initialization.
 */
export class FieldNumbers {
  readonly masks: Resource<OfPair<NumberArray<Uint8Array>>>;
  readonly substitutions: Resource<OfPair<SubstitutionsModel>>;
  readonly #overlap: Resource<Overlap>;
  readonly #dashboard: Dashboard;
  readonly #maps: PairMaps;

  /** @param neurons - none if nothing is to be loaded */
  constructor(dashboard: Dashboard, maps: PairMaps, neurons: () => readonly number[]) {
    this.#dashboard = dashboard;
    this.#maps = maps;
    const { api } = dashboard;
    const text = $derived(formatRanges(neurons()));
    // The pointer may pass many neurons.
    const inTurn = (): boolean => dashboard.previewed !== undefined;
    const masksKey = $derived.by(() => {
      const { pair, combine, settings } = dashboard.view;
      return JSON.stringify([pair, text, combine, settings.fields]);
    });
    this.masks = new Resource(() => {
      const { pair, combine, settings } = dashboard.view;
      if (!text) return undefined;
      return {
        key: masksKey,
        inTurn: inTurn(),
        load: async (signal) => ({
          pair,
          value: await api.masks(pair, neurons(), combine, settings.fields, signal),
        }),
      };
    });
    this.substitutions = new Resource(() => {
      const { pair } = dashboard.view;
      if (!text) return undefined;
      return {
        key: JSON.stringify([pair, text, dashboard.network.forSubstitution]),
        inTurn: inTurn(),
        load: async (signal) => ({ pair, value: await api.substitution(pair, neurons(), signal) }),
      };
    });
    this.#overlap = new Resource(
      fromRecordOrJob(dashboard.maps, (staged) => {
        // The outline of a stage may still change.
        if (staged || !text) return undefined;
        const { pair, combine, settings } = dashboard.view;
        const of = { masks: masksKey, top: maps.topKey(), side: settings.vmaps.iou_side };
        return {
          key: JSON.stringify(of),
          inTurn: inTurn(),
          load: async (signal) => ({
            ...of,
            value: await api.overlap(pair, neurons(), combine, settings.fields, settings.vmaps, signal),
          }),
        };
      }),
    );
  }

  get loading(): boolean {
    return [this.masks, this.#overlap, this.substitutions].some(({ loading }) => loading);
  }

  get error(): string | undefined {
    return this.masks.error ?? this.#overlap.error;
  }

  /** The receptive field on one image. */
  mask(side: Side): Mask | undefined {
    const masks = this.masks.value?.value;
    return masks && maskAt(masks, side === "benign" ? 0 : 1);
  }

  /** IoU of the shown receptive field with the shown outlines of the maps; undefined while unknown. */
  get overlap(): OverlapModel | undefined {
    const loaded = this.#overlap.value;
    const isOfShown =
      loaded?.masks === this.masks.key &&
      loaded?.top === this.#maps.top.key &&
      loaded?.side === this.#dashboard.view.settings.vmaps.iou_side;
    return isOfShown ? loaded?.value : undefined;
  }
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
    ...SIDES.map((side) => loadImage(api.imageUrl(pair, side))),
  ]);
}

async function loadImage(address: string): Promise<void> {
  const image = new Image();
  image.src = address;
  await image.decode();
}
