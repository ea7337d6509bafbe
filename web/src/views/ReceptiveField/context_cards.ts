import type { RecordSource } from "../../api/record_api";
import type { ContextRequest, CurveSettings, FieldSettings, Side } from "../../api/types";
import { maskAt, type Mask } from "../../lib/masks";
import { SIDES } from "./field_numbers.svelte";

/** What the window of context images asks for. */
export interface ContextQuery extends Pick<ContextRequest, "order" | "scope"> {
  readonly pair: number;
  readonly neuron: number;
  /** The selected pairs in their order, if these are the ones that are shown. */
  readonly pairs: Uint32Array | undefined;
  readonly curves: CurveSettings;
  readonly fields: FieldSettings;
  /** Changes with anything else in the query. */
  readonly key: string;
}

/** What a neuron captures on both images of a pair. */
export interface ContextCard {
  readonly pair: number;
  /** How much the neuron's contribution rises. */
  readonly change: number;
  readonly sides: readonly {
    readonly side: Side;
    /** Activation of the neuron on this image. */
    readonly activation: number;
    /** Probability of this image's label. */
    readonly confidence: number;
    readonly mask: Mask;
  }[];
}

/** Some of the pairs, with receptive fields. */
export async function loadCards(
  api: RecordSource,
  { pair, neuron, order, scope, pairs, curves, fields }: ContextQuery,
  start: number,
  count: number,
  signal: AbortSignal,
): Promise<ContextCard[]> {
  const context = await api.context(pair, { neuron, order, scope, count, start, curves }, pairs, signal);
  if (!context.pairs.length) return [];
  const masks = await api.contextMasks(neuron, context.pairs, fields, signal);
  return context.pairs.map((number, index) => ({
    pair: number,
    change: context.changes[index] ?? Number.NaN,
    sides: SIDES.map((side, at) => ({
      side,
      activation: context[`${side}_activations`][index] ?? Number.NaN,
      confidence: context[`${side}_confidences`][index] ?? Number.NaN,
      mask: maskAt(masks, 2 * index + at),
    })),
  }));
}
