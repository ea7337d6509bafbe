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
  if (!context) throw new Error("the browser gives no canvas to draw on");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** The page's font for a canvas. */
export function canvasFont(canvas: HTMLCanvasElement, size: number, weight = 400): string {
  return `${weight} ${size}px ${getComputedStyle(canvas).fontFamily}`;
}
