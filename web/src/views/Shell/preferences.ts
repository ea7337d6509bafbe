/** Names of what the browser keeps for a reader. */
export const SHORTCUTS_KEPT = "shortcuts";
export const THEME_KEPT = "theme";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export function themeOf(text: string | null): Theme {
  return THEMES.find((theme) => theme === text) ?? "system";
}
