/**
 * A reader's preferences, kept between visits. Without storage they last as long as the page. All access to the
 * browser's storage is here.
 */
const PREFIX = "vulneuron.";

export type Preference = "shortcuts" | "theme";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export function readPreference(name: Preference): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function storePreference(name: Preference, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage is disabled or full.
  }
}

/** A text that is kept for this tab, also when it is reloaded. */
export function readForTab(name: string): string | null {
  try {
    return sessionStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function storeForTab(name: string, value: string): void {
  try {
    sessionStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage is disabled or full.
  }
}

/** The theme with a name; the system's for any other text. */
export function themeOf(text: string | null): Theme {
  return THEMES.find((theme) => theme === text) ?? "system";
}
