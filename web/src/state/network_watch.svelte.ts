import { summarise } from "../api/record_api";
import type { NetworkModel, RecordSummary } from "../api/types";
import { askUntil } from "../lib/patience";

/**
 * Whether the network is there; asked again while the server loads it. Made while a component is initialised.
 */
export class NetworkWatch {
  now = $state.raw() as NetworkModel;
  readonly #isLinear: boolean;

  constructor({ id, network, head }: RecordSummary) {
    this.now = network;
    this.#isLinear = head === "linear";
    if (network.state !== "loading") return;
    $effect(() =>
      askUntil(async () => {
        this.now = (await summarise(id)).network;
        return this.now.state !== "loading";
      }),
    );
  }

  /** State of the network where substitution needs it, which is so in front of a head that is not linear. */
  get ofSubstitution(): NetworkModel["state"] | undefined {
    return this.#isLinear ? undefined : this.now.state;
  }
}
