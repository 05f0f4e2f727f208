import { describe, expect, it } from 'vitest';
import { parseClause } from '../../../../server/analysis/verdict/parse-clause.ts';
import { judge } from '../../../../server/analysis/verdict/verdict.ts';
import { parseDurationMs } from '../../../../server/config/parse.ts';
import { pack16 } from '../../../../server/protocol/links.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import { meshOf, NOW_MS, settingsOf, statusOf } from '../../../support/mesh.ts';
import { MeshBuilder } from '../../../support/mesh-builder.ts';

const WINDOW_MS = 30_000;

/** What is said of four pods, all healthy but for how they are spoiled. */
function verdictOf(
  texts: string | string[],
  spoil: (builder: MeshBuilder) => void = () => {},
  change: Partial<Mesh> = {},
) {
  const builder = new MeshBuilder(4);
  spoil(builder);
  const mesh = meshOf(builder.pods, builder.reports, { settings: settingsOf({ refreshIntervalMs: 2_000 }), ...change });
  const clauses = [texts].flat().map((text) => parseClause(text, parseDurationMs));
  const work = judge(mesh, clauses, WINDOW_MS);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

describe('of several clauses', () => {
  it('one that is unknown keeps the others from a pass, and one that fails fails all', () => {
    const nobody = 'healthy,to=nobody';
    expect(verdictOf(['healthy', nobody])).toMatchObject({
      ok: false,
      verdict: 'unknown',
      clauses: ['pass', 'unknown'],
    });
    expect(verdictOf([nobody, 'healthy'])).toMatchObject({
      ok: false,
      verdict: 'unknown',
      clauses: ['unknown', 'pass'],
    });
    expect(verdictOf(['healthy', nobody, 'failed'])).toMatchObject({ ok: false, verdict: 'fail' });
    expect(verdictOf(['healthy', nobody]).reason).toContain('healthy,to=pod:nobody: no pod is as to= says');
  });
});

describe('a report that is missing', () => {
  const silent = (builder: MeshBuilder) => builder.silence(1);

  it.each([
    ['healthy,self=only', 'unknown', 'its own link is one that is asked for'],
    ['healthy,self=exclude,to=pod-1', 'pass', 'its own link is the only one that it has to tell of'],
    ['healthy,to=pod-1', 'unknown', 'its own link counts'],
    ['healthy,self=only,to=pod-2', 'pass', 'another one is asked for its own link'],
    ['healthy,self=exclude,to=pod-2', 'unknown', 'it has to tell of that pod'],
  ])('%s: %s, as %s', (text, expected) => {
    expect(verdictOf(text, silent).verdict).toBe(expected);
  });

  it('to itself is not needed to tell that a pod fails', () => {
    const down = (builder: MeshBuilder) => {
      builder.each((_, to) => to === 1, { outcome: 'refused', phase: 'connect' });
      silent(builder);
    };
    expect(verdictOf('failed,to=pod-1', down).verdict).toBe('pass');
    expect(verdictOf('failed,to=pod-1,self=only', down).verdict).toBe('unknown');
  });
});

describe('a link that nobody tells of', () => {
  const unheard = (from: number, to: number) => (builder: MeshBuilder) => {
    const report = builder.reports[from];
    const at = (to - from + 4) % 4;
    // The place of the link is taken by another to a pod that is told of anyway.
    if (report !== undefined) report.links.to[at] = (to + 1) % 4;
  };

  it('is missed where the clause is about it', () => {
    expect(verdictOf('healthy', unheard(0, 2)).verdict).toBe('unknown');
    expect(verdictOf('healthy,self=exclude', unheard(0, 2)).verdict).toBe('unknown');
    expect(verdictOf('healthy,self=only', unheard(0, 2)).verdict).toBe('pass');
    expect(verdictOf('healthy,self=only', unheard(2, 2)).verdict).toBe('unknown');
    expect(verdictOf('healthy,self=exclude', unheard(2, 2)).verdict).toBe('pass');
  });
});

it('a pod that speaks Goldpinger has not pinged in the window if its newest ping is older', () => {
  const aged = (ageMs: number) => (builder: MeshBuilder) => {
    const [report] = builder.reports;
    if (report === undefined) return;
    report.links.ageMs.fill(pack16(ageMs));
    builder.reports[0] = { ...report, via: 'check', stats: null };
  };
  expect(verdictOf('healthy', aged(WINDOW_MS - 1_000)).verdict).toBe('pass');
  expect(verdictOf('healthy', aged(WINDOW_MS + 1_000))).toMatchObject({ verdict: 'unknown', samples: 120 });
});

describe('a stretch of the past', () => {
  const past = { fromMs: NOW_MS - 90_000, toMs: NOW_MS - 60_000, resolutionMs: 0 };

  it('says how coarse the summaries are that it was made of', () => {
    expect(verdictOf('healthy').resolution_s).toBeNull();
    expect(verdictOf('healthy', undefined, { past }).resolution_s).toBe(0);
    expect(verdictOf('healthy', undefined, { past: { ...past, resolutionMs: 30_000 } }).resolution_s).toBe(30);
  });

  it('is not known either where the list of pods was old at its end', () => {
    const stale = (sinceMs: number) => statusOf({ phase: 'stale', sinceMs });
    const answer = verdictOf('healthy', undefined, { discovery: stale(past.toMs - 10_000), past });
    expect([answer.verdict, answer.reason]).toEqual(['unknown', expect.stringContaining('may be out of date')]);
    expect(verdictOf('healthy', undefined, { discovery: stale(past.toMs - 3_000), past }).verdict).toBe('pass');
  });

  it('does not lack anything because the list of pods is old by now, and says when it was put together', () => {
    const discovery = statusOf({ phase: 'stale', sinceMs: NOW_MS - 50_000 });
    expect(verdictOf('healthy', undefined, { discovery }).verdict).toBe('unknown');
    const spoil = (builder: MeshBuilder) => {
      for (const [i, report] of builder.reports.entries()) builder.reports[i] = { ...report, atMs: past.toMs };
    };
    const answer = verdictOf('healthy', spoil, { discovery, past });
    expect([answer.verdict, answer.generated_at]).toEqual(['pass', new Date(NOW_MS).toISOString()]);
  });
});
