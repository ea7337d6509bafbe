/**
 * Chosen pairs after a click with Ctrl or Command, which adds a pair or removes it. The first one joins the focused pair,
 * if it is listed.
 */
export function toggled(chosen: readonly number[], pair: number, focused: number | undefined): number[] {
  if (chosen.includes(pair)) return chosen.filter((one) => one !== pair);
  const before = chosen.length || focused === undefined ? chosen : [focused];
  return [...new Set([...before, pair])];
}

/** Chosen pairs with those of a list between two places, both included; a place before the list is its beginning. */
export function extended(
  chosen: readonly number[],
  list: ArrayLike<number>,
  from: number,
  to: number,
): number[] {
  const [first, last] = [Math.max(0, Math.min(from, to)), Math.max(from, to)];
  return [...new Set([...chosen, ...Array.from(list).slice(first, last + 1)])];
}
