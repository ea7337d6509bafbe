/** Pixels of an image at an address, made smaller so that its longer side has so many. */
export async function scaledPixels(url: string, longest: number): Promise<ImageData> {
  const image = new Image();
  image.src = url;
  await image.decode();
  const scale = Math.min(1, longest / Math.max(image.naturalWidth, image.naturalHeight));
  const width = Math.max(1, Math.round(scale * image.naturalWidth));
  const height = Math.max(1, Math.round(scale * image.naturalHeight));
  const context = new OffscreenCanvas(width, height).getContext("2d");
  if (!context) throw new Error("the browser gives no canvas to draw on");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}
