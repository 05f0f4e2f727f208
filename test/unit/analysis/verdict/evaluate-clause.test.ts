import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ClauseEvaluation } from '../../../../server/analysis/verdict/evaluate-clause.ts';
import { type Clause, meetsLimit, parseClause } from '../../../../server/analysis/verdict/parse-clause.ts';
import { judge } from '../../../../server/analysis/verdict/verdict.ts';
import { emptyLinks, emptyStats, FLAG_NOT_YET, NONE16, pack16, unpack16 } from '../../../../server/protocol/links.ts';
import type { MergedReport } from '../../../../server/protocol/mesh.ts';
import { runToEnd } from '../../../support/generator.ts';
import { mergedReportOf, meshOf, podOf, podsOf } from '../../../support/mesh.ts';
import { WINDOW_MS } from './scene.ts';

/** The most links that are evaluated in one step. */
const MAX_STEP_LINKS = 1_024;

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

describe('each link', () => {
  it('is evaluated as docs/verdicts.md says, whatever its samples are', () => {
    fc.assert(
      fc.property(fc.array(link, { minLength: 1, maxLength: 8 }), fc.array(text, { maxLength: 5 }), (seen, texts) => {
        const report = mergedReportOf(0, [], { links: emptyLinks(seen.length), stats: emptyStats(seen.length) });
        for (const [i, { outcome, flags, samples, suspect, failures, us }] of seen.entries()) {
          Object.assign(report.links.to, { [i]: i });
          report.links.outcome[i] = outcome;
          report.links.flags[i] = flags;
          Object.assign(report.stats?.samples ?? [], { [i]: samples });
          Object.assign(report.stats?.suspect ?? [], { [i]: suspect });
          Object.assign(report.stats?.failures ?? [], { [i]: failures });
          for (const column of [report.stats?.p50Us, report.stats?.p95Us, report.stats?.maxUs]) {
            Object.assign(column ?? [], { [i]: pack16(us) });
          }
        }
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
});

describe('a large mesh', () => {
  const LINKS = 40_000;
  /** The links that each step looks at, for 20 clauses and `reports` reports of `links` links each. */
  function stepsOf(reports: number, links: number): number[] {
    const pods = podsOf(Math.max(reports, links));
    const specs = Array.from({ length: links }, (_, to) => ({ to }));
    const stats = emptyStats(links);
    stats.samples.fill(10);
    const all = Array.from({ length: reports }, (_, from) => mergedReportOf(from, specs, { stats }));
    const mesh = { ...meshOf(podsOf(3), []), pods, reports: all };
    const texts = ['healthy', 'latency<50ms,to=pod-1*', 'failed,self=exclude'];
    const clauses = Array.from({ length: 20 }, (_, i) => parseClause(texts[i % 3] ?? ''));
    const evaluated = vi.spyOn(ClauseEvaluation.prototype, 'evaluate');
    onTestFinished(() => evaluated.mockRestore());
    const steps: number[] = [];
    for (const _ of judge(mesh, clauses, WINDOW_MS)) {
      steps.push(evaluated.mock.calls.length * links);
      evaluated.mockClear();
    }
    return steps;
  }

  it('is evaluated in steps of a few small reports, or of one clause on a large one', () => {
    const small = stepsOf(200, 10);
    expect(Math.max(...small)).toBeLessThanOrEqual(MAX_STEP_LINKS);
    expect(small.length).toBeGreaterThanOrEqual((20 * 200 * 10) / MAX_STEP_LINKS);
    const large = stepsOf(1, LINKS);
    expect(Math.max(...large)).toBe(LINKS);
    expect(large.filter((links) => links > 0)).toHaveLength(20);
  });

  it('whose reports list no link yet is evaluated in short steps, too', () => {
    const pods = podsOf(LINKS);
    const mesh = { ...meshOf(podsOf(3), []), pods, reports: [mergedReportOf(0, [], { links: emptyLinks(0) })] };
    const clauses = Array.from({ length: 20 }, () => parseClause('healthy,from=pod-0'));
    const added = vi.spyOn(ClauseEvaluation.prototype, 'addUnlisted');
    onTestFinished(() => added.mockRestore());
    let most = 0;
    let all = 0;
    for (const _ of judge(mesh, clauses, WINDOW_MS)) {
      most = Math.max(most, added.mock.calls.length);
      all += added.mock.calls.length;
      added.mockClear();
    }
    expect(all + added.mock.calls.length).toBe(20 * LINKS);
    expect(most).toBeLessThan(MAX_STEP_LINKS + clauses.length);
  });

  it('is searched for pods in short steps, whatever the patterns are', () => {
    const pods = Array.from({ length: 1_000 }, (_, i) => podOf(i));
    const steps = (clause: (i: number) => string) => {
      const clauses = Array.from({ length: 8 }, (_, i) => parseClause(clause(i)));
      return runToEnd(judge(meshOf(pods, []), clauses, WINDOW_MS)).steps;
    };
    expect(steps((i) => `healthy,from=*???x${i},to=*???y${i}`)).toBeGreaterThan(16 * 6);
    const long = '*?'.repeat(100);
    expect(steps((i) => `healthy,from=${long}${i},to=pod-1`)).toBeGreaterThan(8 * 50);
    // A pattern that all clauses share is evaluated once.
    expect(steps(() => `healthy,from=${long}`)).toBeLessThan(200);
  });
});
