import { putSession } from "../api/session_api";

/** The page's side of a session: what it shows, and how it is told to show something else. */
interface Page {
  /** What the page shows now, as the query of its address. */
  readonly query: () => string;
  /** Show what a notebook, or another page of the session, has set. */
  readonly follow: (query: string) => void;
}

/**
 * Links the page with a notebook: both see what is shown, and both can change it. Each change is told once; what comes
 * back of it is not followed, so that nothing goes round.
 *
 * Made while a component is initialized.
 */
export class SessionLink {
  /** What the server knows; undefined until it has said so. */
  #known: string | undefined;
  /** What was sent and has not come back yet. The server may skip some, never the last one. */
  #sent: string[] = [];
  #next: string | undefined;
  #sending = false;

  constructor(
    readonly session: string,
    page: Page,
  ) {
    $effect(() => {
      const events = new EventSource(`./api/sessions/${encodeURIComponent(session)}/events`);
      events.addEventListener("state", (event: MessageEvent<string>) => {
        this.#receive((JSON.parse(event.data) as { query: string }).query, page);
      });
      return () => {
        events.close();
      };
    });
    $effect(() => {
      const query = page.query();
      if (this.#known !== undefined && query !== this.#known) void this.#tell(query);
    });
  }

  /** One after the other, so that the latest is the last one; those in between are left out. */
  async #tell(query: string): Promise<void> {
    this.#known = this.#next = query;
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
    this.#known = query;
    const shown = page.query();
    // A session that has just begun knows nothing: then the page says what it shows.
    if (!query) void this.#tell(shown);
    else if (query !== shown) page.follow(query);
  }
}
