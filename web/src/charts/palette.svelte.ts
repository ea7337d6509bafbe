import { createSubscriber } from "svelte/reactivity";

/** Colors of app.css that canvases use. */
const NAMES = [
  "panel",
  "raised",
  "line",
  "text",
  "muted",
  "accent",
  "benign",
  "adversarial",
  "benign-band",
  "adversarial-band",
  "focus",
  "unselected",
] as const;
export type Palette = Readonly<Record<(typeof NAMES)[number], string>>;

let known: Palette | undefined;

const followTheme = createSubscriber((update) => {
  const changed = (): void => {
    known = undefined;
    update();
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = new MutationObserver(changed);
  system.addEventListener("change", changed);
  chosen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  known = undefined;
  return () => {
    system.removeEventListener("change", changed);
    chosen.disconnect();
  };
});

/** The colors of the present theme; effects that read them run again when it changes. */
export function palette(): Palette {
  followTheme();
  if ($effect.tracking()) return (known ??= read());
  return read();
}

/** Canvases support neither variables nor light-dark(), so an element resolves them. */
function read(): Palette {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colors = NAMES.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color] as const;
  });
  probe.remove();
  return Object.fromEntries(colors) as Palette;
}
