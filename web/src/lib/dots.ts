/**
 * Dots of a scatterplot, painted into pixels by hand. For plots of this size this is faster than software WebGL, looks
 * the same everywhere, needs no code generation (which the content security policy forbids), and records which dot is
 * on top of each pixel.
 */

/** Maps data to pixels, with equal scales; the data's y axis points up. */
export interface Frame {
  /** Pixels per unit. */
  readonly scale: number;
  /** The data's origin, in pixels. */
  readonly x: number;
  readonly y: number;
}

export interface Dots {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** Packed color of each dot; see `packColor`, `FAINT` and `HIDDEN`. */
  readonly colors: Uint32Array;
}

export interface DotImage {
  readonly width: number;
  readonly height: number;
  /** Packed colors: the bytes of canvas image data. */
  readonly pixels: Uint32Array<ArrayBuffer>;
  /** Index of the dot on top of each pixel, or -1. */
  readonly picks: Int32Array;
}

/** Not painted at all. */
export const HIDDEN = 0;
/** Behind all others: a gray that is visible on light and dark panels, and does not accumulate where dots overlap. */
export const FAINT = 0x60808080;

const NONE = -1;

/** `#rrggbb` as one number with the bytes of canvas image data on little-endian machines, which all browsers run on. */
export function packColor(hex: string): number {
  const rgb = parseInt(hex.slice(1), 16);
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}

export function dotImage(width: number, height: number): DotImage {
  const size = width * height;
  return { width, height, pixels: new Uint32Array(size), picks: new Int32Array(size) };
}

/**
 * Colors of a plot's points: hidden if their class is, faint if they are not selected.
 *
 * `labels` are the classes that the points are colored by; `selected` is null if there is no selection.
 */
export function pointColors(
  labels: ArrayLike<number>,
  colorOf: (label: number) => number,
  hidden: Iterable<number>,
  selected: Uint32Array | null,
): Uint32Array {
  const colorOfClass = new Map<number, number>([...hidden].map((label) => [label, HIDDEN]));
  const colors = new Uint32Array(labels.length);
  const paint = (pair: number, isSelected: boolean): void => {
    const label = labels[pair] as number;
    let color = colorOfClass.get(label);
    if (color === undefined) colorOfClass.set(label, (color = colorOf(label)));
    colors[pair] = color === HIDDEN || isSelected ? color : FAINT;
  };
  for (let pair = 0; pair < labels.length; pair += 1) paint(pair, selected === null);
  for (const pair of selected ?? []) paint(pair, true);
  return colors;
}

/** Paint all dots: the faint ones first, otherwise in their own order. */
export function paintDots(image: DotImage, dots: Dots, frame: Frame, diameter: number): void {
  image.pixels.fill(0);
  image.picks.fill(NONE);
  const stamp = stampOf(diameter);
  paintLayer(image, dots, frame, diameter, stamp, true);
  paintLayer(image, dots, frame, diameter, stamp, false);
}

/** Index of the dot nearest to a pixel, at most `reach` pixels away; -1 if there is none. */
export function dotNear(image: DotImage, x: number, y: number, reach: number): number {
  let [nearest, best] = [NONE, reach * reach];
  for (let row = Math.max(0, Math.ceil(y - reach)); row <= Math.min(image.height - 1, y + reach); row += 1) {
    for (
      let column = Math.max(0, Math.ceil(x - reach));
      column <= Math.min(image.width - 1, x + reach);
      column += 1
    ) {
      const dot = image.picks[row * image.width + column] as number;
      const distance = (row - y) ** 2 + (column - x) ** 2;
      if (dot !== NONE && distance <= best) [nearest, best] = [dot, distance - 1e-9];
    }
  }
  return nearest;
}

/** Coverage of the pixels by a dot, 0 to 255, as rows of a square. */
function stampOf(diameter: number): Uint8Array {
  const side = Math.ceil(diameter);
  const radius = diameter / 2;
  const middle = (side - 1) / 2;
  return Uint8Array.from({ length: side * side }, (_, at) => {
    const distance = Math.hypot((at % side) - middle, Math.floor(at / side) - middle);
    return Math.round(255 * Math.min(1, Math.max(0, radius - distance + 0.5)));
  });
}

function paintLayer(
  { width, height, pixels, picks }: DotImage,
  { x, y, colors }: Dots,
  frame: Frame,
  diameter: number,
  stamp: Uint8Array,
  faint: boolean,
): void {
  const side = Math.ceil(diameter);
  for (let dot = 0; dot < colors.length; dot += 1) {
    const color = colors[dot] as number;
    if (color === HIDDEN || (color === FAINT) !== faint) continue;
    const left = Math.round(frame.x + frame.scale * (x[dot] as number) - side / 2);
    const top = Math.round(frame.y - frame.scale * (y[dot] as number) - side / 2);
    // Also skips dots without a position.
    if (!(left > -side && left < width && top > -side && top < height)) continue;
    const [firstRow, lastRow] = [Math.max(0, -top), Math.min(side, height - top)];
    const [firstColumn, lastColumn] = [Math.max(0, -left), Math.min(side, width - left)];
    for (let row = firstRow; row < lastRow; row += 1) {
      const line = (top + row) * width + left;
      for (let column = firstColumn; column < lastColumn; column += 1) {
        const cover = stamp[row * side + column] as number;
        if (cover === 0) continue;
        const at = line + column;
        const below = pixels[at] as number;
        pixels[at] = faint
          ? stronger(color, cover, below)
          : cover === 255
            ? color
            : over(color, cover, below);
        if (cover > 127) picks[at] = dot;
      }
    }
  }
}

/** Faint dots do not accumulate: the highest coverage wins. */
function stronger(color: number, cover: number, below: number): number {
  const alpha = Math.round(((color >>> 24) * cover) / 255);
  return alpha > below >>> 24 ? ((alpha << 24) | (color & 0xffffff)) >>> 0 : below;
}

/** An opaque color with partial coverage, composited over a pixel (Porter and Duff's "over"). */
function over(color: number, cover: number, below: number): number {
  const rest = ((below >>> 24) * (255 - cover)) / 255;
  const alpha = cover + rest;
  const mix = (shift: number): number => {
    const [front, back] = [(color >>> shift) & 0xff, (below >>> shift) & 0xff];
    return Math.round((front * cover + back * rest) / alpha) << shift;
  };
  return ((Math.round(alpha) << 24) | mix(16) | mix(8) | mix(0)) >>> 0;
}
