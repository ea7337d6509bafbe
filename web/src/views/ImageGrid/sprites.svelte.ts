import { SvelteMap } from "svelte/reactivity";

/** Number of pictures that stay in memory. */
const KEPT = 48;

/**
 * Loads the pictures that are visible. Loading stops once a picture is no longer visible, so that fast scrolling does not
 * wait for pictures that have passed. Create it during component initialization.
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
    // It is requested again when it becomes visible the next time.
    image.onerror = () => {
      this.#forget(url);
    };
    image.src = url;
  }

  #forget(url: string): void {
    this.#loading = this.#loading.filter((one) => one.url !== url);
  }
}
