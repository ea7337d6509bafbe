import { SvelteMap } from "svelte/reactivity";

/** Pictures that stay in memory beside those that are seen. */
const KEPT = 48;

/**
 * Loads pictures that are wanted now. What is no longer wanted is not loaded to its end, so that fast scrolling does
 * not wait for what was passed. Made while a component is initialized.
 */
export class Sprites {
  readonly #ready = new SvelteMap<string, HTMLImageElement>();
  #loading: readonly { readonly url: string; readonly image: HTMLImageElement }[] = [];

  constructor(wanted: () => readonly string[]) {
    const key = $derived(wanted().join(" "));
    $effect(() => {
      this.#load(key ? key.split(" ") : []);
    });
    $effect(() => () => {
      this.#load([]);
    });
  }

  has(url: string): boolean {
    return this.#ready.has(url);
  }

  #load(urls: readonly string[]): void {
    for (const { url, image } of this.#loading) {
      if (urls.includes(url)) continue;
      this.#forget(url);
      image.onload = image.onerror = null;
      image.removeAttribute("src");
    }
    for (const url of urls) {
      if (!this.#ready.has(url) && !this.#loading.some((one) => one.url === url)) this.#start(url);
    }
  }

  #start(url: string): void {
    const image = new Image();
    this.#loading = [...this.#loading, { url, image }];
    image.onload = () => {
      this.#forget(url);
      this.#ready.set(url, image);
      for (const old of this.#ready.keys()) {
        if (this.#ready.size <= KEPT) break;
        this.#ready.delete(old);
      }
    };
    // It is asked for again when it comes into view the next time.
    image.onerror = () => {
      this.#forget(url);
    };
    image.src = url;
  }

  #forget(url: string): void {
    this.#loading = this.#loading.filter((one) => one.url !== url);
  }
}
