import { formatRanges, parseRanges } from "../../lib/ranges";
import { choice, slice } from "../../state/slice";

export interface OverviewState {
  /** The label that points are colored by. */
  readonly color: "true" | "predicted";
  /** Classes whose points are hidden. */
  readonly hidden: readonly number[];
}

export const overviewSlice = slice<OverviewState>({
  color: choice(["true", "predicted"], "true"),
  hidden: {
    initial: () => [],
    parse: (text, { classes }) => parseRanges(text, classes.length),
    format: formatRanges,
  },
});
