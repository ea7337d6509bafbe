import type { Component } from "svelte";

/** The part of a panel that its place on the screen decides. */
export interface PanelFrame {
  readonly title: string;
  readonly help: Component;
  /** Whether tabs stand in place of the title. */
  readonly tabbed: boolean;
  /** Whether the panel fills the window. */
  readonly enlarged: boolean;
  /** The chart of the panel that alone is shown while it is enlarged. */
  readonly part: string | undefined;
  /** Enlarge the panel, or one of its charts; while one is enlarged, go back to all views. */
  readonly toggle: (part?: string) => void;
}
