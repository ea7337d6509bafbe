import { expect, test } from "vitest";
import { csvText, fileName } from "./exporting";

test("a file's name is short, lower-case text", () => {
  expect(fileName("csv", "CIFAR-10 test", "pair", 12, "neurons")).toBe("cifar-10-test-pair-12-neurons.csv");
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
