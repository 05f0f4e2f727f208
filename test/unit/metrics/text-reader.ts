/** One series as read back: name, labels and value. */
export interface ReadSeries {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** A family as read back. */
export interface ReadFamily {
  type: string;
  help: string;
  series: ReadSeries[];
}

const SUFFIXES: Record<string, string[]> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['_sum', '_count', ''],
};

/**
 * Reads an exposition strictly, as a scraper must: every family announced before its series, in one piece, no series
 * twice, nothing else. OpenMetrics in addition needs its end mark, and `_total` on the samples of counters alone.
 */
export function readExposition(text: string, format: 'text' | 'openmetrics' = 'text'): Map<string, ReadFamily> {
  const families = new Map<string, ReadFamily>();
  const seen = new Set<string>();
  let open = '';
  let help: { name: string; words: string } | null = null;
  if (!text.endsWith('\n')) throw new Error('does not end with a line feed');
  const lines = text.slice(0, -1).split('\n');
  if (format === 'openmetrics' && lines.pop() !== '# EOF') throw new Error('no end mark');
  for (const line of lines) {
    const head = /^# (HELP|TYPE) ([a-z][a-z0-9_]*) (.+)$/.exec(line);
    if (head?.[1] === 'HELP') {
      help = { name: head[2]!, words: head[3]! };
    } else if (head !== null) {
      const [, , name, type] = head as unknown as [string, string, string, string];
      if (families.has(name)) throw new Error(`${name} comes twice`);
      if (help?.name !== name) throw new Error(`${name} has no help`);
      families.set(name, { type, help: help.words, series: [] });
      open = name;
    } else {
      const series = readSeries(line);
      const family = families.get(open);
      if (family === undefined) throw new Error(`nothing announces ${line}`);
      const suffixes = format === 'openmetrics' && family.type === 'counter' ? ['_total'] : SUFFIXES[family.type];
      if (!suffixes?.some((suffix) => open + suffix === series.name)) throw new Error(`${series.name} within ${open}`);
      const key = keyOf(series);
      if (seen.has(key)) throw new Error(`series twice: ${key}`);
      seen.add(key);
      family.series.push(series);
    }
  }
  return families;
}

/** What tells a series from any other, in one string. */
export function keyOf(series: ReadSeries): string {
  return `${series.name}${JSON.stringify(Object.entries(series.labels).sort())}`;
}

function readSeries(line: string): ReadSeries {
  const match = /^([a-z][a-z0-9_]*)\{(.*)\} (\S+)$/s.exec(line);
  if (match === null) throw new Error(`no series: ${line}`);
  const [, name = '', inner = '', number = ''] = match;
  const labels: Record<string, string> = {};
  const one = /([a-z][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;
  while (one.lastIndex < inner.length) {
    const pair = one.exec(inner);
    if (pair === null) throw new Error(`bad labels: ${line}`);
    if (pair[1]! in labels) throw new Error(`label twice: ${line}`);
    labels[pair[1]!] = pair[2]!.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
  }
  const value = Number(number);
  if (Number.isNaN(value)) throw new Error(`no number: ${line}`);
  return { name, labels, value };
}
