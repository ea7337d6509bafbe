/** Browsers refuse more than some hundred changes of the address in half a minute; a slider makes more. */
const PAUSE = 200;
/** What an address says about the page, not about the views: it stays. */
const SESSION = "session";

/** Which record an address names. */
export function recordOf(query: string): string | null {
  return new URLSearchParams(query).get("record");
}

/** Which notebook session an address belongs to. */
export function sessionOf(query: string): string | null {
  return new URLSearchParams(query).get(SESSION);
}

/** The page's address: it follows the state, and leads it when the user goes back or forward. */
export class AddressBar {
  #pending: ReturnType<typeof setTimeout> | undefined;

  get query(): string {
    return location.search.slice(1);
  }

  /** Show a query: at once as a step to go back from, or after a pause in place of the last one. */
  show(query: string, step: "push" | "replace"): void {
    clearTimeout(this.#pending);
    const session = sessionOf(this.query);
    const whole = session ? `${query}&${SESSION}=${encodeURIComponent(session)}` : query;
    if (whole === this.query) return;
    const url = `${location.pathname}?${whole}`;
    if (step === "push") history.pushState(null, "", url);
    else this.#pending = setTimeout(() => history.replaceState(null, "", url), PAUSE);
  }

  /** Call back when the user goes back or forward; returns how to stop. */
  listen(navigated: (query: string) => void): () => void {
    const follow = (): void => {
      clearTimeout(this.#pending);
      navigated(this.query);
    };
    addEventListener("popstate", follow);
    return () => {
      clearTimeout(this.#pending);
      removeEventListener("popstate", follow);
    };
  }
}
