import type { Component } from "svelte";
import type { PanelFrame } from "../charts/Panel.svelte";
import type { ViewModel } from "../state/dashboard.svelte";

export interface ViewProps {
  /** Passed on to the view's `Panel`. */
  readonly frame: PanelFrame;
}

/**
 * A view of the dashboard: the default export of `index.ts` in its folder. Adding a folder adds a view.
 *
 * The view reads the shared state and its own slice from the dashboard, and fetches only through resources.
 */
export interface ViewDefinition extends ViewModel {
  readonly title: string;
  readonly component: Component<ViewProps>;
  /** What opens over the whole page, also if the view is on none of its places. */
  readonly over?: Component;
  /** Explains the view and how to use it. */
  readonly help: Component;
  /** Position among the views of the same area, and in the menu of views. */
  readonly order: number;
}
