/** Replaces control characters other than line breaks and tabs, because texts of a cluster must not control the terminal. */
export function printable(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, ' ');
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
