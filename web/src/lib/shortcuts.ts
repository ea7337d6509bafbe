/**
 * Keys that work anywhere on the page. They are plain letters, so they are inactive while the user types. Declared apart
 * from their actions, as the help lists them, too.
 */
export const SHORTCUTS = [
  { key: "/", action: "find", does: "find a class, a pair or a neuron" },
  { key: "j", action: "next-pair", does: "next pair of the image grid" },
  { key: "k", action: "previous-pair", does: "previous pair" },
  { key: "n", action: "next-neuron", does: "next neuron to the right in the neuron view" },
  { key: "p", action: "previous-neuron", does: "previous neuron" },
  { key: "u", action: "combine", does: "union or intersection of the receptive fields" },
  { key: "s", action: "save", does: "save this view as a finding, with a note" },
  { key: "?", action: "help", does: "this help" },
] as const;
export type ShortcutAction = (typeof SHORTCUTS)[number]["action"];

/** Fields that accept letters. */
const TYPED = "input:not([type=radio], [type=checkbox], [type=range]), select, textarea, [contenteditable]";

/** The action of a key; none while the user types, with a modifier, or if a view has handled the key. */
export function shortcutOf(event: KeyboardEvent): ShortcutAction | undefined {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  if (event.target instanceof Element && event.target.closest(TYPED)) return undefined;
  return SHORTCUTS.find(({ key }) => key === event.key)?.action;
}

/** Whether the space bar is for no control: the user does not type, and has not moved to a control by keys. */
export function isFreeSpace(event: KeyboardEvent): boolean {
  const { target } = event;
  if (event.key !== " " || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey)
    return false;
  return !(target instanceof Element && (target.closest(TYPED) ?? target.matches(":focus-visible")));
}

/** The item after or before another one in a list: the first item if the other one is not in it, itself at an end. */
export function stepIn(list: ArrayLike<number>, current: number, step: 1 | -1): number | undefined {
  const at = Array.prototype.indexOf.call(list, current);
  if (at < 0) return list[0];
  return list[Math.min(list.length - 1, Math.max(0, at + step))];
}
