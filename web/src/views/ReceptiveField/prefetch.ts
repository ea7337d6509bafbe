import type { Dashboard } from "../../state/dashboard.svelte";
import { computedMaps } from "../../state/settings";

/** Loads receptive fields, substitutions, images, and vulnerability maps if the record has them. */
export async function prefetch(dashboard: Dashboard, pair: number): Promise<void> {
  const { api } = dashboard;
  const { settings, neurons, combine } = dashboard.view;
  const { fields, vmaps } = settings;
  const computed = computedMaps(vmaps);
  await Promise.allSettled([
    api.masks(pair, neurons, combine, fields),
    api.substitution(pair, neurons),
    api.maps(pair, computed).then(async ({ ready }) => {
      if (!ready) return;
      await Promise.all([
        api.mapValues(pair, computed),
        api.topMasks(pair, vmaps),
        api.overlap(pair, neurons, combine, fields, vmaps),
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
