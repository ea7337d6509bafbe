import type { Dashboard } from "./dashboard.svelte";

/** What a page reports to its notebook, and a notebook to its page; there, only what has changed. */
interface Selected {
  readonly layer: string;
  readonly pair: number;
  readonly neurons: readonly number[];
  readonly pairs: readonly number[];
}

/** Whether nothing was reported since the page was loaded; another layer does not load it again. */
let first = true;

/**
 * Links a page in a frame with the notebook around it by messages. Only pages that may embed this one can send any, by
 * the server's content security policy. Create it during component initialization.
 *
 * @param openLayer - opens the page at another layer
 */
export function linkToNotebook(dashboard: Dashboard, openLayer: (layer: string) => void): void {
  const notebook = window.parent;
  if (notebook === window) return;
  $effect(() => {
    if (!dashboard.pairs.value) return;
    const { pair, neurons } = dashboard.view;
    const selected: Selected = {
      layer: dashboard.summary.layer,
      pair,
      neurons: [...neurons],
      pairs: [...dashboard.selected],
    };
    notebook.postMessage({ vulneuron: { ...selected, first } }, "*");
    first = false;
  });

  $effect(() => {
    const receive = ({ source, data }: MessageEvent<{ vulneuron?: Partial<Selected> } | null>): void => {
      const change = source === notebook ? data?.vulneuron : undefined;
      if (!change) return;
      const { layer, pair, neurons, pairs } = change;
      if (layer !== undefined && layer !== dashboard.summary.layer) {
        openLayer(layer);
        return;
      }
      if (pairs) dashboard.selectPairs({ kind: "list", pairs });
      if (neurons) dashboard.chooseNeurons(neurons);
      if (pair !== undefined) dashboard.update({ pair });
    };
    window.addEventListener("message", receive);
    return () => {
      window.removeEventListener("message", receive);
    };
  });
}
