/** Lists whose items have ids. */
interface Item {
  readonly id: string;
}

/** The list with an item at another position; the same list if it has no such item. */
export function moved<T extends Item>(list: readonly T[], id: string, position: number): readonly T[] {
  const item = list.find((one) => one.id === id);
  return item ? inserted(without(list, id), item, position) : list;
}

export function inserted<T extends Item>(list: readonly T[], item: T, position: number): readonly T[] {
  return list.toSpliced(Math.max(0, position), 0, item);
}

export function without<T extends Item>(list: readonly T[], id: string): readonly T[] {
  return list.filter((one) => one.id !== id);
}

/**
 * A note that was changed in two places at once: both texts, so that neither is lost.
 *
 * @param own - the text that was written here
 * @param other - the text that was saved elsewhere in the meantime
 * @param before - the text that both had begun with
 */
export function merged(own: string, other: string, before: string): string {
  if (other === before || other === own) return own;
  return own === before ? other : `${other}\n\n${own}`;
}
