import { errorOf } from "../api/responses";

/** The page's side of a session. */
interface Page {
  /** The state of the page, as the query of its address. */
  readonly query: () => string;
  /** Show the state that a notebook or another page of the session has set. */
  readonly follow: (query: string) => void;
}

/**
 * Links the page with a notebook: both can read and change the state. The page ignores the echo of its own changes, so
 * that they do not go back and forth.
 *
 * Create it during component initialization.
 */
export class SessionLink {
  /** The server's state; undefined until it is received. */
  #serverState: string | undefined;
  /** Sent states whose echo has not arrived yet. The server may skip some, but never the last one. */
  #sent: string[] = [];
  #next: string | undefined;
  #sending = false;
  /** One line about why the session cannot be followed; undefined if it can. */
  problem = $state.raw<string | undefined>();

  constructor(
    readonly session: string,
    page: Page,
  ) {
    $effect(() => {
      const url = `./api/sessions/${encodeURIComponent(session)}`;
      const events = new EventSource(`${url}/events`);
      events.addEventListener("state", (event: MessageEvent<string>) => {
        this.#receive((JSON.parse(event.data) as { query: string }).query, page);
      });
      events.addEventListener("error", () => {
        if (events.readyState === EventSource.CLOSED) void this.#explain(`${url}/state`);
      });
      return () => {
        events.close();
      };
    });
    $effect(() => {
      const query = page.query();
      if (this.#serverState !== undefined && query !== this.#serverState) void this.#publish(query);
    });
  }

  /** Ask why the session cannot be followed; events do not say. */
  async #explain(url: string): Promise<void> {
    const response = await fetch(url).catch(() => undefined);
    if (response && !response.ok) this.problem = (await errorOf(response)).message;
  }

  /** Send states one after the other, skipping all but the latest. */
  async #publish(query: string): Promise<void> {
    this.#serverState = this.#next = query;
    if (this.#sending) return;
    this.#sending = true;
    while (this.#next !== undefined) {
      const now: string = this.#next;
      this.#next = undefined;
      this.#sent.push(now);
      await putSession(this.session, now);
    }
    this.#sending = false;
  }

  #receive(query: string, page: Page): void {
    const own = this.#sent.lastIndexOf(query);
    if (own >= 0) {
      this.#sent.splice(0, own + 1);
      return;
    }
    this.#sent = [];
    this.#serverState = query;
    const shown = page.query();
    // A new session has no state yet, so the page sends its own.
    if (!query) void this.#publish(shown);
    else if (query !== shown) page.follow(query);
  }
}

/** Publish the page's state to its session. The page works without a session, so failures are ignored. */
async function putSession(session: string, query: string): Promise<void> {
  const url = `./api/sessions/${encodeURIComponent(session)}/state`;
  const headers = { "Content-Type": "application/json" };
  await fetch(url, { method: "PUT", headers, body: JSON.stringify({ query }) }).catch(() => undefined);
}
