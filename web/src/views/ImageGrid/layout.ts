/** Layout of the grid of cards, in CSS pixels. */
export interface GridLayout {
  readonly columns: number;
  readonly rows: number;
  /** Distance between adjacent cards, including the gap. */
  readonly columnWidth: number;
  readonly rowHeight: number;
  readonly cardWidth: number;
  /** Size of one image. */
  readonly imageWidth: number;
  readonly imageHeight: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Least distance between cards in a row, and distance between rows. */
export const [GAP, ROW_GAP] = [10, 14];
/** Distance between the two images of a card. */
const BETWEEN = 2;
/** Height of a card without its images, in lines of small text: the bars and the numbers. */
const ENDS = 1.6;
/** Images of up to this size are shown at whole multiples of their size, so that their pixels stay squares. */
const SMALL_IMAGE = 64;
/** The longer side of an image: the largest, the smallest, and the step between for large images. */
export const MOST_SIDE = 288;
const [LEAST_SIDE, STEP] = [48, 16];
/** Images that need scrolling are as large as this number of columns allows. */
const LEAST_COLUMNS = 3;

/** Lengths of an image's longer side, ascending. */
export function imageSides(image: Size): number[] {
  const longest = Math.max(image.width, image.height);
  const step = longest <= SMALL_IMAGE ? longest : STEP;
  const count = Math.floor(MOST_SIDE / step);
  return Array.from({ length: count }, (_, index) => (index + 1) * step).filter((side) => side >= LEAST_SIDE);
}

/**
 * The layout for a number of pairs in a panel.
 *
 * @param side - of images; null for the largest ones that fit without scrolling, or else in three columns
 * @param line - height of a line of small text
 */
export function gridLayout(
  count: number,
  panel: Size,
  image: Size,
  side: number | null,
  line: number,
): GridLayout {
  const sides = imageSides(image);
  const layouts = sides.map((one) => layoutWith(one, count, panel.width, image, line));
  if (side !== null) {
    const at = sides.findIndex((one) => one >= side);
    return layouts.at(at) as GridLayout;
  }
  const fits = ({ rows, rowHeight, cardWidth }: GridLayout): boolean =>
    rows * rowHeight - ROW_GAP <= panel.height && cardWidth <= panel.width;
  return (
    layouts.findLast((layout) => layout.columns >= LEAST_COLUMNS || fits(layout)) ??
    (layouts[0] as GridLayout)
  );
}

function layoutWith(side: number, count: number, width: number, image: Size, line: number): GridLayout {
  const scale = side / Math.max(image.width, image.height);
  const [imageWidth, imageHeight] = [Math.round(scale * image.width), Math.round(scale * image.height)];
  const cardWidth = 2 * imageWidth + BETWEEN;
  const columns = Math.max(1, Math.floor((width + GAP) / (cardWidth + GAP)));
  const between = Math.floor((width - columns * cardWidth) / Math.max(1, columns - 1));
  return {
    columns,
    rows: Math.ceil(count / columns),
    // Three columns and more fill the width.
    columnWidth: cardWidth + (columns < LEAST_COLUMNS ? GAP : between),
    rowHeight: imageHeight + Math.ceil(ENDS * line) + ROW_GAP,
    cardWidth,
    imageWidth,
    imageHeight,
  };
}

/** The visible rows `[first, last)`, and some more around them. */
export function visibleRows(
  layout: GridLayout,
  scrollTop: number,
  height: number,
  around: number,
): readonly [number, number] {
  const first = Math.max(0, Math.floor(scrollTop / layout.rowHeight) - around);
  const last = Math.ceil((scrollTop + height) / layout.rowHeight) + around;
  return [Math.min(first, layout.rows), Math.min(last, layout.rows)];
}

/** The scroll position that shows a row with the least movement. */
export function scrollTo(layout: GridLayout, row: number, scrollTop: number, height: number): number {
  const top = row * layout.rowHeight;
  const bottom = top + layout.rowHeight - ROW_GAP;
  if (top < scrollTop) return top;
  return bottom > scrollTop + height ? bottom - height : scrollTop;
}

/** The index that a key leads to; undefined for other keys. */
export function placeAfter(
  key: string,
  place: number,
  count: number,
  columns: number,
  pageRows: number,
): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: place - 1,
    ArrowRight: place + 1,
    ArrowUp: place - columns,
    ArrowDown: place + columns,
    PageUp: place - columns * pageRows,
    PageDown: place + columns * pageRows,
    Home: 0,
    End: count - 1,
  };
  const next = steps[key];
  if (next === undefined || !count) return undefined;
  // Without a focus, begin at an end.
  if (place < 0) return key === "End" ? count - 1 : 0;
  const isVertical = key === "ArrowUp" || key === "ArrowDown";
  if (isVertical && (next < 0 || next >= count)) return place;
  return Math.min(count - 1, Math.max(0, next));
}
