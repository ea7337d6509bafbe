import { expect, test } from "vitest";
import {
  attackPhrase,
  attackText,
  groupedFacts,
  modelName,
  outcomePhrase,
  rate,
  runText,
} from "./describe_record";

test("an attack is described without unknown parameters", () => {
  const pgd = { label: "PGD", eps_text: "8/255", norm: "linf", parameters: { steps: "7", restarts: "1" } };
  expect(attackText(pgd)).toBe("PGD, 7 steps, ε 8/255, L∞");
  expect(attackText({ label: "given", eps_text: null, norm: null, parameters: {} })).toBe("given");
  expect(attackText({ ...pgd, label: "FGSM", norm: "l2", parameters: { steps: "1" } })).toBe(
    "FGSM, 1 step, ε 8/255, L2",
  );
});

test("the header's sentence", () => {
  const pgd = { label: "PGD", eps_text: "8/255", parameters: { steps: "7" } };
  expect(attackPhrase(pgd)).toBe("PGD, 7 steps of ε 8/255");
  expect(attackPhrase({ ...pgd, eps_text: null })).toBe("PGD, 7 steps");
  expect(attackPhrase({ ...pgd, label: "FGSM", parameters: {} })).toBe("FGSM, ε 8/255");
  const counts = { images: 1200, right: 1100, attacked: 1100, succeeded: 1100 };
  expect(outcomePhrase(counts)).toEqual(["all 1,100", "correctly classified images are fooled"]);
  expect(outcomePhrase({ ...counts, attacked: 1000, succeeded: 1 })).toEqual([
    "1 of 1,000",
    "attacked images are fooled",
  ]);
});

test("a model has a short name", () => {
  expect(modelName("/home/me/nets/resnet10.py:trained")).toBe("resnet10");
  expect(modelName("torchvision:resnet18?weights=DEFAULT")).toBe("resnet18");
  expect(modelName("timm:tf_efficientnet_lite0?checkpoint=/a/b.pth")).toBe("tf_efficientnet_lite0");
  expect(modelName("Sequential")).toBe("Sequential");
});

test("numbers of a run", () => {
  expect(rate(null)).toBe("–");
  expect([0.9, 0.8457, 1].map(rate)).toEqual(["90%", "84.6%", "100%"]);
  expect(runText({ images: 1200, right: 1100, attacked: 1100, succeeded: 1000 }, 1000)).toBe(
    "Of 1,200 images, 1,100 are predicted correctly. 1,100 of these were attacked, 1,000 successfully; 1,000 pairs are shown.",
  );
});

test("facts that share their first word are one group", () => {
  const facts = {
    seed: "0",
    "model spec": "a",
    "model digest": "b",
    "model layer": "c",
    "split error": "1e-7",
  };
  expect(groupedFacts(facts)).toEqual([
    {
      heading: "",
      facts: [
        ["seed", "0"],
        ["split error", "1e-7"],
      ],
    },
    {
      heading: "model",
      facts: [
        ["spec", "a"],
        ["digest", "b"],
        ["layer", "c"],
      ],
    },
  ]);
});
