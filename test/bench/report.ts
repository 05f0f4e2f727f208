/** One line of the bench. */
export interface Line {
  measure: string;
  unit: 'ms' | 'us' | 'MiB' | 'kB' | '%';
  /** null if it could not be measured; `note` says why. */
  value: number | null;
  /** The most it should be; null where nothing is aimed at. */
  aim: number | null;
  note: string;
}

/** A line with its value, and what was aimed at. */
export function line(measure: string, value: number, unit: Line['unit'], aim: number | null = null, note = ''): Line {
  return { measure, unit, value: Number.isFinite(value) ? value : null, aim, note };
}

/** Whether the aim is met; null where there is none or no figure. */
export function isMet({ value, aim }: Line): boolean | null {
  return value === null || aim === null ? null : value <= aim;
}

/** The lines as a table for people. */
export function tableText(lines: readonly Line[]): string {
  const reports = lines.map((one) => [
    one.measure,
    one.value === null ? 'not measured' : `${short(one.value)} ${one.unit}`,
    one.aim === null ? '' : `<= ${one.aim} ${one.unit}`,
    { true: 'yes', false: 'NO', null: '' }[String(isMet(one)) as 'true' | 'false' | 'null'],
    one.note,
  ]);
  const all = [['measure', 'value', 'aim', 'met', ''], ...reports];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((report) => report[column]?.length ?? 0))) ?? [];
  const text = (report: string[]) =>
    report.map((cell, i) => (i === 1 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)));
  return `${all.map((report) => text(report).join('  ').trimEnd()).join('\n')}\n`;
}

/** The lines as JSON for programs. */
export function jsonText(lines: readonly Line[]): string {
  return `${JSON.stringify({ node: process.version, lines: lines.map((one) => ({ ...one, met: isMet(one) })) }, null, 2)}\n`;
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
