/**
 * Colors of classes, the same in both themes. None is near the colors of the benign and adversarial side, or gray. The
 * first ten are chosen for records of up to ten classes. Each further one is the color of a grid in sRGB that is
 * farthest from all earlier ones, also for readers with deuteranopia, protanopia or tritanopia (CIEDE2000); the
 * test of this file measures the distances. Names are always written beside the color, in the color of text.
 */
const CLASS_COLORS = [
  "#c05880",
  "#ced51f",
  "#82955e",
  "#ad99fb",
  "#615114",
  "#1d989a",
  "#68e89a",
  "#f7b5ca",
  "#5f437f",
  "#1a6048",
  "#553322",
  "#aaddff",
  "#ccaa55",
  "#661144",
  "#bb8888",
  "#aa44aa",
  "#331199",
  "#cceecc",
  "#ff77bb",
  "#aa2244",
  "#77ffee",
  "#114455",
  "#887744",
  "#885566",
  "#88bb88",
  "#aaff77",
  "#ccaadd",
  "#558866",
  "#44ccaa",
  "#770000",
  "#223377",
  "#66aa99",
  "#ee9900",
  "#337777",
  "#6633bb",
  "#445533",
  "#bbcc77",
  "#008877",
  "#8877aa",
  "#bbbbff",
] as const;

/** Number of classes up to which all colors differ. */
export const DISTINCT_COLORS = CLASS_COLORS.length;

/** Color of the n-th class of a record, as CSS text `#rrggbb`. Beyond `DISTINCT_COLORS` classes, colors repeat. */
export function classColor(index: number): string {
  return CLASS_COLORS[index % DISTINCT_COLORS] as string;
}
