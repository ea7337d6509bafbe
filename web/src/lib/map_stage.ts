import { count } from "./format";

/** How much of two vulnerability maps is known. */
export interface MapStage {
  readonly name: "preview" | "estimate" | "settled" | "exact";
  /** Points that are exact, of all. */
  readonly known: number;
  readonly points: number;
  /** Per cent of the pixels whose outline is settled first. */
  readonly top: number;
  /** Part of the outlined pixels that may change yet: an upper estimate. */
  readonly unsettled: number;
  readonly agreement: readonly number[] | null;
}

/** What a stage is worth, in a few words; nothing where all is exact. The outline is that of `top` per cent. */
export function stageText(stage: MapStage, top: number): string {
  if (stage.name === "exact") return "";
  if (stage.name === "preview") return "preview from gradients";
  const from = `estimate from ${count(stage.known)} of ${count(stage.points)} points`;
  // It was not asked how sure the outline of another percentage is.
  return stage.top === top ? `${from}, ${perCent(stage.unsettled)} of the outline may change` : from;
}

/** How far the preview can be trusted, as far as that is known. */
export function agreementText(stage: MapStage): string {
  const [drop, gain] = stage.agreement ?? [];
  if (drop === undefined || gain === undefined) return "";
  return (
    "Rank correlation of the preview with the first exact points: " +
    `benign drop ${drop.toFixed(2)}, adversarial gain ${gain.toFixed(2)}`
  );
}

/** Whole per cent, rounded up: what may change is never said to be less. */
function perCent(part: number): string {
  return part > 0 && part <= 0.01 ? "up to 1 %" : `${Math.ceil(100 * part - 1e-9)} %`;
}
