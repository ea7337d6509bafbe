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
  /** Packed color of each dot, or `HIDDEN`. */
  readonly colors: Uint32Array;
  /** 1 for each dot that is highlighted, on top of the others; null if none is. */
  readonly chosen: Uint8Array | null;
  /** The dots in the order in which they are painted. */
  readonly order: Uint32Array;
}

/** How dots look. */
export interface DotStyle {
  readonly diameter: number;
  /** Opacity of dots that are not highlighted, from 0 to 1. */
  readonly opacity: number;
  readonly chosenDiameter: number;
  /** Width of the outline of highlighted dots. */
  readonly outline: number;
  /** Packed color of the outline. */
  readonly ink: number;
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
/** Opacity of the outline of highlighted dots. */
const OUTLINE_OPACITY = 0.7;

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

/** Colors of a plot's points by their classes; `HIDDEN` for hidden classes and for points that are not shown. */
export function pointColors(
  labels: ArrayLike<number>,
  colorOf: (label: number) => number,
  hidden: Iterable<number>,
  isShown: (point: number) => boolean,
): Uint32Array {
  const colorOfClass = new Map<number, number>([...hidden].map((label) => [label, HIDDEN]));
  return Uint32Array.from(labels, (label, point) => {
    let color = colorOfClass.get(label);
    if (color === undefined) colorOfClass.set(label, (color = colorOf(label)));
    return isShown(point) ? color : HIDDEN;
  });
}

/**
 * The numbers from 0 in a random order, the same each time: in the order of the record, whose images are often sorted by
 * class, the last class would cover the others.
 */
export function randomOrder(count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  let seed = 1;
  for (let last = count - 1; last > 0; last -= 1) {
    // Lehmer's generator with the multiplier of MINSTD.
    seed = (48271 * seed) % 0x7fffffff;
    const other = seed % (last + 1);
    const dot = order[last] as number;
    order[last] = order[other] as number;
    order[other] = dot;
  }
  return order;
}

/** Paint all dots: translucent ones first, then the highlighted ones, which are opaque and have an outline. */
export function paintDots(image: DotImage, dots: Dots, frame: Frame, style: DotStyle): void {
  image.pixels.fill(0);
  image.picks.fill(NONE);
  const { chosen, colors, order } = dots;
  const plain = stampOf(style.diameter, style.opacity);
  const outline = stampOf(style.chosenDiameter + style.outline, OUTLINE_OPACITY);
  const inner = stampOf(style.chosenDiameter - style.outline, 1);
  for (const dot of order) if (!chosen?.[dot]) paint(image, dots, frame, plain, dot, colors[dot] as number);
  if (!chosen) return;
  for (const dot of order) {
    if (!chosen[dot] || colors[dot] === HIDDEN) continue;
    paint(image, dots, frame, outline, dot, style.ink);
    paint(image, dots, frame, inner, dot, colors[dot] as number);
  }
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

interface Stamp {
  readonly side: number;
  /** Opacity of the pixels, 0 to 255, as rows of a square. */
  readonly opacity: Uint8Array;
  /** Whether a pixel belongs to the dot rather than to its soft edge. */
  readonly inside: Uint8Array;
}

function stampOf(diameter: number, opacity: number): Stamp {
  const side = Math.ceil(diameter);
  const middle = (side - 1) / 2;
  const cover = Float64Array.from({ length: side * side }, (_, at) => {
    const distance = Math.hypot((at % side) - middle, Math.floor(at / side) - middle);
    return Math.min(1, Math.max(0, diameter / 2 - distance + 0.5));
  });
  return {
    side,
    opacity: Uint8Array.from(cover, (part) => Math.round(255 * opacity * part)),
    inside: Uint8Array.from(cover, (part) => Number(part > 0.5)),
  };
}

function paint(
  { width, height, pixels, picks }: DotImage,
  { x, y }: Dots,
  frame: Frame,
  { side, opacity, inside }: Stamp,
  dot: number,
  color: number,
): void {
  if (color === HIDDEN) return;
  const left = Math.round(frame.x + frame.scale * (x[dot] as number) - side / 2);
  const top = Math.round(frame.y - frame.scale * (y[dot] as number) - side / 2);
  // Also skips dots without a position.
  if (!(left > -side && left < width && top > -side && top < height)) return;
  const [firstRow, lastRow] = [Math.max(0, -top), Math.min(side, height - top)];
  const [firstColumn, lastColumn] = [Math.max(0, -left), Math.min(side, width - left)];
  for (let row = firstRow; row < lastRow; row += 1) {
    const line = (top + row) * width + left;
    for (let column = firstColumn; column < lastColumn; column += 1) {
      const alpha = opacity[row * side + column] as number;
      if (alpha === 0) continue;
      const at = line + column;
      pixels[at] = alpha === 255 ? color : over(color, alpha, pixels[at] as number);
      if (inside[row * side + column]) picks[at] = dot;
    }
  }
}

/** A color with some opacity, composited over a pixel (Porter and Duff's "over"). */
function over(color: number, opacity: number, below: number): number {
  const rest = ((below >>> 24) * (255 - opacity)) / 255;
  const alpha = opacity + rest;
  const mix = (shift: number): number => {
    const [front, back] = [(color >>> shift) & 0xff, (below >>> shift) & 0xff];
    return Math.round((front * opacity + back * rest) / alpha) << shift;
  };
  return ((Math.round(alpha) << 24) | mix(16) | mix(8) | mix(0)) >>> 0;
}
