import { csvFormatRows } from "d3-dsv";

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
