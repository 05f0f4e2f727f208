/**
 * The two text formats that Prometheus reads: the classic one
 * (https://prometheus.io/docs/instrumenting/exposition_formats/) and OpenMetrics 1.0 (https://openmetrics.io).
 * They differ in the head of a counter, in how a bucket's bound is written, and in the end mark.
 */
export type Format = 'text' | 'openmetrics';

/** Kinds of metric family that we expose. A summary of ours has no quantiles, only sum and count. */
export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary';

/** What stands above the series of one name. Counters are named with their `_total`. */
export interface FamilyHead {
  name: string;
  type: FamilyType;
  help: string;
}

/** What OpenMetrics must end with; the classic format has no end mark. */
export const END_MARK = '# EOF\n';

const CONTENT_TYPES: Record<Format, string> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** The `Content-Type` of a format. */
export function contentTypeOf(format: Format): string {
  return CONTENT_TYPES[format];
}

/** The most of an `Accept` header that is looked at, in characters. */
const MAX_ACCEPT_LENGTH = 1000;

/**
 * The format that an `Accept` header asks for: OpenMetrics where it is named and weighs at least as much as the classic
 * text, otherwise the classic text, which every scraper reads.
 */
export function formatFor(accept: string | undefined): Format {
  let openMetrics = 0;
  let text = 0;
  for (const range of (accept ?? '').slice(0, MAX_ACCEPT_LENGTH).toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    if (type === 'application/openmetrics-text') openMetrics = Math.max(openMetrics, quality);
    if (type === 'text/plain') text = Math.max(text, quality);
  }
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'text';
}

/** The `# HELP` and `# TYPE` lines. `help` is ours: one line without backslashes. */
export function headText(head: FamilyHead, format: Format): string {
  const isShortened = format === 'openmetrics' && head.type === 'counter';
  const name = isShortened ? head.name.replace(/_total$/, '') : head.name;
  return `# HELP ${name} ${head.help}\n# TYPE ${name} ${head.type}\n`;
}

/** A bucket's upper bound in seconds; OpenMetrics wants a point in it (`1.0`), the classic format has none (`1`). */
export function boundText(bound: number, format: Format): string {
  if (bound === Number.POSITIVE_INFINITY) return '+Inf';
  return format === 'openmetrics' && Number.isInteger(bound) ? `${bound}.0` : `${bound}`;
}

/** One series: `name{labels} value`. `labels` as `labelText` gives them. */
export function seriesText(name: string, labels: string, value: number): string {
  return `${name}{${labels}} ${value}\n`;
}
