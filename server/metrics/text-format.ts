/**
 * The two text formats that Prometheus reads: the classic one
 * (https://prometheus.io/docs/instrumenting/exposition_formats/) and OpenMetrics 1.0 (https://openmetrics.io).
 * They differ in the head of a counter, in how the bound of a bucket is written, and in the end mark.
 */
export type Format = 'text' | 'openmetrics';

/** The kinds of metric family that we expose. Our summaries have no quantiles, only sum and count. */
type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary';

/** What is written above the series of one name. The name of a counter includes its `_total`. */
export interface FamilyHead {
  name: string;
  type: FamilyType;
  help: string;
}

/** The end of an OpenMetrics text; the classic format has no end mark. */
export const END_MARK = '# EOF\n';

/** The `Content-Type` of each format. */
export const CONTENT_TYPES: Record<Format, string> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * The format that an `Accept` header asks for: OpenMetrics if the header names it with at least the weight of the classic
 * text, otherwise the classic text, which every scraper reads.
 */
export function formatFor(accept = ''): Format {
  // Parameters other than q are ignored; `req.accepts` would not.
  const ranges = accept.slice(0, 1000).toLowerCase().split(',');
  const weightOf = (type: string) => {
    const range = ranges.find((text) => text.split(';', 1)[0]?.trim() === type);
    return range === undefined ? 0 : Number(/;\s*q=([^;]*)/.exec(range)?.[1] ?? 1);
  };
  const openMetrics = weightOf('application/openmetrics-text');
  return openMetrics > 0 && openMetrics >= weightOf('text/plain') ? 'openmetrics' : 'text';
}

/** The `# HELP` and `# TYPE` lines. `help` is one line without backslashes. */
export function headText(head: FamilyHead, format: Format): string {
  const isShortened = format === 'openmetrics' && head.type === 'counter';
  const name = isShortened ? head.name.replace(/_total$/, '') : head.name;
  return `# HELP ${name} ${head.help}\n# TYPE ${name} ${head.type}\n`;
}

/** One series: `name{labels} value`. `labels` as written by `labelText`. */
export function seriesText(name: string, labels: string, value: number): string {
  return `${name}{${labels}} ${value}\n`;
}

/** The longest label value, in UTF-16 units: the length of the longest name that Kubernetes allows. */
export const MAX_LABEL_LENGTH = 253;

// Most values are plain names and addresses, for which one quick test is enough.
const PLAIN = /^[\w .:/-]*$/;
// Some scrapers end the text at a NUL; the other control characters do not belong into a name either.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern looks for control characters.
const REPLACED = /[\u0000-\u0009\u000b-\u001f\u007f]|\p{Surrogate}/gu;
const ESCAPED = /[\\"\n]/g;

/** Cuts a label value to its longest length. Counting must use the cut value, or two series would look alike. */
export function bounded(value: string): string {
  return value.slice(0, MAX_LABEL_LENGTH);
}

/**
 * Writes a label value as it stands between quotes: at most `MAX_LABEL_LENGTH` units of the value, with backslash, quote
 * and line feed escaped, and with other control characters and broken surrogates replaced by U+FFFD.
 */
export function labelValue(value: string): string {
  const short = bounded(value);
  if (PLAIN.test(short)) return short;
  return short.replace(REPLACED, '\ufffd').replace(ESCAPED, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}

/** Writes labels without braces (`a="1",b="2"`), in the given order. The names are ours and need no escaping. */
export function labelText(labels: Readonly<Record<string, string | number>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${labelValue(String(value))}"`)
    .join(',');
}
