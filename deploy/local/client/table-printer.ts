import type { Table } from '../api/table.ts';

/** Prints tables as kubectl does. The tables of a watch keep the column widths of the first one. */
export class TablePrinter {
  readonly #print: (text: string) => void;
  readonly #wide: boolean;
  #columns: { name: string; index: number; width: number }[] = [];

  /** `wide` also shows the columns that kubectl shows only with `-o wide`. */
  constructor(print: (text: string) => void, wide: boolean) {
    this.#print = print;
    this.#wide = wide;
  }

  /** Prints the rows of a table, after the column names if it is the first table. */
  add({ columnDefinitions, rows }: Table): void {
    if (this.#columns.length === 0) {
      this.#columns = columnDefinitions
        .map(({ name, priority }, index) => ({ name: name.toUpperCase(), index, priority }))
        .filter(({ priority }) => this.#wide || priority === 0)
        .map(({ name, index }) => {
          const width = Math.max(name.length, ...rows.map((row) => printable(row.cells[index]).length));
          return { name, index, width };
        });
      this.#printLine(this.#columns.map((column) => column.name));
    }
    for (const { cells } of rows) this.#printLine(this.#columns.map((column) => printable(cells[column.index])));
  }

  #printLine(cells: string[]): void {
    const padded = cells.map((cell, i) => cell.padEnd(this.#columns[i]?.width ?? 0));
    this.#print(`${padded.join('   ').trimEnd()}\n`);
  }
}

/** Replaces control characters, because texts of a cluster must not control the terminal. */
function printable(cell: string | number | undefined): string {
  return String(cell ?? '').replace(/\p{Cc}/gu, ' ');
}
