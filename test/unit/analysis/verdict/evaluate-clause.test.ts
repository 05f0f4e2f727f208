import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Clause, meetsLimit, parseClause } from '../../../../server/analysis/verdict/parse-clause.ts';
import { judge } from '../../../../server/analysis/verdict/verdict.ts';
import { emptyLinks, emptyStats, FLAG_NOT_YET, NONE16, pack16, unpack16 } from '../../../../server/protocol/links.ts';
import type { MergedReport } from '../../../../server/protocol/mesh.ts';
import { runToEnd } from '../../../support/generator.ts';
import { mergedReportOf, meshOf, podsOf } from '../../../support/mesh.ts';
import { WINDOW_MS } from './scene.ts';

/** What docs/verdicts.md says about one clause and one link; null = unknown. */
function documented({ condition, stat, min }: Clause, report: MergedReport, i: number): boolean | null {
  const { stats, links } = report;
  if (stats === null || ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) return null;
  const all = stats.samples[i] ?? 0;
  const samples = Math.max(0, all - (stats.suspect[i] ?? 0)) || all;
  const hasFailed = links.outcome[i] !== 0;
  if (samples === 0) return null;
  if (condition.kind === 'healthy') {
    if ((stats.failures[i] ?? 0) > 0) return false;
    return samples < min || hasFailed ? null : true;
  }
  if (condition.kind === 'failed') return !hasFailed ? false : samples < min ? null : true;
  if (hasFailed) return false;
  const us = unpack16({ p50: stats.p50Us, p95: stats.p95Us, max: stats.maxUs }[stat][i] ?? NONE16);
  if (us < 0 || samples < min) return null;
  return meetsLimit(us, condition);
}

const link = fc.record({
  outcome: fc.constantFrom(0, 0, 1),
  flags: fc.constantFrom(0, 0, 0, FLAG_NOT_YET),
  samples: fc.nat(4),
  suspect: fc.nat(4),
  failures: fc.nat(1),
  us: fc.oneof(fc.constantFrom(-1, 0, 50_000, 200_000, 8_190 * 2 ** 14), fc.nat(400_000)),
});
const text = fc.constantFrom(
  'healthy',
  'healthy,min=2',
  'failed',
  'failed,min=3',
  'latency<50ms',
  'latency<=50ms,min=2',
  'latency>200ms',
  'latency>=200ms,stat=p95',
  'latency<1us',
  'latency>=0s,stat=max',
  'latency>1h',
  'latency<1h',
  'latency<0s',
);

it('each link is evaluated as docs/verdicts.md says, whatever its samples are', () => {
  fc.assert(
    fc.property(fc.array(link, { minLength: 1, maxLength: 8 }), fc.array(text, { maxLength: 5 }), (seen, texts) => {
      const [links, stats] = [emptyLinks(seen.length), emptyStats(seen.length)];
      for (const [i, { outcome, flags, samples, suspect, failures, us }] of seen.entries()) {
        links.to[i] = i;
        links.outcome[i] = outcome;
        links.flags[i] = flags;
        stats.samples[i] = samples;
        stats.suspect[i] = suspect;
        stats.failures[i] = failures;
        for (const column of [stats.p50Us, stats.p95Us, stats.maxUs]) column[i] = pack16(us);
      }
      const report = mergedReportOf(0, [], { links, stats });
      const clauses = texts.map((one) => parseClause(`${one},from=pod-0`));
      const { result } = runToEnd(judge(meshOf(podsOf(seen.length), [report]), clauses, WINDOW_MS));
      for (const [k, clause] of clauses.entries()) {
        const said = seen.map((_, i) => documented(clause, report, i));
        const verdict = said.includes(false) ? 'fail' : said.includes(null) ? 'unknown' : 'pass';
        expect([result.clauses[k], clause.condition]).toEqual([verdict, clause.condition]);
      }
    }),
    { numRuns: 500 },
  );
});

it.each([
  ['each report for each clause', () => 'healthy', 20 * 100],
  ['each pod for each pattern', (i: number) => `healthy,from=*???x${i},to=*???y${i}`, 2 * 20 * 100],
])('a large mesh is judged in short steps: %s', (_, text, steps) => {
  const mesh = meshOf(
    podsOf(100),
    podsOf(100).map((_pod, from) => mergedReportOf(from, [])),
  );
  const clauses = Array.from({ length: 20 }, (_, i) => parseClause(text(i)));
  expect(runToEnd(judge(mesh, clauses, WINDOW_MS)).steps).toBeGreaterThanOrEqual(steps);
});
