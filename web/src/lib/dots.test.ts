import fc from "fast-check";
import { expect, test } from "vitest";
import {
  dotImage,
  dotNear,
  HIDDEN,
  packColor,
  paintDots,
  pointColors,
  randomOrder,
  type Dots,
  type DotStyle,
} from "./dots";

const UNIT = { scale: 1, x: 0, y: 0 };
const RED = packColor("#ff0000");
const BLUE = packColor("#0000ff");
const INK = packColor("#111111");

function style(diameter: number, opacity = 1): DotStyle {
  return { diameter, opacity, chosenDiameter: diameter, outline: 0, ink: INK };
}

/** Dots at pixels, as data's y points up, painted in their own order. */
function dotsAt(places: readonly (readonly [number, number, number])[], chosen?: number[]): Dots {
  return {
    x: places.map(([x]) => x),
    y: places.map(([, y]) => -y),
    colors: Uint32Array.from(places, ([, , color]) => color),
    chosen: chosen ? Uint8Array.from(chosen) : null,
    order: Uint32Array.from(places.keys()),
  };
}

test("a packed color has the bytes of image data", () => {
  expect([...new Uint8Array(Uint32Array.of(packColor("#3f90da")).buffer)]).toEqual([0x3f, 0x90, 0xda, 0xff]);
});

test("a dot is painted around its place, and nowhere else", () => {
  const image = dotImage(7, 7);
  paintDots(image, dotsAt([[3.5, 3.5, RED]]), UNIT, style(3));
  expect(image.pixels[3 * 7 + 3]).toBe(RED);
  const painted = [...image.pixels.keys()].filter((at) => image.pixels[at]);
  expect(painted.every((at) => Math.abs((at % 7) - 3) <= 1 && Math.abs(Math.floor(at / 7) - 3) <= 1)).toBe(
    true,
  );
  expect(image.picks[3 * 7 + 3]).toBe(0);
  expect(image.picks[0]).toBe(-1);
});

test("highlighted dots are on top with an outline, hidden ones are not there, and the last one is on top", () => {
  const image = dotImage(5, 5);
  const middle = 2 * 5 + 2;
  const at = (colors: number[], chosen?: number[]): Dots =>
    dotsAt(
      colors.map((color) => [2.5, 2.5, color]),
      chosen,
    );
  paintDots(image, at([RED, BLUE], [1, 0]), UNIT, { ...style(3, 0.1), outline: 0.9 });
  expect([image.pixels[middle], image.picks[middle]]).toEqual([RED, 0]);
  const edge = [...new Uint8Array(Uint32Array.of(image.pixels[middle + 1] as number).buffer)];
  expect(edge[0]).toBeLessThan(255);
  expect(edge[3]).toBeGreaterThan(0.6 * 255);
  paintDots(image, at([RED, BLUE, HIDDEN]), UNIT, style(3));
  expect([image.pixels[middle], image.picks[middle]]).toEqual([BLUE, 1]);
});

test("translucent dots add up", () => {
  const image = dotImage(5, 5);
  const alpha = (count: number): number => {
    paintDots(
      image,
      dotsAt(Array.from({ length: count }, () => [2.5, 2.5, RED] as const)),
      UNIT,
      style(3, 0.2),
    );
    return (image.pixels[2 * 5 + 2] as number) >>> 24;
  };
  expect(alpha(1)).toBe(51);
  expect(alpha(2)).toBeCloseTo(255 * (1 - 0.8 ** 2), -0.5);
});

test("a half-covered pixel is a mixture of both dots", () => {
  const image = dotImage(5, 5);
  // Corners of a dot of diameter 3 are covered by 9 %.
  paintDots(image, dotsAt([[1.5, 1.5, RED], [2.5, 2.5, BLUE]]), UNIT, style(3)); // prettier-ignore
  const corner = [...new Uint8Array(Uint32Array.of(image.pixels[1 * 5 + 1] as number).buffer)];
  const cover = 1.5 + 0.5 - Math.SQRT2;
  expect(corner[0]).toBeCloseTo(255 * (1 - cover), -0.5);
  expect(corner[2]).toBeCloseTo(255 * cover, -0.5);
  expect(corner[3]).toBe(255);
});

test("dots outside the image or without a position are skipped", () => {
  const place = fc.double({ min: -20, max: 30 });
  fc.assert(
    fc.property(fc.array(fc.tuple(place, place, fc.constantFrom(RED, BLUE, HIDDEN))), (places) => {
      const image = dotImage(11, 9);
      paintDots(image, dotsAt([...places, [Number.NaN, 2, RED]]), UNIT, style(4.5));
      for (const dot of image.picks) expect(dot).toBeLessThan(places.length);
      // A pixel is painted only if a dot's square reaches it.
      image.pixels.forEach((pixel, at) => {
        const reached = places.some(
          ([x, y]) =>
            Math.abs(x - (at % 11) - 0.5) <= 3.01 && Math.abs(y - Math.floor(at / 11) - 0.5) <= 3.01,
        );
        expect(pixel === 0 || reached).toBe(true);
      });
    }),
  );
});

test("the nearest dot within reach is found", () => {
  const image = dotImage(20, 20);
  paintDots(image, dotsAt([[4.5, 4.5, RED], [10.5, 4.5, BLUE]]), UNIT, style(3)); // prettier-ignore
  expect(dotNear(image, 6, 4, 5)).toBe(0);
  expect(dotNear(image, 8, 4, 5)).toBe(1);
  expect(dotNear(image, 15, 15, 5)).toBe(-1);
});

const colorOf = (label: number): number => 100 + label;

test("points have the color of their class, except hidden ones", () => {
  const all = (): boolean => true;
  expect([...pointColors([1, 2, 1], colorOf, [], all)]).toEqual([101, 102, 101]);
  expect([...pointColors([1, 2, 1], colorOf, [2], all)]).toEqual([101, HIDDEN, 101]);
  expect([...pointColors([1, 2, 1], colorOf, [], (point) => point > 0)]).toEqual([HIDDEN, 102, 101]);
});

test("the random order has each number once, and is always the same", () => {
  const order = randomOrder(1000);
  expect(order).toEqual(randomOrder(1000));
  expect(order).not.toEqual(order.toSorted());
  expect([...order.toSorted()]).toEqual(Array.from({ length: 1000 }, (_, index) => index));
});
