/** Whether the server, the record and the network are available. Unavailable ones are polled. */

import { followListings } from "../api/listings";
import { listRecords, summarize } from "../api/source";
import type { NetworkModel, RecordEntry, RecordSummary } from "../api/types";

/**
 * Whether the server responds, and its list of records. A hidden page does not follow them, because a browser opens
 * only a few connections to a server, for all of its pages together.
 */
export class Connection {
  lost = $state(false);

  /**
   * Follow the list of records; `reconnected` is called when the server responds again.
   *
   * @returns a function that stops following
   */
  watch(changed: (records: readonly RecordEntry[]) => void, reconnected: () => void): () => void {
    let stop = (): void => undefined;
    let isWatching = true;
    let wasLost = false;
    const listen = (): void => {
      stop = followListings(changed, () => void ended());
    };
    const check = async (): Promise<boolean> => {
      const isThere = await responds();
      if (!isWatching) return false;
      this.lost = !isThere;
      wasLost ||= !isThere;
      return isThere;
    };
    const back = (): void => {
      if (wasLost) reconnected();
      wasLost = false;
      listen();
    };
    // The server has stopped, or a proxy has ended the connection.
    const ended = async (): Promise<void> => {
      await check();
      if (isWatching && !document.hidden) stop = pollUntil(check, back);
    };
    const follow = (): void => {
      stop();
      if (document.hidden) return;
      if (wasLost) stop = pollUntil(check, back);
      else listen();
    };
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      isWatching = false;
      document.removeEventListener("visibilitychange", follow);
      stop();
    };
  }
}

async function responds(): Promise<boolean> {
  try {
    await listRecords();
    return true;
  } catch (error) {
    // A server that responds with an error is running.
    return !(error instanceof TypeError);
  }
}

interface Failure {
  readonly message: string;
  readonly retry: () => Promise<boolean>;
}

/** Whether the record can be read. One message serves all views, which keep their contents. */
export class RecordHealth {
  #first = $state.raw<Failure | undefined>();

  /** One line about why the record cannot be read; undefined if it can. */
  get message(): string | undefined {
    return this.#first?.message;
  }

  /** Report that part of the record cannot be read. `retry` checks whether it can be read again. */
  report(message: string, retry: () => Promise<boolean>): void {
    this.#first ??= { message, retry };
  }

  /** Poll until the record can be read, then call `recovered`. Returns a function that stops polling. */
  watch(recovered: () => void): (() => void) | undefined {
    const first = this.#first;
    return first && pollUntil(first.retry, recovered);
  }
}

/**
 * Whether the network is available; polled while the server loads it. Create it during component initialization.
 */
export class NetworkWatch {
  status = $state.raw() as NetworkModel;
  readonly #isLinear: boolean;

  constructor({ id, network, head }: RecordSummary) {
    this.status = network;
    this.#isLinear = head === "linear";
    if (network.state !== "loading") return;
    $effect(() =>
      pollUntil(async () => {
        this.status = (await summarize(id)).network;
        return this.status.state !== "loading";
      }),
    );
  }

  /** State of the network if substitution needs it, which it does unless the head is linear. */
  get forSubstitution(): NetworkModel["state"] | undefined {
    return this.#isLinear ? undefined : this.status.state;
  }
}

const [FIRST, LONGEST, GROWTH] = [500, 10_000, 1.5];

/**
 * Poll at growing intervals until `check` returns true; a failure counts as false. A hidden page does not poll.
 *
 * @param then - called once `check` has returned true, unless polling was stopped before
 * @returns a function that stops polling
 */
export function pollUntil(check: () => Promise<boolean>, then: () => void = () => undefined): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let interval = FIRST;
  let stopped = false;
  const wait = (): void => {
    timer = setTimeout(() => void next(), interval);
    interval = Math.min(LONGEST, GROWTH * interval);
  };
  const next = async (): Promise<void> => {
    const isDone = !document.hidden && (await check().catch(() => false));
    if (stopped) return;
    if (isDone) then();
    else wait();
  };
  wait();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
