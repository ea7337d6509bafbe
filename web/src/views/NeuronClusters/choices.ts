import type { SettingsModel } from "../../api/types";

export type Distance = SettingsModel["distance"];
export type Linkage = NonNullable<SettingsModel["linkage"]>;

/** What neurons are compared by, in words; the first is the paper's. */
export const DISTANCES: readonly { value: Distance; label: string; meaning: string }[] = [
  {
    value: "receptive_field",
    label: "L2 of RFs",
    meaning: "L2 distance between what two neurons reveal of both images",
  },
  { value: "iou", label: "IoU of RFs", meaning: "1 - intersection over union of the receptive fields" },
  { value: "feature_map", label: "L2 of maps", meaning: "L2 distance between the feature maps" },
];

export const LINKAGES: readonly { value: Linkage; label: string; meaning: string }[] = [
  { value: "ward", label: "Ward", meaning: "Merge where the variance inside of clusters grows least" },
  { value: "average", label: "average", meaning: "Mean distance between the neurons of two clusters" },
  { value: "complete", label: "complete", meaning: "Largest distance between the neurons of two clusters" },
  { value: "single", label: "single", meaning: "Smallest distance between the neurons of two clusters" },
];

/** The linkage that is used: where none is chosen, the one that fits the distance. */
export function linkageOf({ distance, linkage }: Pick<SettingsModel, "distance" | "linkage">): Linkage {
  return linkage ?? (distance === "iou" ? "average" : "ward");
}
