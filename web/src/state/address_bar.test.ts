// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AddressBar, type HistoryMode } from "./address_bar";

/** The steps of the browser's history, the last one being what its address bar shows. */
let steps: string[];
let bar: AddressBar;

function show(query: string, step: HistoryMode, pause = 0): void {
  bar.show(query, step);
  vi.advanceTimersByTime(pause);
}

beforeEach(() => {
  vi.useFakeTimers();
  history.replaceState(null, "", "/?first");
  steps = ["first"];
  const queryOf = (url: unknown): string => String(url).slice(2);
  const [push, replace] = [history.pushState.bind(history), history.replaceState.bind(history)];
  vi.spyOn(history, "pushState").mockImplementation((state, unused, url) => {
    steps.push(queryOf(url));
    push(state, unused, url);
  });
  vi.spyOn(history, "replaceState").mockImplementation((state, unused, url) => {
    steps[steps.length - 1] = queryOf(url);
    replace(state, unused, url);
  });
  bar = new AddressBar();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test("a run of moves is one history entry", () => {
  for (const query of ["a", "b", "c"]) show(query, "move", 400);
  expect(steps).toEqual(["first", "c"]);
  vi.advanceTimersByTime(2000);
  show("d", "move", 100);
  show("e", "move", 2000);
  expect(steps).toEqual(["first", "c", "e"]);
});

test("a click ends a run, and going back leads to the run's last move", () => {
  show("a", "move", 50);
  show("b", "move", 50);
  show("click", "push", 50);
  show("c", "move", 50);
  show("d", "move", 2000);
  expect(steps).toEqual(["first", "b", "click", "d"]);
});

test("going back ends a run", () => {
  const stop = bar.listen(() => undefined);
  show("a", "move", 300);
  dispatchEvent(new PopStateEvent("popstate"));
  show("b", "move", 300);
  expect(steps).toEqual(["first", "a", "b"]);
  stop();
});

test("a slider replaces the current entry, and an unchanged address adds none", () => {
  show("a", "push");
  show("b", "replace", 10);
  show("c", "replace", 300);
  show("c", "push", 300);
  expect(steps).toEqual(["first", "c"]);
  show("d", "replace", 10);
  show("c", "replace", 300);
  expect(steps).toEqual(["first", "c"]);
});
