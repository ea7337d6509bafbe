let context: CanvasRenderingContext2D | null | undefined;

/** Width of a text in CSS pixels. */
export function textWidth(text: string, font: string): number {
  context ??= document.createElement("canvas").getContext("2d");
  if (!context) return 0.6 * parseFloat(font) * text.length;
  context.font = font;
  return context.measureText(text).width;
}

/** A text with a capital at its beginning. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A template with its placeholders in braces replaced. */
export function fill(template: string, words: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (placeholder, name: string) => words[name] ?? placeholder);
}

/** A shorter text would be meaningless. */
const LEAST_LETTERS = 5;

/** A text shortened to a width by leaving out its middle, as names often differ at their ends. */
export function shortened(text: string, width: number, measure: (text: string) => number): string {
  if (measure(text) <= width) return text;
  const shortenedTo = (letters: number): string => {
    const front = Math.ceil((2 * letters) / 3);
    return `${text.slice(0, front).trimEnd()}…${text.slice(text.length - (letters - front)).trimStart()}`;
  };
  let [fits, tooLong] = [0, text.length];
  while (tooLong - fits > 1) {
    const letters = (fits + tooLong) >> 1;
    if (measure(shortenedTo(letters)) <= width) fits = letters;
    else tooLong = letters;
  }
  return fits >= LEAST_LETTERS ? shortenedTo(fits) : "";
}

/** A class's name after "a" or "an"; as it is if it is a number or a proper name. */
export function withArticle(name: string): string {
  if (!/^[a-z]/.test(name)) return name;
  return `${/^[aeiou]/.test(name) ? "an" : "a"} ${name}`;
}
