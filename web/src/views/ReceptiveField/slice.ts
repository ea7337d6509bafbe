import type { Choice, ContextRequest, RecordSummary } from "../../api/types";
import { choice, wholeNumberBelow, slice } from "../../state/slice";

/** The open window of context images. */
export interface ContextWindow extends Pick<ContextRequest, "order" | "scope"> {
  readonly count: number;
}

export interface FieldState {
  readonly context: ContextWindow | null;
  /** A neuron that is shown beside the chosen ones. */
  readonly pin: number | null;
  /** Whether the perturbation is laid over the adversarial image. */
  readonly perturbation: "hidden" | "shown";
}

/** The scope of the selected pairs, and their order. */
export const GIVEN = "given";

/** The window as it opens: the first of all choices. */
export function initialContext({ context }: RecordSummary): ContextWindow {
  return {
    order: context.orders[0]?.value as ContextWindow["order"],
    scope: context.scopes[0]?.value as ContextWindow["scope"],
    count: context.counts[0] ?? 1,
  };
}

const wordOf = <Word>(choices: readonly Choice[], text: string): Word | undefined =>
  choices.find(({ value }) => value === text)?.value as Word | undefined;

export const fieldSlice = slice<FieldState>({
  context: {
    initial: () => null,
    parse: (text, summary) => {
      const { orders, scopes, counts } = summary.context;
      const [orderText = "", scope = "", count = ""] = text.split(".");
      const order = wordOf<ContextWindow["order"]>(orders, orderText);
      const initial = initialContext(summary);
      const most = counts.at(-1) ?? initial.count;
      return (
        order && {
          order,
          scope: wordOf<ContextWindow["scope"]>(scopes, scope) ?? initial.scope,
          count: Math.min(most, Math.max(1, wholeNumberBelow(1000)(count) ?? initial.count)),
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
