import type { RecordSummary, SettingsModel } from "../api/types";
import { nested, oneOf, slice, type Parameter } from "./slice";

/** The settings of the analysis: each is a parameter of the address, under the server's name for it. */
export interface SettingsState {
  readonly settings: SettingsModel;
}

type Name = keyof SettingsModel;
type Parse<Value> = (
  text: string,
  summary: RecordSummary,
  before: Partial<SettingsModel>,
) => Value | undefined;

/** A setting whose default the record's summary has. */
function setting<N extends Name>(
  name: N,
  parse: Parse<SettingsModel[N]>,
): Parameter<SettingsModel[N], SettingsModel> {
  return {
    initial: ({ defaults }) => defaults[name],
    parse,
    format: (value) => (value === null ? "" : `${value}`),
  };
}

/** Allows an empty text, which stands for the default that the server chooses. */
function orNull<Value>(parse: Parse<Value>): Parse<Value | null> {
  return (text, summary, before) => (text === "" ? null : parse(text, summary, before));
}

function finite(text: string): number | undefined {
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : undefined;
}

function between(low: number, high: number): (text: string) => number | undefined {
  return (text) => {
    const value = finite(text);
    return value !== undefined && value >= low && value <= high ? value : undefined;
  };
}

/** A multiple of a step, in pixels: from one step to some image sides. */
function pixels(step: number, sides: number): Parse<number> {
  return (text, { image }) => {
    const value = between(step, sides * Math.max(image.height, image.width))(text);
    return value !== undefined && value % step === 0 ? value : undefined;
  };
}

export const settingsSlice = nested(
  "settings",
  slice<SettingsModel>({
    weights: setting("weights", oneOf(["own", "benign", "adversarial", "margin"])),
    band: setting("band", oneOf(["mean", "quantile"])),
    confidence: setting("confidence", between(0.001, 0.999)),
    band_images: setting("band_images", oneOf(["benign", "adversarial"])),
    threshold_mode: setting("threshold_mode", oneOf(["absolute", "quantile", "relative"])),
    threshold_level: setting(
      "threshold_level",
      orNull((text, _, { threshold_mode: mode }) =>
        mode === "absolute" ? finite(text) : (between(0, 1)(text) ?? null),
      ),
    ),
    top: setting("top", between(0.01, 100)),
    iou_side: setting("iou_side", oneOf(["benign", "adversarial"])),
    patch: setting("patch", orNull(pixels(2, 2))),
    stride: setting("stride", pixels(1, 1)),
    distance: setting("distance", oneOf(["receptive_field", "iou", "feature_map"])),
    linkage: setting("linkage", orNull(oneOf(["ward", "average", "complete", "single"]))),
  }),
);
