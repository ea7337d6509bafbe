/** Choices of grid and patch for the vulnerability maps. */

interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Choice {
  readonly value: string;
  readonly label: string;
  readonly title: string;
}

const GRIDS = [16, 32, 64];

/** Strides, coarse ones first, as values; the maps' grids as labels. */
export function details({ width, height }: Size): Choice[] {
  const side = Math.max(width, height);
  const strides = new Set([...GRIDS.map((grid) => Math.max(1, Math.round(side / grid))), 1]);
  return [...strides]
    .sort((a, b) => b - a)
    .map((stride) => {
      const grid = `${Math.ceil(width / stride)} × ${Math.ceil(height / stride)}`;
      const points = Math.ceil(width / stride) * Math.ceil(height / stride);
      const title = `a patch every ${stride === 1 ? "pixel" : `${stride} pixels`}: ${points} images through the network`;
      return { value: `${stride}`, label: grid, title };
    });
}

/** Even patch sides: the default, half of it and twice of it. */
export function patches(defaultSide: number, { width, height }: Size): Choice[] {
  const sides = [defaultSide / 2, defaultSide, defaultSide * 2].map((side) =>
    Math.max(2, 2 * Math.round(side / 2)),
  );
  return [...new Set(sides)]
    .filter((side) => side <= Math.min(width, height))
    .map((side) => ({
      value: `${side}`,
      label: `${side} px`,
      title: side === defaultSide ? "the default" : `patches of ${side} x ${side} pixels`,
    }));
}
