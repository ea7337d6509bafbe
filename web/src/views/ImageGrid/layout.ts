/** Layout of the grid of cards, in CSS pixels. */
export interface GridLayout {
  readonly columns: number;
  readonly rows: number;
  /** Distance between adjacent cards, including the gap. */
  readonly columnWidth: number;
  readonly rowHeight: number;
  /** Size of one image. */
  readonly imageWidth: number;
  readonly imageHeight: number;
}

export const GAP = 5;
/** Width of a card without its two images: padding, border, and the space between the images. */
export const CARD_SIDES = 18;
/** Height of a card without its images: bars, text, padding and border. */
export const CARD_ENDS = 36;
/** Smallest width that fits a card's text. */
const LEAST_CARD = 109;
/** Lengths of an image's longer side, the largest first. */
const SIDES = [128, 112, 96, 84, 72, 60, 50, 44];
/** Images of up to this size stay recognizable when they are shown small. */
const SMALL_IMAGE = 64;
const LEAST_SIDE = 60;

/** The layout with the largest images that fit without scrolling, or else with the smallest ones. */
export function gridLayout(
  count: number,
  width: number,
  height: number,
  image: { readonly width: number; readonly height: number },
): GridLayout {
  const longest = Math.max(image.width, image.height);
  const sides = SIDES.filter((side) => longest <= SMALL_IMAGE || side >= LEAST_SIDE);
  const layouts = sides.map((side): GridLayout => {
    const card = Math.max(LEAST_CARD, (2 * side * image.width) / longest + CARD_SIDES);
    const columns = Math.max(1, Math.floor((width + GAP) / (card + GAP)));
    const columnWidth = Math.floor((width + GAP) / columns);
    // Columns fill the width, and images fill the columns up to a limit.
    const room = (columnWidth - GAP - CARD_SIDES) / 2;
    const imageWidth = Math.floor(Math.min(room, ((side + 16) * image.width) / longest));
    const imageHeight = Math.round((imageWidth * image.height) / image.width);
    const rowHeight = imageHeight + CARD_ENDS + GAP;
    return { columns, rows: Math.ceil(count / columns), columnWidth, rowHeight, imageWidth, imageHeight };
  });
  return (
    layouts.find(({ rows, rowHeight }) => rows * rowHeight - GAP <= height) ?? (layouts.at(-1) as GridLayout)
  );
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
  const bottom = top + layout.rowHeight - GAP;
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
