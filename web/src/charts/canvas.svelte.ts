/** Canvases at the screen's resolution, with the page's font and the colors of its theme. */

import { createSubscriber } from "svelte/reactivity";

/** The context of a canvas at the screen's resolution, scaled to draw in CSS pixels. */
export function sharpContext(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D {
  const ratio = devicePixelRatio || 1;
  const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  // Setting the size reallocates the canvas, even if it does not change.
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("the browser cannot draw on a canvas");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** The page's font for a canvas. */
export function canvasFont(canvas: HTMLCanvasElement, size: number, weight = 400): string {
  return `${weight} ${size}px ${getComputedStyle(canvas).fontFamily}`;
}

/** Outline the focused item: a ring with a halo, which is visible on any color. */
export function strokeRing(
  context: CanvasRenderingContext2D,
  path: Path2D,
  { ring, halo }: Pick<Palette, "ring" | "halo">,
): void {
  context.save();
  for (const [width, color] of [
    [5, halo],
    [2, ring],
  ] as const) {
    context.lineWidth = width;
    context.strokeStyle = color;
    context.stroke(path);
  }
  context.restore();
}

/** Colors of app.css that canvases use. */
const NAMES = [
  "panel",
  "sunk",
  "hair",
  "axis",
  "ink",
  "muted",
  "faint",
  "benign",
  "adversarial",
  "benign-band",
  "adversarial-band",
  "ring",
  "halo",
  "map-0",
  "map-1",
  "map-2",
  "map-3",
  "map-4",
  "mask",
  "dots",
] as const;
export type Palette = Readonly<Record<(typeof NAMES)[number], string>>;

let cached: Palette | undefined;

const followTheme = createSubscriber((update) => {
  const changed = (): void => {
    cached = undefined;
    update();
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = new MutationObserver(changed);
  system.addEventListener("change", changed);
  chosen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  cached = undefined;
  return () => {
    system.removeEventListener("change", changed);
    chosen.disconnect();
  };
});

/** The numbers in a computed color: red, green and blue, and the opacity if it is not opaque. */
export function channels(color: string): number[] {
  return (color.match(/[\d.]+/g) ?? []).map(Number);
}

/** The colors of the present theme; effects that read them run again when it changes. */
export function palette(): Palette {
  followTheme();
  if ($effect.tracking()) return (cached ??= read());
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
