import { summarize } from "../api/record_api";
import type { NetworkModel, RecordSummary } from "../api/types";
import { pollUntil } from "../lib/polling";

/**
 * Whether the network is available; polled while the server loads it. Create it during component initialization.
 */
export class NetworkWatch {
  now = $state.raw() as NetworkModel;
  readonly #isLinear: boolean;

  constructor({ id, network, head }: RecordSummary) {
    this.now = network;
    this.#isLinear = head === "linear";
    if (network.state !== "loading") return;
    $effect(() =>
      pollUntil(async () => {
        this.now = (await summarize(id)).network;
        return this.now.state !== "loading";
      }),
    );
  }

  /** State of the network if substitution needs it, which it does unless the head is linear. */
  get ofSubstitution(): NetworkModel["state"] | undefined {
    return this.#isLinear ? undefined : this.now.state;
  }
}
