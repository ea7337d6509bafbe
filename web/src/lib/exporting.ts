/** Pictures and numbers of a view as files. Nothing leaves the machine: the page makes the files itself. */

/** Hand a file to the browser's downloads. */
export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has begun once the click is handled.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  });
}

export function saveCsv(text: string, name: string): void {
  save(new Blob([text], { type: "text/csv;charset=utf-8" }), name);
}

/** Save an SVG element as it looks now. */
export function saveSvg(svg: SVGSVGElement, name: string): void {
  save(new Blob([svgText(svg)], { type: "image/svg+xml;charset=utf-8" }), name);
}

/** Save all canvases and SVG elements of a part of the page, where they stand, as one SVG file. */
export function savePicture(root: HTMLElement, name: string): void {
  save(new Blob([pictureText(root)], { type: "image/svg+xml;charset=utf-8" }), name);
}

/** A file's name: its parts in small letters, joined by dashes, such as `demo-pair-12-neurons.csv`. */
export function fileName(extension: string, ...parts: readonly (string | number)[]): string {
  const words = parts.map((part) =>
    String(part)
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-"),
  );
  return `${words.map((word) => word.replaceAll(/^-|-$/g, "")).join("-")}.${extension}`;
}

/** An SVG element as a file of its own: the page's styles are written into it, on the panel's background. */
export function svgText(svg: SVGSVGElement): string {
  const { width, height } = svg.getBoundingClientRect();
  const file = emptySvg(width, height, svg);
  file.append(standalone(svg, 0, 0));
  return serialize(file);
}

/** All canvases and SVG elements inside of an element, where they stand, as one SVG file. */
export function pictureText(root: HTMLElement): string {
  const frame = root.getBoundingClientRect();
  const file = emptySvg(frame.width, frame.height, root);
  for (const part of root.querySelectorAll("canvas, svg")) {
    // Parts of an SVG element come with it.
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

/** What of an element's computed style a picture needs; each is also an attribute of SVG. */
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
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

function emptySvg(width: number, height: number, behind: Element): SVGElement {
  const file = element("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  file.append(element("rect", { width, height, fill: background(behind) }));
  return file;
}

/** A copy that looks the same without the page's style sheets. */
function standalone(svg: SVGSVGElement, x: number, y: number): SVGElement {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  // The copy has the same elements in the same order, until hidden ones are taken out.
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

/** Color behind an element: that of the nearest ancestor which has one. */
function background(start: Element): string {
  for (let at: Element | null = start; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (color && color !== "transparent" && !/, 0\)$/.test(color)) return color;
  }
  return "#ffffff";
}
