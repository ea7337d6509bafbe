/** Milliseconds between changes of the address. Browsers allow about 100 in 30 seconds; a slider makes more. */
const PAUSE = 200;
/** Milliseconds without a key press that end a run of moves. */
const RUN_ENDS = 1000;
/** A parameter of the page, not of the views: it is always kept. */
const SESSION = "session";

/**
 * How a change enters the browser's history: as a new entry, in place of the current entry, or as part of a run of key
 * presses, which share one entry.
 */
export type HistoryMode = "push" | "replace" | "move";

/** The record of an address. */
export function recordOf(query: string): string | null {
  return new URLSearchParams(query).get("record");
}

/** The layer of an address; null for the record's last layer. */
export function layerOf(query: string): string | null {
  return new URLSearchParams(query).get("layer");
}

/** The notebook session of an address. */
export function sessionOf(query: string): string | null {
  return new URLSearchParams(query).get(SESSION);
}

/** The page's address: it follows the state, except when the user goes back or forward. */
export class AddressBar {
  #pending: { readonly url: string; readonly timer: ReturnType<typeof setTimeout> } | undefined;
  #lastMove = -Infinity;

  get query(): string {
    return location.search.slice(1);
  }

  /** Show a query: as a new history entry at once, or in place of the current one after a pause. */
  show(query: string, mode: HistoryMode): void {
    const session = sessionOf(this.query);
    const whole = session ? `${query}&${SESSION}=${encodeURIComponent(session)}` : query;
    const url = `${location.pathname}?${whole}`;
    if (this.#isNewEntry(mode)) this.#push(url);
    else this.#replace(url);
  }

  /** Call `navigated` when the user goes back or forward. Returns a function that stops listening. */
  listen(navigated: (query: string) => void): () => void {
    const follow = (): void => {
      this.#drop();
      this.#lastMove = -Infinity;
      navigated(this.query);
    };
    addEventListener("popstate", follow);
    return () => {
      this.#drop();
      removeEventListener("popstate", follow);
    };
  }

  /** Whether a change is a new history entry, as the first move of a run is. */
  #isNewEntry(mode: HistoryMode): boolean {
    const now = performance.now();
    const continuesRun = now - this.#lastMove < RUN_ENDS;
    this.#lastMove = mode === "move" ? now : -Infinity;
    return mode === "push" || (mode === "move" && !continuesRun);
  }

  #push(url: string): void {
    // Going back leads to the latest version of the previous entry.
    if (this.#pending) history.replaceState(null, "", this.#pending.url);
    this.#drop();
    if (url !== this.#shown) history.pushState(null, "", url);
  }

  #replace(url: string): void {
    this.#drop();
    if (url === this.#shown) return;
    const timer = setTimeout(() => {
      this.#pending = undefined;
      history.replaceState(null, "", url);
    }, PAUSE);
    this.#pending = { url, timer };
  }

  get #shown(): string {
    return `${location.pathname}${location.search}`;
  }

  #drop(): void {
    clearTimeout(this.#pending?.timer);
    this.#pending = undefined;
  }
}
