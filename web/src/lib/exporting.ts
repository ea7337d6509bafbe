/** Files that the page saves: nothing leaves the machine. */

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

/** A file name from lower-case parts joined by dashes, such as `demo-pair-12-neurons.csv`. */
export function fileName(extension: string, ...parts: readonly (string | number)[]): string {
  const words = parts.map((part) =>
    String(part)
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-"),
  );
  return `${words.map((word) => word.replaceAll(/^-|-$/g, "")).join("-")}.${extension}`;
}
