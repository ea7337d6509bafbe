// @vitest-environment jsdom
import { expect, test } from "vitest";
import { isFreeSpace, shortcutOf, stepIn } from "./shortcuts";

function pressed(html: string, init: KeyboardEventInit): KeyboardEvent {
  document.body.innerHTML = html;
  const event = new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init });
  (document.body.firstElementChild as Element).dispatchEvent(event);
  return event;
}

test("plain keys are shortcuts", () => {
  expect(shortcutOf(pressed("<div></div>", { key: "j" }))).toBe("next-pair");
  expect(shortcutOf(pressed("<div></div>", { key: "?", shiftKey: true }))).toBe("help");
  expect(shortcutOf(pressed("<input type='range'>", { key: "/" }))).toBe("find");
  expect(shortcutOf(pressed("<div></div>", { key: "x" }))).toBeUndefined();
});

test("typing and other shortcuts are left alone", () => {
  for (const html of ["<input>", "<input type='search'>", "<select></select>", "<textarea></textarea>"]) {
    expect(shortcutOf(pressed(html, { key: "j" }))).toBeUndefined();
  }
  expect(shortcutOf(pressed("<div></div>", { key: "p", ctrlKey: true }))).toBeUndefined();
  const used = pressed("<div></div>", { key: "n" });
  used.preventDefault();
  expect(shortcutOf(used)).toBeUndefined();
});

test("the space bar belongs to a field that is typed in", () => {
  expect(isFreeSpace(pressed("<div></div>", { key: " " }))).toBe(true);
  expect(isFreeSpace(pressed("<input>", { key: " " }))).toBe(false);
  expect(isFreeSpace(pressed("<div></div>", { key: "j" }))).toBe(false);
});

test("a step in a list stops at its ends", () => {
  expect(stepIn([5, 3, 9], 3, 1)).toBe(9);
  expect(stepIn([5, 3, 9], 9, 1)).toBe(9);
  expect(stepIn([5, 3, 9], 5, -1)).toBe(5);
  expect(stepIn(Uint32Array.from([5, 3]), 7, -1)).toBe(5);
  expect(stepIn([], 7, 1)).toBeUndefined();
});
