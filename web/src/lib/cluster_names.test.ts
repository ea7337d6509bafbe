import { expect, test } from "vitest";
import { clusterNames, placeNames } from "./cluster_names";
import { HIDDEN } from "./dots";

const FRAME = { scale: 1, x: 0, y: 100 };
const PLOT = { width: 100, height: 100 };
const measure = (): number => 20;

test("names are at the medians of visible points, the most frequent class first", () => {
  const many = Array.from({ length: 11 }, () => 20);
  const names = clusterNames([...many.map(() => 7), 2, 9], {
    x: [...many, 40, 0],
    y: [...many.map((_, index) => 45 + index), 80, 0],
    colors: Uint32Array.from([...many, 1, HIDDEN]),
    chosen: null,
  });
  expect(names).toEqual([
    { label: 7, points: 11, x: 20, y: 50, chosen: undefined },
    { label: 2, points: 1, x: 40, y: 80, chosen: undefined },
  ]);
  // On many points, but beside a single one.
  expect(placeNames(names, FRAME, PLOT, 12, undefined, measure)).toMatchObject([
    { label: 7, left: 20, top: 50 },
    { label: 2, left: 40, top: 8 },
  ]);
});

test("the name of highlighted points is below them, and those of others make room", () => {
  const names = clusterNames([7, 7, 7, 2], {
    x: [50, 50, 50, 50],
    y: [40, 60, 90, 27],
    colors: Uint32Array.of(1, 1, 1, 1),
    chosen: Uint8Array.of(1, 1, 0, 0),
  });
  const [own, other] = placeNames(names, FRAME, PLOT, 12, undefined, measure);
  expect(own).toMatchObject({ label: 7, left: 50 });
  // Below the points, whose lowest one is at 60.
  expect(own?.top).toBeGreaterThan(60);
  expect(Math.abs((other?.top ?? 0) - (own?.top ?? 0))).toBeGreaterThanOrEqual(12);
});

test("names stay inside of the plot, and are left out where there is no room", () => {
  const names = [1, 2, 3, 4, 5, 6, 7].map((label) => ({ label, points: 1, x: 2, y: 50, chosen: undefined }));
  const placed = placeNames(names, FRAME, PLOT, 12, undefined, measure);
  expect(placed.length).toBe(4);
  expect(placed.every(({ left }) => left === 10)).toBe(true);
});

test("no name covers the ring of the focused point", () => {
  const names = [{ label: 1, points: 20, x: 50, y: 50, chosen: undefined }];
  const [placed] = placeNames(names, FRAME, PLOT, 12, { x: 50, y: 52, radius: 5 }, measure);
  expect(Math.abs((placed?.top ?? 52) - 52)).toBeGreaterThanOrEqual(11);
});
