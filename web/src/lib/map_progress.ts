/** Progress of vulnerability maps in words: their stage, and the remaining time. */

import { count, probability } from "./format";

/** Progress of a pair of vulnerability maps. */
export interface MapStage {
  readonly name: "preview" | "estimate" | "settled" | "exact";
  /** Number of exact points, of `points`. */
  readonly known: number;
  readonly points: number;
  /** Percentage of the pixels whose outline is settled first. */
  readonly top: number;
  /** Upper estimate of the fraction of outlined pixels that may still change. */
  readonly unsettled: number;
  readonly agreement: readonly number[] | null;
}

/** The accuracy of a stage in a few words; empty if it is exact. The outline is that of the top `top` percent. */
export function stageText(stage: MapStage, top: number): string {
  if (stage.name === "exact") return "";
  if (stage.name === "preview") return "preview from gradients";
  const from = `estimate from ${count(stage.known)} of ${count(stage.points)} points`;
  // The estimate does not apply to the outline of another percentage.
  return stage.top === top ? `${from}, ${percentText(stage.unsettled)} of the outline may change` : from;
}

/** The accuracy of the preview, if known. */
export function agreementText(stage: MapStage): string {
  const [drop, gain] = stage.agreement ?? [];
  if (drop === undefined || gain === undefined) return "";
  return (
    "Rank correlation of the preview with the first exact points: " +
    `benign drop ${probability(drop)}, adversarial gain ${probability(gain)}`
  );
}

/** A whole percentage, rounded up so as not to understate it. */
function percentText(part: number): string {
  return part > 0 && part <= 0.01 ? "up to 1 %" : `${Math.ceil(100 * part - 1e-9)} %`;
}

/** Estimates the remaining time of a job from its speed since the first report. */
export class Eta {
  #first: { time: number; done: number } | undefined;

  /** Seconds left; undefined before the second report. */
  secondsLeft(time: number, done: number, total: number): number | undefined {
    if (!this.#first || done < this.#first.done) this.#first = { time, done };
    const { time: start, done: before } = this.#first;
    return done > before ? ((time - start) / (done - before)) * (total - done) : undefined;
  }
}

/** "12 s", "3 min". */
export function duration(seconds: number): string {
  return seconds < 90 ? `${Math.max(1, Math.ceil(seconds))} s` : `${Math.ceil(seconds / 60)} min`;
}
