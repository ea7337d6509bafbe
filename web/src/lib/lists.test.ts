import { expect, test } from "vitest";
import { inserted, merged, moved, without } from "./lists";

const list = ["a", "b", "c"].map((id) => ({ id }));
const ids = (items: readonly { id: string }[]): string => items.map(({ id }) => id).join("");

test("items move, leave and come back", () => {
  expect(ids(moved(list, "c", 0))).toBe("cab");
  expect(ids(moved(list, "a", 9))).toBe("bca");
  expect(moved(list, "none", 0)).toBe(list);
  expect(ids(inserted(without(list, "b"), { id: "b" }, 1))).toBe("abc");
  expect(ids(list)).toBe("abc");
});

test("no text of a note is lost", () => {
  expect(merged("mine", "before", "before")).toBe("mine");
  expect(merged("mine", "theirs", "before")).toBe("theirs\n\nmine");
  expect(merged("same", "same", "before")).toBe("same");
  expect(merged("before", "theirs", "before")).toBe("theirs");
});
