/** Formats JSON with indentation; returns other text unchanged. */
export function prettyJson(text: string): string {
  const first = text.trimStart()[0];
  if (first !== '{' && first !== '[') return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The lines that contain `filter` (ignoring case; '' = all), their number, and the number of all lines. */
export function keptLines(text: string, filter: string): { text: string; lines: number; all: number } {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const wanted = filter.toLowerCase();
  const kept = wanted === '' ? lines : lines.filter((line) => line.toLowerCase().includes(wanted));
  return { text: kept.join('\n'), lines: kept.length, all: lines.length };
}
