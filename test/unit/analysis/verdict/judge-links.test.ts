import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Clause, parseClause } from '../../../../server/analysis/verdict/parse-clause.ts';
import { judge } from '../../../../server/analysis/verdict/verdict.ts';
import { parseDurationMs } from '../../../../server/config/parse.ts';
import { emptyLinks, emptyStats, FLAG_NOT_YET, NONE16, pack16, unpack16 } from '../../../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../../../server/protocol/mesh.ts';
import type { VerdictAnswer } from '../../../../server/protocol/verdict.ts';
import { mergedReportOf, meshOf, podsOf } from '../../../support/mesh.ts';

const WINDOW_MS = 30_000;
/** The most links that are looked at in one step. */
const MOST = 1_024;

function judged(mesh: Mesh, clauses: Clause[]): { answer: VerdictAnswer; steps: number } {
  const work = judge(mesh, clauses, WINDOW_MS);
  for (let steps = 1; ; steps++) {
    const step = work.next();
    if (step.done === true) return { answer: step.value, steps };
  }
}

/** What the documentation says of one clause and one link; null = too little is known. */
function says({ condition, stat, min }: Clause, report: MergedReport, i: number): boolean | null {
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
  const { operator, limitUs } = condition;
  return { '<': us < limitUs, '<=': us <= limitUs, '>': us > limitUs, '>=': us >= limitUs }[operator];
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
  ...['healthy', 'healthy,min=2', 'failed', 'failed,min=3', 'latency<50ms', 'latency<=50ms,min=2', 'latency>200ms'],
  ...['latency>=200ms,stat=p95', 'latency<1us', 'latency>=0s,stat=max', 'latency>1h', 'latency<1h', 'latency<0s'],
);

describe('each link', () => {
  it('is judged as the documentation says, whatever it has seen', () => {
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
        const clauses = texts.map((one) => parseClause(`${one},from=pod-0`, parseDurationMs));
        const { answer } = judged(meshOf(podsOf(seen.length), [report]), clauses);
        for (const [k, clause] of clauses.entries()) {
          const said = seen.map((_, i) => says(clause, report, i));
          const verdict = said.includes(false) ? 'fail' : said.includes(null) ? 'unknown' : 'pass';
          expect([answer.clauses[k], clause.condition]).toEqual([verdict, clause.condition]);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a large mesh', () => {
  const LINKS = 40_000;
  /** One report of many links; counts how many of them have been read. */
  function longReport() {
    const counted = { reads: 0 };
    const links = emptyLinks(LINKS);
    for (let i = 0; i < LINKS; i++) links.to[i] = i;
    const flags = new Proxy(links.flags, {
      get: (column, key) => {
        counted.reads += 1;
        return Reflect.get(column, key, column);
      },
    });
    const stats = emptyStats(LINKS);
    stats.samples.fill(10);
    const mesh = { ...meshOf(podsOf(3), []), pods: podsOf(LINKS) };
    return { counted, mesh: { ...mesh, reports: [mergedReportOf(0, [], { links: { ...links, flags }, stats })] } };
  }

  it('is passed over in steps of few links each, the more of them the more clauses there are', () => {
    const { counted, mesh } = longReport();
    const texts = ['healthy,from=pod-0', 'latency<50ms,from=pod-0,to=pod-1*', 'failed,from=pod-0,self=exclude'];
    const clauses = Array.from({ length: 20 }, (_, i) => parseClause(texts[i % 3] ?? '', parseDurationMs));
    let most = 0;
    let steps = 0;
    for (const _ of judge(mesh, clauses, WINDOW_MS)) {
      most = Math.max(most, counted.reads);
      counted.reads = 0;
      steps += 1;
    }
    expect(most).toBeLessThanOrEqual(MOST);
    expect(steps).toBeGreaterThanOrEqual((20 * LINKS) / MOST);
  });
});
