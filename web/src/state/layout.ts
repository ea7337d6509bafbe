import { slice, type Slice } from "./slice";

/** Places of the screen, in two rows. */
export type Area = "top-left" | "bottom-left" | "top-right" | "bottom-center" | "bottom-right";

/** The placement of a view. */
export interface PlacedView {
  /** Name of the view in the address: small letters and dashes. */
  readonly id: string;
  /** Several views of one area are tabs. */
  readonly area: Area;
  /** Charts of the view that can fill the window on their own. */
  readonly charts?: readonly string[];
}

/** Which views are on the screen, and which one is enlarged. */
export interface LayoutState {
  /** Views that are not shown. */
  readonly closed: readonly string[];
  /** Selected tabs; an area without one shows its first view. */
  readonly tabs: readonly string[];
  /** The view that fills the window, or one of its charts, such as "overview.matrix"; null while all are shown. */
  readonly enlarged: string | null;
}

const SEPARATOR = "_";
const format = (ids: readonly string[]): string => ids.join(SEPARATOR);

/** The layout's state for some views, in the order of their tabs. */
export function layoutSlice(views: readonly PlacedView[]): Slice<LayoutState> {
  const parse = (text: string): readonly string[] =>
    text.split(SEPARATOR).filter((id) => views.some((view) => view.id === id));
  return slice<LayoutState>({
    closed: {
      initial: () => [],
      // At least one view stays open.
      parse: (text) => (parse(text).length < views.length ? parse(text) : undefined),
      format,
    },
    tabs: { initial: () => [], parse, format },
    enlarged: {
      initial: () => null,
      parse: (text, _, { closed = [] }) => {
        const view = views.find(({ id }) => id === viewOf(text));
        const chart = chartOf(text);
        const exists = chart === undefined || view?.charts?.includes(chart);
        return view && exists && !closed.includes(view.id) ? text : undefined;
      },
      format: (id) => id ?? "",
    },
  });
}

/** The enlarged view, as a whole or by one of its charts. */
export function viewOf(enlarged: string | null): string | undefined {
  return enlarged?.split(".")[0];
}

/** The chart of a view that is enlarged on its own. */
export function chartOf(enlarged: string | null): string | undefined {
  return enlarged?.split(".")[1];
}

/** Views of an area that are not closed. */
export function viewsIn<View extends PlacedView>(
  area: Area,
  views: readonly View[],
  { closed }: Pick<LayoutState, "closed">,
): View[] {
  return views.filter((view) => view.area === area && !closed.includes(view.id));
}

/** The view of an area that is on the screen: the enlarged one, the selected tab, or the first one. */
export function frontView<View extends PlacedView>(
  views: readonly View[],
  { tabs, enlarged }: LayoutState,
): View | undefined {
  return (
    views.find(({ id }) => id === viewOf(enlarged)) ?? views.find(({ id }) => tabs.includes(id)) ?? views[0]
  );
}

/** The layout after a tab is selected among the views of its area. It replaces an enlarged view of that area. */
export function withTab(layout: LayoutState, id: string, siblings: readonly PlacedView[]): LayoutState {
  const isSibling = (other: string | undefined): boolean => siblings.some((view) => view.id === other);
  const others = layout.tabs.filter((tab) => !isSibling(tab));
  return {
    ...layout,
    tabs: id === siblings[0]?.id ? others : [...others, id],
    enlarged: isSibling(viewOf(layout.enlarged)) ? id : layout.enlarged,
  };
}

/** The layout after a view is opened or closed. */
export function withView(layout: LayoutState, id: string, open: boolean): LayoutState {
  const others = layout.closed.filter((closed) => closed !== id);
  if (open) return { ...layout, closed: others };
  return {
    tabs: layout.tabs.filter((tab) => tab !== id),
    closed: [...others, id],
    enlarged: viewOf(layout.enlarged) === id ? null : layout.enlarged,
  };
}
