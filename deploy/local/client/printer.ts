import type { Table } from '../api/table.ts';

/** Prints tables as kubectl does; over several (a watch) the columns keep the widths of the first. */
export class TablePrinter {
  readonly #print: (text: string) => void;
  readonly #wide: boolean;
  #columns: { name: string; at: number; width: number }[] = [];

  /** `wide`: also the columns that kubectl shows with `-o wide` alone. */
  constructor(print: (text: string) => void, wide: boolean) {
    this.#print = print;
    this.#wide = wide;
  }

  /** Prints the rows, and before the first ones the names of the columns. */
  add(table: Table): void {
    if (this.#columns.length === 0) {
      this.#columns = table.columnDefinitions
        .map((column, at) => ({ name: column.name.toUpperCase(), at, priority: column.priority }))
        .filter((column) => this.#wide || column.priority === 0)
        .map(({ name, at }) => ({
          name,
          at,
          width: widest(
            name,
            table.rows.map((row) => row.cells[at]),
          ),
        }));
      this.#line(this.#columns.map((column) => column.name));
    }
    for (const row of table.rows) this.#line(this.#columns.map((column) => printable(row.cells[column.at])));
  }

  #line(cells: string[]): void {
    const padded = cells.map((cell, i) => cell.padEnd(this.#columns[i]?.width ?? 0));
    this.#print(`${padded.join('   ').trimEnd()}\n`);
  }
}

function widest(name: string, cells: (string | number | undefined)[]): number {
  return Math.max(name.length, ...cells.map((cell) => printable(cell).length));
}

/** Without control characters: what comes from a cluster must not steer the terminal. */
function printable(cell: string | number | undefined): string {
  return String(cell ?? '').replace(/\p{Cc}/gu, ' ');
}
