import { csvText } from "./exporting";

/** A table of numbers with named columns, as the server sends it: one contiguous array per column. */
export class Table {
  readonly #columns: ReadonlyMap<string, Float32Array | Float64Array>;

  constructor(
    readonly names: readonly string[],
    data: Float32Array | Float64Array,
    /** Number of rows. */
    readonly length: number,
  ) {
    this.#columns = new Map(
      names.map((name, index) => [name, data.subarray(index * length, (index + 1) * length)]),
    );
  }

  /** Values of one column; throws on an unknown name, which is a bug. */
  column(name: string): Float32Array | Float64Array {
    const column = this.#columns.get(name);
    if (!column) throw new Error(`no column ${name}; there are ${this.names.join(", ")}`);
    return column;
  }

  at(name: string, row: number): number {
    return this.column(name)[row] ?? Number.NaN;
  }

  /** Whether any row has a value in a column. */
  hasValues(name: string): boolean {
    return this.#columns.get(name)?.some((value) => !Number.isNaN(value)) ?? false;
  }

  /** Rows sorted by a column, stably; rows without a value come last. */
  order(name: string, direction: "ascending" | "descending"): Uint32Array {
    const values = this.column(name);
    const sign = direction === "ascending" ? 1 : -1;
    return Uint32Array.from(values.keys()).sort((a, b) => {
      const [left, right] = [values[a] as number, values[b] as number];
      if (Number.isNaN(left) || Number.isNaN(right)) {
        return Number(Number.isNaN(left)) - Number(Number.isNaN(right)) || a - b;
      }
      return sign * (left - right) || a - b;
    });
  }

  /** Comma-separated values: the row's number first, then its cells. */
  toCsv(rowName: string, rows: Iterable<number> = Array(this.length).keys()): string {
    const cells = Array.from(rows, (row) => [row, ...this.names.map((name) => this.at(name, row))]);
    return csvText([rowName, ...this.names], cells);
  }
}
