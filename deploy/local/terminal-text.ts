import { UNPRINTABLE } from '../../server/runtime/unprintable.ts';

/** Replaces unprintable characters other than line breaks and tabs, because texts of a cluster must not control the terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => (char === '\n' || char === '\t' ? char : ' '));
}

/** A printable text without line breaks and tabs: a name must not look like another line of a table. */
export function oneLine(text: string): string {
  return printable(text).replace(/\s/g, ' ');
}

/** Lines up the cells of a table: one text per row, without blanks at its end. */
export function columns(rows: readonly string[][], widths: readonly number[] = widthsOf(rows)): string[] {
  return rows.map((cells) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('   ')
      .trimEnd(),
  );
}

/** The width of each column: that of its longest cell. */
export function widthsOf(rows: readonly string[][]): number[] {
  return (rows[0] ?? []).map((_, i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0)));
}
