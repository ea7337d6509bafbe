/** The scale at which all pixels of an image have the same size: a whole multiple if they are at least doubled. */
export function evenScale(fits: number): number {
  return fits >= 2 ? Math.floor(fits) : Math.max(0, fits);
}
