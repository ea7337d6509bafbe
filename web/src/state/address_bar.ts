/** Browsers refuse more than some hundred changes of the address in half a minute; a slider makes more. */
const PAUSE = 200;
/** Milliseconds without a key that end a run of moves. */
const RUN_ENDS = 1000;
/** What an address says about the page, not about the views: it stays. */
const SESSION = "session";

/**
 * What a change is in the browser's history: a step to go back from, a change in place of the last step, or one of a run
 * of moves by keys, all of which together are one step.
 */
export type Step = "push" | "replace" | "move";

/** Which record an address names. */
export function recordOf(query: string): string | null {
  return new URLSearchParams(query).get("record");
}

/** Which of the record's layers an address names; the last one if null. */
export function layerOf(query: string): string | null {
  return new URLSearchParams(query).get("layer");
}

/** Which notebook session an address belongs to. */
export function sessionOf(query: string): string | null {
  return new URLSearchParams(query).get(SESSION);
}

/** The page's address: it follows the state, and leads it when the user goes back or forward. */
export class AddressBar {
  #pending: { readonly url: string; readonly timer: ReturnType<typeof setTimeout> } | undefined;
  #lastMove = -Infinity;

  get query(): string {
    return location.search.slice(1);
  }

  /** Show a query: at once as a step to go back from, or after a pause in place of the last one. */
  show(query: string, step: Step): void {
    const session = sessionOf(this.query);
    const whole = session ? `${query}&${SESSION}=${encodeURIComponent(session)}` : query;
    const url = `${location.pathname}?${whole}`;
    if (this.#isStep(step)) this.#push(url);
    else this.#replace(url);
  }

  /** Call back when the user goes back or forward; returns how to stop. */
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

  /** Whether a change is a step of its own; the first move of a run is. */
  #isStep(step: Step): boolean {
    const now = performance.now();
    const goesOn = now - this.#lastMove < RUN_ENDS;
    this.#lastMove = step === "move" ? now : -Infinity;
    return step === "push" || (step === "move" && !goesOn);
  }

  #push(url: string): void {
    // What the last step has become since is what the user goes back to.
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
