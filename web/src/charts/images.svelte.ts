/** Images: decoded, and drawn under masks and vulnerability maps. */

import { scaleLinear } from "d3-scale";
import { coverage, outline, type Mask } from "../lib/masks";
import { channels, palette, type Palette } from "./canvas.svelte";

/**
 * The decoded image at an address that follows the state. The previous image stays until the new one can be drawn, so
 * that views do not flicker. Create it during component initialization.
 */
export class DecodedImage {
  current = $state.raw<HTMLImageElement>();

  constructor(address: () => string | undefined) {
    $effect(() => {
      const source = address();
      if (source === undefined) {
        this.current = undefined;
        return;
      }
      const wanted = new Image();
      wanted.src = source;
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

interface ImageOptions {
  readonly faint?: boolean;
  /** The amplified perturbation around middle gray, which is laid over the image. */
  readonly perturbation?: HTMLImageElement | undefined;
}

const COLORS = 256;
/** How much of a pixel that is not captured is the mask's color; the rest is the pixel's luminance. */
const MASKED = 0.78;

type Rgb = readonly [red: number, green: number, blue: number];

/** The colors of a vulnerability map in the present theme, at equal distances from 0 to the largest value. */
function mapStops(colors: Palette): readonly string[] {
  return [colors["map-0"], colors["map-1"], colors["map-2"], colors["map-3"], colors["map-4"]];
}

/** The color scale from left to right, as a CSS gradient. */
export function mapGradient(): string {
  return `linear-gradient(to right, ${mapStops(palette()).join(", ")})`;
}

function mapColors(): readonly Rgb[] {
  const stops = mapStops(palette());
  const color = scaleLinear<string>()
    .domain(stops.map((_, index) => (index * (COLORS - 1)) / (stops.length - 1)))
    .range(stops);
  return Array.from({ length: COLORS }, (_, index) => bytesOf(color(index)));
}

/** The image, dimmed outside the mask if there is one; an image of which nothing is captured is faint. */
export function drawDimmed(
  context: CanvasRenderingContext2D,
  size: Size,
  image: HTMLImageElement,
  mask: Mask | undefined,
  { faint = false, perturbation }: ImageOptions = {},
): void {
  const isEmpty = mask !== undefined && coverage(mask) === 0;
  context.save();
  if (isEmpty || faint) context.globalAlpha = 0.5;
  drawImage(context, size, image);
  context.restore();
  if (perturbation) {
    // Middle gray leaves the image as it is.
    context.save();
    context.globalCompositeOperation = "hard-light";
    context.globalAlpha = 0.35;
    drawImage(context, size, perturbation);
    context.restore();
  }
  if (!mask || isEmpty) return;
  context.save();
  context.globalCompositeOperation = "saturation";
  overlay(context, size, outside(mask, [128, 128, 128], 1));
  context.restore();
  overlay(context, size, outside(mask, bytesOf(palette().mask), MASKED));
}

/** One color where the mask is not, and nothing where it is. */
function outside(mask: Mask, [red, green, blue]: Rgb, opacity: number): ImageData {
  const pixels = new ImageData(mask.width, mask.height);
  for (const [index, isInside] of mask.data.entries()) {
    if (!isInside) pixels.data.set([red, green, blue, Math.round(255 * opacity)], 4 * index);
  }
  return pixels;
}

/** The same with the mask's outline. */
export function drawMasked(
  context: CanvasRenderingContext2D,
  size: Size,
  image: HTMLImageElement,
  mask: Mask | undefined,
  options: ImageOptions = {},
): void {
  drawDimmed(context, size, image, mask, options);
  if (mask) drawOutline(context, size, mask);
}

/** A vulnerability map, with the outline of its most vulnerable part. */
export function drawMap(
  context: CanvasRenderingContext2D,
  size: Size,
  image: HTMLImageElement,
  values: Float64Array,
  most: number,
  top: Mask | undefined,
): void {
  const colors = mapColors();
  const colored = new ImageData(image.naturalWidth, image.naturalHeight);
  for (const [index, value] of values.entries()) {
    const part = most > 0 ? Math.max(0, value / most) : 0;
    colored.data.set([...(colors[Math.round(part * (COLORS - 1))] ?? [0, 0, 0]), 255], 4 * index);
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
    [2.8, "#000000"],
    [1.3, "#ffffff"],
  ] as const) {
    context.lineWidth = lineWidth;
    context.strokeStyle = color;
    context.stroke(path);
  }
}

/** The bytes of a computed color such as `rgb(1, 2, 3)`. */
function bytesOf(color: string): Rgb {
  const [red = 0, green = 0, blue = 0] = channels(color);
  return [red, green, blue];
}
