import {
  converter,
  differenceCiede2000,
  filterDeficiencyDeuter,
  filterDeficiencyProt,
  filterDeficiencyTrit,
  type Color,
  type Rgb,
} from "culori";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { classColor, DISTINCT_COLORS } from "./colors";

const distance = differenceCiede2000();
const toLinear = converter("lrgb");
const SEVERITY = 1;

/** Machado et al. (2009) simulate in linear light; culori's filters work on the values that they are given. */
function inLinearLight(filter: (color: Rgb) => Rgb): (color: string) => Color {
  const clamp = (value: number): number => Math.min(1, Math.max(0, value));
  return (color) => {
    const { r: red = 0, g: green = 0, b: blue = 0 } = toLinear(color) ?? {};
    const { r, g, b } = filter({ mode: "rgb", r: red, g: green, b: blue });
    return { mode: "lrgb", r: clamp(r), g: clamp(g), b: clamp(b) };
  };
}

const SEEN_BY = {
  normal: inLinearLight((color) => color),
  deuteranopia: inLinearLight(filterDeficiencyDeuter(SEVERITY)),
  protanopia: inLinearLight(filterDeficiencyProt(SEVERITY)),
  tritanopia: inLinearLight(filterDeficiencyTrit(SEVERITY)),
};
type Vision = keyof typeof SEEN_BY;
type Floors = Readonly<Record<Vision, number>>;

/** The colors of a token of app.css in the two themes. */
function token(name: string): string[] {
  const styles = readFileSync(new URL("../app.css", import.meta.url), "utf8");
  const [, light = "", dark = ""] = new RegExp(`--${name}: light-dark\\((.*?), (.*?)\\)`).exec(styles) ?? [];
  return [light, dark];
}

function smallest(colors: readonly string[], others: readonly string[], vision: Vision): number {
  const seen = SEEN_BY[vision];
  return Math.min(
    ...colors.flatMap((color) =>
      others.filter((other) => other !== color).map((other) => distance(seen(color), seen(other))),
    ),
  );
}

const classes = (count: number): string[] => Array.from({ length: count }, (_, index) => classColor(index));
const visions = Object.keys(SEEN_BY) as Vision[];

test.each<[number, Floors]>([
  [10, { normal: 20, deuteranopia: 12, protanopia: 12, tritanopia: 10 }],
  [20, { normal: 14, deuteranopia: 8, protanopia: 8, tritanopia: 8 }],
  [40, { normal: 9, deuteranopia: 5, protanopia: 5, tritanopia: 5 }],
])("%i classes can be told apart", (count, floors) => {
  const colors = classes(count);
  for (const vision of visions)
    expect(smallest(colors, colors, vision), vision).toBeGreaterThan(floors[vision]);
});

test("no class looks like a side of a pair", () => {
  const sides = [...token("benign"), ...token("adversarial")];
  const floors = { normal: 20, deuteranopia: 7, protanopia: 7, tritanopia: 5 };
  for (const vision of visions) {
    expect(smallest(classes(DISTINCT_COLORS), sides, vision), vision).toBeGreaterThan(floors[vision]);
  }
});

test("benign and adversarial differ for all readers", () => {
  const [benign, adversarial] = [token("benign"), token("adversarial")];
  for (const vision of visions) expect(smallest(benign, adversarial, vision), vision).toBeGreaterThan(45);
});

test("colors repeat beyond the last distinct one", () => {
  expect(new Set(classes(DISTINCT_COLORS)).size).toBe(DISTINCT_COLORS);
  expect(classColor(DISTINCT_COLORS)).toBe(classColor(0));
});
