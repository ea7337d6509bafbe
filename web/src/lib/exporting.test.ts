// @vitest-environment jsdom
import { expect, test } from "vitest";
import { csvText, fileName, pictureText, svgText } from "./exporting";

test("a file's name is short, lower-case text", () => {
  expect(fileName("csv", "CIFAR-10 test", "pair", 12, "neurons")).toBe("cifar-10-test-pair-12-neurons.csv");
});

function drawing(): SVGSVGElement {
  document.body.innerHTML =
    "<div><svg width='40' height='20'><g class='curve'><path d='M0 0L4 4'/></g><text class='hidden'>x</text></svg></div>";
  const sheet = document.createElement("style");
  sheet.textContent =
    ".curve { stroke: rgb(1, 2, 3); } .hidden { display: none; } div { background: rgb(9, 9, 9); }";
  document.body.append(sheet);
  return document.querySelector("svg") as SVGSVGElement;
}

test("a saved drawing has its styles and background, and the page's drawing is unchanged", () => {
  const svg = drawing();
  const before = svg.outerHTML;
  const file = new DOMParser().parseFromString(svgText(svg), "image/svg+xml");
  expect(file.querySelector("g")?.getAttribute("stroke")).toBe("rgb(1, 2, 3)");
  expect(file.querySelector("g")?.hasAttribute("class")).toBe(false);
  expect(file.querySelector("rect")?.getAttribute("fill")).toBe("rgb(9, 9, 9)");
  expect(file.querySelector("text")).toBeNull();
  expect(svg.outerHTML).toBe(before);
});

test("a picture of part of the page keeps the positions of its drawings", () => {
  const svg = drawing();
  svg.getBoundingClientRect = () => new DOMRect(30, 15, 40, 20);
  (svg.parentElement as HTMLElement).getBoundingClientRect = () => new DOMRect(10, 10, 100, 50);
  const file = new DOMParser().parseFromString(
    pictureText(svg.parentElement as HTMLElement),
    "image/svg+xml",
  );
  const inner = file.querySelector("svg svg");
  expect([inner?.getAttribute("x"), inner?.getAttribute("y"), inner?.getAttribute("width")]).toEqual([
    "20",
    "5",
    "40",
  ]);
  expect(file.documentElement.getAttribute("viewBox")).toBe("0 0 100 50");
});

test("cells with commas, quotes or line breaks are quoted, and unknown numbers are empty", () => {
  const rows = [
    [1, 'cat, "big"', Number.NaN],
    [2, "two\nlines", -0.5],
    [3, null, undefined],
  ];
  expect(csvText(["pair", "name", "gap"], rows)).toBe(
    'pair,name,gap\n1,"cat, ""big""",\n2,"two\nlines",-0.5\n3,,\n',
  );
});

test("a spreadsheet evaluates no text as a formula, and numbers stay numbers", () => {
  const rows = [
    ["=1+1", "+cmd", "-cmd", '@SUM("a")', "\tcmd"],
    [-1.5, "cat = dog", "a-b", "", "'quoted'"],
  ];
  expect(csvText(["=head", "b", "c", "d", "e"], rows)).toBe(
    `'=head,b,c,d,e\n'=1+1,'+cmd,'-cmd,"'@SUM(""a"")",'\tcmd\n-1.5,cat = dog,a-b,,'quoted'\n`,
  );
});
