import type { ContextModel, Side } from "../../api/types";
import { wholeNumberBelow, oneOf, slice } from "../../state/slice";

/** The open window of context images. */
export interface ContextWindow extends Pick<ContextModel, "order" | "scope"> {
  readonly side: Side;
  readonly count: number;
}

export interface FieldState {
  readonly context: ContextWindow | null;
}

export const DEFAULT_CONTEXT: Omit<ContextWindow, "side"> = {
  order: "activation",
  scope: "same_labels",
  count: 6,
};
const MOST = 48;

export const fieldSlice = slice<FieldState>({
  context: {
    initial: () => null,
    parse: (text) => {
      const [side = "", order = "", scope = "", count = ""] = text.split(".");
      const shown = oneOf<Side>(["benign", "adversarial"])(side);
      return (
        shown && {
          side: shown,
          order: oneOf(["activation", "confidence"])(order) ?? DEFAULT_CONTEXT.order,
          scope: oneOf(["same_labels", "same_benign_label", "all"])(scope) ?? DEFAULT_CONTEXT.scope,
          count: Math.min(MOST, Math.max(1, wholeNumberBelow(1000)(count) ?? DEFAULT_CONTEXT.count)),
        }
      );
    },
    format: (context) =>
      context ? [context.side, context.order, context.scope, context.count].join(".") : "",
  },
});
