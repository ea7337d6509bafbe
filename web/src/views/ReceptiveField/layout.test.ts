import { expect, test } from "vitest";
import { fieldLayout } from "./layout";

test("small images are shown at whole multiples, beside the probabilities", () => {
  const small = { width: 32, height: 32 };
  expect(fieldLayout(small, { width: 484, height: 430 }, 2, 16)).toEqual({
    picture: { width: 160, height: 160 },
    probabilities: true,
  });
  expect(fieldLayout(small, { width: 484, height: 430 }, 3, 16)).toEqual({
    picture: { width: 128, height: 128 },
    probabilities: false,
  });
  expect(fieldLayout(small, { width: 424, height: 325 }, 2, 16).picture.width).toBe(96);
});

test("large images are reduced to what fits", () => {
  const { picture } = fieldLayout({ width: 224, height: 112 }, { width: 484, height: 430 }, 2, 16);
  expect(picture).toEqual({ width: 160, height: 80 });
  expect(fieldLayout({ width: 224, height: 224 }, { width: 0, height: 0 }, 2, 16).picture.width).toBe(0);
});
