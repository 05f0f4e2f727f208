/** One measured figure. */
export interface Figure {
  measure: string;
  unit: 'ms' | 'us' | 'MiB' | 'kB' | '%';
  /** null if it could not be measured; `note` says why. */
  value: number | null;
  /** The value should be at most this; null = there is no aim. */
  aim: number | null;
  note: string;
}

/** Makes a figure. A `value` that is not finite counts as not measured. */
export function figure(
  measure: string,
  value: number,
  unit: Figure['unit'],
  aim: number | null = null,
  note = '',
): Figure {
  return { measure, unit, value: Number.isFinite(value) ? value : null, aim, note };
}

/** The value below which the share `q` (0..1) of `values` lies (nearest rank); NaN without values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

/** The median of `values`; NaN without values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The figures as a table for people. */
export function tableText(figures: readonly Figure[]): string {
  const rows = figures.map((one) => [
    one.measure,
    one.value === null ? 'not measured' : `${rounded(one.value)} ${one.unit}`,
    one.aim === null ? '' : `<= ${one.aim} ${one.unit}`,
    { true: 'yes', false: 'NO', null: '' }[String(isMet(one)) as 'true' | 'false' | 'null'],
    one.note,
  ]);
  return alignedText([['measure', 'value', 'aim', 'met', ''], ...rows], [1]);
}

/** Rows as a table of columns of equal width; `right`: the columns whose cells stand at the right, such as numbers. */
export function alignedText(rows: readonly string[][], right: readonly number[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const padded = (row: string[]) =>
    row.map((cell, i) => (right.includes(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)));
  return `${rows.map((row) => padded(row).join('  ').trimEnd()).join('\n')}\n`;
}

/** Whether the aim is met; null without an aim or a value. */
function isMet({ value, aim }: Figure): boolean | null {
  return value === null || aim === null ? null : value <= aim;
}

/** A number with three digits or so. */
export function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
