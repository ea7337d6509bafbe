import { expect, test } from "vitest";
import {
  frontView,
  layoutSlice,
  viewsIn,
  withTab,
  withView,
  type LayoutState,
  type PlacedView,
} from "./layout";
import { SUMMARY } from "./test_summary";

const VIEWS: readonly PlacedView[] = [
  { id: "plot", area: "top-left" },
  { id: "tree", area: "bottom-right" },
  { id: "table", area: "bottom-right" },
  { id: "notes", area: "bottom-right" },
];
const slice = layoutSlice(VIEWS);
const FIRST = slice.initial(SUMMARY);

const tabsOf = (layout: LayoutState): readonly PlacedView[] => viewsIn("bottom-right", VIEWS, layout);
const front = (layout: LayoutState): string | undefined => frontView(tabsOf(layout), layout)?.id;
const text = (layout: LayoutState): string => new URLSearchParams(slice.format(layout, SUMMARY)).toString();

test("the first view of an area is in front until a tab is selected", () => {
  expect(front(FIRST)).toBe("tree");
  const table = withTab(FIRST, "table", tabsOf(FIRST));
  expect([front(table), text(table)]).toEqual(["table", "tabs=table"]);
  const notes = withTab(table, "notes", tabsOf(table));
  expect([front(notes), text(notes)]).toEqual(["notes", "tabs=notes"]);
  expect(withTab(notes, "tree", tabsOf(notes))).toEqual(FIRST);
});

test("an enlarged view is in front, and another tab takes its place", () => {
  const enlarged = { ...FIRST, enlarged: "table" };
  expect(front(enlarged)).toBe("table");
  expect(withTab(enlarged, "notes", tabsOf(enlarged))).toMatchObject({ tabs: ["notes"], enlarged: "notes" });
  expect(withTab({ ...FIRST, enlarged: "plot" }, "notes", tabsOf(FIRST)).enlarged).toBe("plot");
});

test("a closed view leaves its area to the others, and is not enlarged", () => {
  const table = { ...withTab(FIRST, "table", tabsOf(FIRST)), enlarged: "table" };
  const closed = withView(table, "table", false);
  expect(closed).toEqual({ closed: ["table"], tabs: [], enlarged: null });
  expect([front(closed), text(closed)]).toEqual(["tree", "closed=table"]);
  expect(withView(closed, "table", true)).toEqual(FIRST);
});

test("an area without open views shows none", () => {
  const closed = withView(FIRST, "plot", false);
  expect(frontView(viewsIn("top-left", VIEWS, closed), closed)).toBeUndefined();
});
