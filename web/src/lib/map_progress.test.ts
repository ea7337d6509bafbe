import { expect, test } from "vitest";
import { agreementText, duration, Eta, stageText, type MapStage } from "./map_progress";

const STAGE: MapStage = {
  name: "estimate",
  known: 64,
  points: 1024,
  top: 20,
  unsettled: 0.0213,
  agreement: [0.614, -0.2],
};

test("a stage says how many points are exact and what may change", () => {
  expect(stageText(STAGE, 20)).toBe("estimate from 64 of 1,024 points, 3 % of the outline may change");
  const settled: MapStage = { ...STAGE, name: "settled", known: 280, unsettled: 0.02 };
  expect(stageText(settled, 20)).toBe("estimate from 280 of 1,024 points, 2 % of the outline may change");
  expect(stageText({ ...settled, unsettled: 0.004 }, 20)).toMatch(/, up to 1 % of the outline may change$/);
  expect(stageText({ ...settled, unsettled: 0 }, 20)).toMatch(/, 0 % of the outline may change$/);
});

test("the fraction that may change is left out for another outline", () => {
  expect(stageText(STAGE, 30)).toBe("estimate from 64 of 1,024 points");
});

test("a preview is labeled, and exact maps have no text", () => {
  expect(stageText({ ...STAGE, name: "preview", known: 0, unsettled: 1, agreement: null }, 20)).toBe(
    "preview from gradients",
  );
  expect(stageText({ ...STAGE, name: "exact" }, 20)).toBe("");
});

test("the agreement of the preview with exact points is shown", () => {
  expect(agreementText(STAGE)).toMatch(/benign drop \.61, adversarial gain −\.20$/);
  expect(agreementText({ ...STAGE, agreement: null })).toBe("");
});

test("the remaining time follows from the speed so far", () => {
  const eta = new Eta();
  expect(eta.secondsLeft(10, 0, 100)).toBeUndefined();
  expect(eta.secondsLeft(12, 20, 100)).toBe(8);
  expect(eta.secondsLeft(20, 100, 100)).toBe(0);
});

test("work that starts again is measured again", () => {
  const eta = new Eta();
  eta.secondsLeft(0, 50, 100);
  expect(eta.secondsLeft(5, 0, 100)).toBeUndefined();
  expect(eta.secondsLeft(6, 10, 100)).toBe(9);
});

test("durations are whole", () => {
  expect([0, 0.2, 12.1, 89, 91, 600].map(duration)).toEqual([
    "1 s",
    "1 s",
    "13 s",
    "89 s",
    "2 min",
    "10 min",
  ]);
});
