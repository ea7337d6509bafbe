/** Where the cards of a grid are; all in CSS pixels. */
export interface GridLayout {
  readonly columns: number;
  readonly rows: number;
  /** From one card to the next, gap included. */
  readonly columnWidth: number;
  readonly rowHeight: number;
  /** Size of one image. */
  readonly imageWidth: number;
  readonly imageHeight: number;
}

export const GAP = 5;
/** What a card has beside its two images: padding and border, and the space between them. */
export const CARD_SIDES = 18;
/** Bars above, text below, padding and border. */
export const CARD_ENDS = 36;
/** The text of a card needs this much. */
const LEAST_CARD = 109;
/** Longer sides of an image, the largest first. */
const SIDES = [128, 112, 96, 84, 72, 60, 50, 44];
/** Images of up to so many pixels show everything when they are small. */
const SMALL_IMAGE = 64;
const LEAST_SIDE = 60;

/** The layout with the largest images that needs no scrolling, or with the smallest ones if there is none. */
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
    // Columns fill the width, and images fill the columns, where there is more than one row of them.
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

/** First and last row (not included) that a scrolled window shows, with some more around it. */
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

/** Where to scroll so that a row is seen, moving as little as possible. */
export function scrollTo(layout: GridLayout, row: number, scrollTop: number, height: number): number {
  const top = row * layout.rowHeight;
  const bottom = top + layout.rowHeight - GAP;
  if (top < scrollTop) return top;
  return bottom > scrollTop + height ? bottom - height : scrollTop;
}

/** The place that a key leads to from another one, or undefined for other keys. */
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
  // Nothing was in focus: begin with the first one.
  if (place < 0) return key === "End" ? count - 1 : 0;
  const isVertical = key === "ArrowUp" || key === "ArrowDown";
  if (isVertical && (next < 0 || next >= count)) return place;
  return Math.min(count - 1, Math.max(0, next));
}
