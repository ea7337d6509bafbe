import { formatRanges, parseRanges } from "../../lib/ranges";
import { choice, slice } from "../../state/slice";

export interface OverviewState {
  /** The label that adversarial images are colored by; "both" shows them twice. */
  readonly color: "true" | "predicted" | "both";
  /** Classes whose points are hidden. */
  readonly hidden: readonly number[];
}

export const overviewSlice = slice<OverviewState>({
  color: choice(["true", "predicted", "both"], "predicted"),
  hidden: {
    initial: () => [],
    parse: (text, { classes }) => parseRanges(text, classes.length),
    format: formatRanges,
  },
});
