import type { ContextModel } from "../../api/types";
import { choice, wholeNumberBelow, oneOf, slice } from "../../state/slice";

/** The open window of context images. */
export interface ContextWindow extends Pick<ContextModel, "order" | "scope"> {
  readonly count: number;
}

export interface FieldState {
  readonly context: ContextWindow | null;
  /** A neuron that is shown beside the chosen ones. */
  readonly pin: number | null;
  /** Whether the perturbation is laid over the adversarial image. */
  readonly perturbation: "hidden" | "shown";
}

export const DEFAULT_CONTEXT: ContextWindow = { order: "activation", scope: "same_labels", count: 6 };
const MOST = 48;

export const fieldSlice = slice<FieldState>({
  context: {
    initial: () => null,
    parse: (text) => {
      const [order = "", scope = "", count = ""] = text.split(".");
      const ordered = oneOf<ContextWindow["order"]>(["activation", "confidence"])(order);
      return (
        ordered && {
          order: ordered,
          scope: oneOf(["same_labels", "same_benign_label", "all"])(scope) ?? DEFAULT_CONTEXT.scope,
          count: Math.min(MOST, Math.max(1, wholeNumberBelow(1000)(count) ?? DEFAULT_CONTEXT.count)),
        }
      );
    },
    format: (context) => (context ? [context.order, context.scope, context.count].join(".") : ""),
  },
  pin: {
    initial: () => null,
    parse: (text, { neurons }) => wholeNumberBelow(neurons)(text),
    format: (pin) => (pin === null ? "" : `${pin}`),
  },
  perturbation: choice(["hidden", "shown"], "hidden"),
});
