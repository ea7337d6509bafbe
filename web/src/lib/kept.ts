/** Small choices of a reader that outlive the page. Where the browser keeps nothing, they last as long as the page. */
const PREFIX = "vulneuron.";

export function kept(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Storage is switched off or full.
  }
}
