/** Pictures and numbers of a view as files, which the page creates itself: nothing leaves the machine. */

import { csvFormatRows } from "d3-dsv";

/** Download a file. */
export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has started once the click is handled.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  });
}

export function saveCsv(text: string, name: string): void {
  save(new Blob([text], { type: "text/csv;charset=utf-8" }), name);
}

export type CsvCell = string | number | null | undefined;

/**
 * Comma-separated values (RFC 4180); unknown numbers are empty cells. Texts that a spreadsheet would evaluate as a
 * formula get an apostrophe in front.
 */
export function csvText(names: readonly string[], rows: Iterable<readonly CsvCell[]>): string {
  const table = [names, ...rows].map((row) => row.map(cell));
  return `${csvFormatRows(table)}\n`;
}

function cell(value: CsvCell): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  // Class names come from the user's data, and may be "=HYPERLINK(...)".
  const isFormula = typeof value === "string" && /^[=+\-@\t\r]/.test(value);
  return isFormula ? `'${value}` : String(value);
}

/** Save an SVG element with its present appearance. */
export function saveSvg(svg: SVGSVGElement, name: string): void {
  save(new Blob([svgText(svg)], { type: "image/svg+xml;charset=utf-8" }), name);
}

/** Save all canvases and SVG elements of a part of the page, in their positions, as one SVG file. */
export function savePicture(root: HTMLElement, name: string): void {
  save(new Blob([pictureText(root)], { type: "image/svg+xml;charset=utf-8" }), name);
}

/** A file name from lower-case parts joined by dashes, such as `demo-pair-12-neurons.csv`. */
export function fileName(extension: string, ...parts: readonly (string | number)[]): string {
  const words = parts.map((part) =>
    String(part)
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-"),
  );
  return `${words.map((word) => word.replaceAll(/^-|-$/g, "")).join("-")}.${extension}`;
}

/** An SVG element as a standalone file, with the page's styles inlined, on the panel's background. */
export function svgText(svg: SVGSVGElement): string {
  const { width, height } = svg.getBoundingClientRect();
  const file = emptySvg(width, height, svg);
  file.append(standalone(svg, 0, 0));
  return serialize(file);
}

/** All canvases and SVG elements inside an element, in their positions, as one SVG file. */
export function pictureText(root: HTMLElement): string {
  const frame = root.getBoundingClientRect();
  const file = emptySvg(frame.width, frame.height, root);
  for (const part of root.querySelectorAll("canvas, svg")) {
    // Nested SVG elements are part of the outer one.
    if (part.parentElement?.closest("svg")) continue;
    const { left, top, width, height } = part.getBoundingClientRect();
    if (!width || !height || getComputedStyle(part).visibility === "hidden") continue;
    const [x, y] = [left - frame.left, top - frame.top];
    if (part instanceof HTMLCanvasElement) {
      const attributes = {
        x,
        y,
        width,
        height,
        href: part.toDataURL("image/png"),
        preserveAspectRatio: "none",
      };
      file.append(element("image", attributes));
    } else if (part instanceof SVGSVGElement) file.append(standalone(part, x, y));
  }
  return serialize(file);
}

const NAMESPACE = "http://www.w3.org/2000/svg";

/** Computed styles that affect a picture; each is also an SVG attribute. */
const STYLES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-opacity",
  "stroke-dasharray",
  "stroke-linecap",
  "stroke-linejoin",
  "opacity",
  "visibility",
  "font-family",
  "font-size",
  "font-style",
  "font-weight",
  "text-anchor",
  "dominant-baseline",
  "paint-order",
] as const;

function element(name: string, attributes: Record<string, string | number>): SVGElement {
  const created = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, String(value));
  return created;
}

function emptySvg(width: number, height: number, behind: Element): SVGElement {
  const file = element("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  file.append(element("rect", { width, height, fill: background(behind) }));
  return file;
}

/** A copy that looks the same without the page's style sheets. */
function standalone(svg: SVGSVGElement, x: number, y: number): SVGElement {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  // The copy has the same elements in the same order until hidden ones are removed.
  const copies = [copy, ...copy.querySelectorAll("*")];
  const pairs = [svg, ...svg.querySelectorAll("*")].map((shown, index) => ({
    shown,
    copied: copies[index] as Element,
  }));
  for (const { shown, copied } of pairs) {
    const style = getComputedStyle(shown);
    for (const name of STYLES) {
      const value = style.getPropertyValue(name);
      if (value) copied.setAttribute(name, value);
    }
    copied.removeAttribute("class");
    copied.removeAttribute("style");
  }
  for (const { shown, copied } of pairs) if (getComputedStyle(shown).display === "none") copied.remove();
  const { width, height } = svg.getBoundingClientRect();
  const place = { x, y, width, height };
  for (const [name, value] of Object.entries(place)) copy.setAttribute(name, String(value));
  return copy;
}

function serialize(file: SVGElement): string {
  return new XMLSerializer().serializeToString(file);
}

/** The color behind an element: that of the nearest ancestor that has one. */
function background(start: Element): string {
  for (let at: Element | null = start; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (color && color !== "transparent" && !/, 0\)$/.test(color)) return color;
  }
  return "#ffffff";
}
