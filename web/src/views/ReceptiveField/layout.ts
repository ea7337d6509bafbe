/** Sizes of the pictures, so that nothing moves when numbers change or another pair is loaded. */

import { evenScale } from "../../lib/even_scale";

interface Size {
  readonly width: number;
  readonly height: number;
}

/** In rem: between columns, and the least width of the probabilities. */
const [GAP, PROBABILITIES] = [0.75, 8.75];
/** In rem: heads, captions, the line of progress, the sliders, and the gaps between all rows. */
const OTHER_ROWS = 6.625;
/** In rem: second lines of both captions, as narrow pictures need them. */
const SECOND_LINES = 1.75;

export interface FieldLayout {
  /** Size of each picture. */
  readonly picture: Size;
  /** Whether there is room for the probabilities. */
  readonly probabilities: boolean;
}

/**
 * Receptive fields and maps in columns, both images of the pair in rows.
 *
 * @param columns - columns of pictures: 2, or 3 with a pinned neuron, for which the probabilities make room
 * @param rem - the page's font size in pixels
 */
export function fieldLayout(image: Size, place: Size, columns: number, rem: number): FieldLayout {
  const least = columns > 2 ? 0 : PROBABILITIES + GAP;
  const across = (place.width - rem * ((columns - 1) * GAP + least)) / columns;
  const down = (place.height - rem * (OTHER_ROWS + (columns > 2 ? SECOND_LINES : 0))) / 2;
  const scale = evenScale(Math.min(across / image.width, down / image.height));
  const picture = { width: Math.floor(scale * image.width), height: Math.floor(scale * image.height) };
  const rest = place.width - columns * (picture.width + rem * GAP);
  return { picture, probabilities: rest >= rem * PROBABILITIES };
}
