import type { RecordSummary } from "../api/types";

/** A small record for tests. */
export const SUMMARY = {
  id: "run",
  classes: ["plane", "car", "bird", "cat"],
  used_classes: [0, 1, 3],
  pairs: 50,
  neurons: 20,
  image: { height: 32, width: 32, channels: 3 },
  measures: [
    { name: "band_gap", ranks: true, first: "smallest" },
    { name: "iou_benign_drop", ranks: true, first: "largest" },
  ],
  default_sorts: ["band_gap"],
  first_view: { benign: 3, adversarial: 1, pair: 7, neuron: 4 },
  defaults: {
    weights: "own",
    band: "mean",
    confidence: 0.95,
    band_images: "benign",
    threshold_mode: "absolute",
    threshold_level: null,
    top: 20,
    iou_side: "benign",
    patch: null,
    stride: 1,
    distance: "receptive_field",
    linkage: null,
  },
} as unknown as RecordSummary;
