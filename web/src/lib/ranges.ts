/** Sets of whole numbers as short text, such as `0-5,9`, for addresses and requests. */

/** The distinct numbers, ascending. */
export function ascending(numbers: Iterable<number>): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** A set of numbers as text, ascending. */
export function formatRanges(numbers: Iterable<number>): string {
  const sorted = ascending(numbers);
  const ranges: string[] = [];
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    end = start + 1;
    while (end < sorted.length && sorted[end] === (sorted[end - 1] as number) + 1) end += 1;
    ranges.push(end - start === 1 ? `${sorted[start]}` : `${sorted[start]}-${sorted[end - 1]}`);
  }
  return ranges.join(",");
}

/** The numbers below `limit` in a text, ascending; invalid parts are ignored. */
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
