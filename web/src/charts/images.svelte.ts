/** Images: decoded, and drawn under masks and vulnerability maps. */

import { interpolateInferno } from "d3-scale-chromatic";
import { outline, type Mask } from "../lib/masks";

/**
 * The decoded image at an address that follows the state. The previous image stays until the new one can be drawn, so
 * that views do not flicker. Create it during component initialization.
 */
export class DecodedImage {
  current = $state.raw<HTMLImageElement>();

  constructor(address: () => string) {
    $effect(() => {
      const wanted = new Image();
      wanted.src = address();
      let isLatest = true;
      wanted.decode().then(
        () => {
          if (isLatest) this.current = wanted;
        },
        // Superseded by a later image, or the record is gone, which other requests report.
        () => undefined,
      );
      return () => {
        isLatest = false;
      };
    });
  }
}

interface Size {
  readonly width: number;
  readonly height: number;
}

const DIM = 205;
const COLORS = 256;

/** Colors of a vulnerability map from 0 (dark) to its largest value, as `[red, green, blue]`. */
const MAP_COLORS: readonly (readonly [number, number, number])[] = Array.from(
  { length: COLORS },
  (_, index) =>
    // The brightest colors would be invisible on bright images.
    bytesOf(interpolateInferno(0.1 + (0.8 * index) / (COLORS - 1))),
);

/** The color scale from left to right, as a CSS gradient. */
export function mapGradient(): string {
  const stops = Array.from({ length: 9 }, (_, index) => MAP_COLORS[Math.round((index / 8) * (COLORS - 1))]);
  return `linear-gradient(to right, ${stops.map((color) => `rgb(${color?.join(" ")})`).join(", ")})`;
}

/** The image, dimmed outside the mask if there is one. */
export function drawDimmed(
  context: CanvasRenderingContext2D,
  size: Size,
  image: HTMLImageElement,
  mask: Mask | undefined,
): void {
  drawImage(context, size, image);
  if (!mask) return;
  const dimmed = new ImageData(mask.width, mask.height);
  for (let index = 0; index < mask.data.length; index += 1) {
    dimmed.data[4 * index + 3] = mask.data[index] ? 0 : DIM;
  }
  overlay(context, size, dimmed);
}

/** The same with the mask's outline. */
export function drawMasked(
  context: CanvasRenderingContext2D,
  size: Size,
  image: HTMLImageElement,
  mask: Mask | undefined,
): void {
  drawDimmed(context, size, image, mask);
  if (mask) drawOutline(context, size, mask);
}

/**
 * A vulnerability map as colors over the gray image, with the outline of its most vulnerable part. Small values are
 * transparent.
 */
export function drawMap(
  context: CanvasRenderingContext2D,
  size: Size,
  image: HTMLImageElement,
  values: Float64Array,
  most: number,
  top: Mask | undefined,
): void {
  drawImage(context, size, image);
  context.save();
  context.globalCompositeOperation = "saturation";
  context.fillStyle = "#808080";
  context.fillRect(0, 0, size.width, size.height);
  context.restore();
  const colored = new ImageData(image.naturalWidth, image.naturalHeight);
  for (const [index, value] of values.entries()) {
    const part = most > 0 ? Math.max(0, value / most) : 0;
    const color = MAP_COLORS[Math.round(part * (COLORS - 1))] ?? [0, 0, 0];
    colored.data.set([...color, 255 * 0.9 * part ** 0.6], 4 * index);
  }
  overlay(context, size, colored);
  if (top) drawOutline(context, size, top);
}

function drawImage(
  context: CanvasRenderingContext2D,
  { width, height }: Size,
  image: HTMLImageElement,
): void {
  // Pixels stay sharp when enlarged, and are smoothed when reduced.
  context.imageSmoothingEnabled = image.naturalWidth > width;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
}

function overlay(context: CanvasRenderingContext2D, { width, height }: Size, pixels: ImageData): void {
  const layer = new OffscreenCanvas(pixels.width, pixels.height);
  layer.getContext("2d")?.putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(layer, 0, 0, width, height);
}

/** White on black, which is visible on any image. */
function drawOutline(context: CanvasRenderingContext2D, { width, height }: Size, mask: Mask): void {
  const [across, down] = [width / mask.width, height / mask.height];
  const path = new Path2D();
  for (const [x1, y1, x2, y2] of outline(mask)) {
    path.moveTo(x1 * across, y1 * down);
    path.lineTo(x2 * across, y2 * down);
  }
  context.lineCap = "square";
  for (const [lineWidth, color] of [
    [2.4, "rgb(0 0 0 / 55%)"],
    [1.1, "#ffffff"],
  ] as const) {
    context.lineWidth = lineWidth;
    context.strokeStyle = color;
    context.stroke(path);
  }
}

function bytesOf(text: string): readonly [number, number, number] {
  const [red, green, blue] = [1, 3, 5].map((start) => Number.parseInt(text.slice(start, start + 2), 16));
  return [red ?? 0, green ?? 0, blue ?? 0];
}
