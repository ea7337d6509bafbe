/** Groups in words. */

import type { GroupModel } from "../api/types";
import { count, pairCount } from "../lib/format";

/** "1 neuron", "1,280 neurons". */
export function neuronCount(neurons: number): string {
  return neurons === 1 ? "1 neuron" : `${count(neurons)} neurons`;
}

/** The members of a group, such as "36 pairs", or "12 neurons of layer3" if another layer is shown. */
export function groupText({ neurons, pairs, layer }: GroupModel, shown: string): string {
  if (pairs.length) return pairCount(pairs.length);
  const members = neuronCount(neurons.length);
  return layer === null || layer === shown ? members : `${members} of ${layer}`;
}
