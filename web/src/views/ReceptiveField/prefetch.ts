import type { Dashboard } from "../../state/dashboard.svelte";

/** Loads receptive fields, substitutions, images, and vulnerability maps if the record has them. */
export async function prefetch(dashboard: Dashboard, pair: number): Promise<void> {
  const { api } = dashboard;
  const { settings, neurons, combine } = dashboard.view;
  await Promise.allSettled([
    api.masks(pair, neurons, combine, settings),
    api.substitution(pair, neurons),
    api.maps(pair, settings).then(async ({ ready }) => {
      if (!ready) return;
      await Promise.all([
        api.mapValues(pair, settings),
        api.topMasks(pair, settings),
        api.overlap(pair, neurons, combine, settings),
      ]);
    }),
    ...(["benign", "adversarial"] as const).map((side) => loadImage(api.imageUrl(pair, side))),
  ]);
}

async function loadImage(address: string): Promise<void> {
  const image = new Image();
  image.src = address;
  await image.decode();
}
