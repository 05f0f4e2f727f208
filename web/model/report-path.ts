import type { TimeRange } from '../../server/runtime/time-range.ts';

/** The path of the report on what is compared, relative to the page. `expect`: the hypothesis, clause by clause. */
export function reportPath(ranges: readonly TimeRange[], expect: readonly string[]): string {
  return `api/v1/report?${comparisonQuery(ranges, expect)}`;
}

/** The query of a report or comparison of two or three ranges: before, during, after. */
export function comparisonQuery([before, during, after]: readonly TimeRange[], expect: readonly string[]): string {
  const text = ({ fromMs, toMs }: TimeRange) => `${fromMs}-${toMs}`;
  const query = new URLSearchParams();
  if (during !== undefined) {
    query.set('from', String(during.fromMs));
    query.set('to', String(during.toMs));
  }
  if (before !== undefined) query.set('before', text(before));
  if (after !== undefined) query.set('after', text(after));
  for (const clause of expect) query.append('expect', clause);
  return query.toString();
}
