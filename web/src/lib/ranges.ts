/** Sets of whole numbers as short text: `0-5,9`. Used in addresses and in requests. */

/** Each number once, ascending. */
export function ascending(numbers: Iterable<number>): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** Text of a set of numbers, ascending. */
export function formatRanges(numbers: Iterable<number>): string {
  const sorted = ascending(numbers);
  const parts: string[] = [];
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    end = start + 1;
    while (end < sorted.length && sorted[end] === (sorted[end - 1] as number) + 1) end += 1;
    parts.push(end - start === 1 ? `${sorted[start]}` : `${sorted[start]}-${sorted[end - 1]}`);
  }
  return parts.join(",");
}

/** Numbers below `limit` that a text names, ascending; what cannot be read is left out. */
export function parseRanges(text: string, limit: number): number[] {
  const numbers = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) continue;
    const last = Math.min(Number(match[2] ?? match[1]), limit - 1);
    for (let number = Number(match[1]); number <= last; number += 1) numbers.add(number);
  }
  return ascending(numbers);
}
