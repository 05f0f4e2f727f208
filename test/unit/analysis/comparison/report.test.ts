import { describe, expect, it } from 'vitest';
import { targetsOf } from '../../../../server/analysis/comparison/compare.ts';
import { createReporter } from '../../../../server/analysis/comparison/report.ts';
import { missingReport } from '../../../../server/peers/merged-report.ts';
import { MAX_REPORT_EVENTS, parseReport } from '../../../../server/protocol/comparison.ts';
import type { Finding } from '../../../../server/protocol/finding.ts';
import { LATE_ANSWER, NOW_MS } from '../../../support/mesh.ts';
import {
  annotationsOf,
  depsOf,
  eventOf,
  eventsOf,
  FROM_MS,
  markOf,
  reportOf,
  slowReport,
  spoiled,
  TO_MS,
  verdictOf,
  wishOf,
} from './scene.ts';

const dataOf = async (...scene: Parameters<typeof reportOf>) => (await reportOf(...scene)).data;

describe('the report of experiment 2', () => {
  it('has the slow report as target, a quarter of all links, no collateral, and what it did before and after', async () => {
    const report = await dataOf({ hypothesis: { judge: async () => verdictOf('pass') } });
    expect(report.verdict.verdict).toBe('pass');
    expect(report.targets).toEqual({ by: 'finding', count: 1, names: ['pod-3'] });
    expect(report.affected).toMatchObject({ links: 4, of: 16, stillBad: 0, unprobed: 0 });
    expect(report.affected.to).toEqual({ count: 1, names: ['pod-3'] });
    expect(report.affected.from.count).toBe(4);
    expect(report.collateral).toEqual({ count: 0, names: [] });
    expect(report.figures.affected.before).toMatchObject({ links: 4, failed: 0, slow: 0, p50Us: 500 });
    expect(report.figures.affected.during).toMatchObject({ links: 4, failed: 0, slow: 4, p50Us: 251_200 });
    expect(report.figures.affected.after).toMatchObject({ links: 4, failed: 0, slow: 0, p50Us: 500 });
    expect(report.figures.others.during).toMatchObject({ links: 12, failed: 0, slow: 0, p50Us: 500 });
    expect(report.figures.all.during).toMatchObject({ links: 16, slow: 4 });
    expect(report.changed.map(({ from, to }) => `${from} ${to}`).sort()).toEqual(
      [0, 1, 2, 3].map((from) => `pod-${from} pod-3`),
    );
    expect(report.changed.every(({ affected, touchesTarget }) => affected && touchesTarget)).toBe(true);
    expect(report.unlisted).toEqual({ links: 12, maxChangeUs: 0 });
    expect(report.unknown).toEqual([]);
    expect(report.findings).toMatchObject([{ kind: 'pod-slow', subject: 'pod-3', before: false }]);
  });

  it('passes its own validator after a journey as JSON', async () => {
    const report = await dataOf({ annotations: annotationsOf([markOf(FROM_MS, TO_MS)]) });
    expect(parseReport(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });
});

describe('a report', () => {
  it('takes the pods that the hypothesis names for targets, and tells what is away from them as collateral', async () => {
    const report = await dataOf({ hypothesis: { named: async () => [2] } });
    expect(report.targets).toMatchObject({ by: 'hypothesis', names: ['pod-2'] });
    expect(report.collateral).toMatchObject({ count: 3, names: expect.arrayContaining(['pod-0 → pod-3']) });
    const away = report.changed.filter(({ affected, touchesTarget }) => affected && !touchesTarget);
    expect(away.map(({ from }) => from).sort()).toEqual(['pod-0', 'pod-1', 'pod-3']);
  });

  it('does not blame what was so before', async () => {
    const report = await dataOf({ before: slowReport(), during: slowReport(), after: slowReport() });
    expect(report.affected).toMatchObject({ links: 0, of: 16 });
    expect(report.targets).toMatchObject({ by: 'none', count: 0 });
    expect(report.findings).toMatchObject([{ before: true }]);
    expect(report.timeToDetect.words).toContain('Nothing to detect');
  });

  it('says that links have not recovered while they are bad at the end', async () => {
    const report = await dataOf({ after: slowReport() });
    expect(report.affected.stillBad).toBe(4);
    expect(report.timeToRecover).toMatchObject({ ms: null, words: expect.stringContaining('4 of 4') });
  });

  it('does not take silence for health: missing reports and links lost from view are told', async () => {
    const during = slowReport();
    const arrival = { pod: 1, atMs: NOW_MS, fetchUs: 0 };
    during.reports[1] = missingReport(arrival, 'no-history', 'its memory begins later');
    const report = await dataOf({ during, resolutionMs: 30_000 });
    expect(report.affected).toMatchObject({ links: 3, of: 12 });
    expect(report.lostFromView).toBe(4);
    expect(report.ranges.during).toMatchObject({ pods: 4, missing: { count: 1, names: ['pod-1'] } });
    const unknown = report.unknown.join('\n');
    expect(unknown).toContain('4 links known before had no sample during');
    expect(unknown).toContain('In the range "during" 1 pod of 4 did not tell what they measured: pod-1');
    expect(unknown).toContain('summaries of 30 s');
  });

  it('says why a verdict is unknown, and whose events and annotations are missing', async () => {
    const missing = [{ name: 'pod-2', reason: 'timeout', detail: '' }];
    const report = await dataOf({
      hypothesis: { judge: async () => verdictOf('unknown', { reason: 'no pod is named x' }) },
      events: eventsOf([], { missing, truncated: true }),
      annotations: { ...annotationsOf([]), missing },
    });
    expect(report.unknown).toEqual([
      'The verdict is unknown: no pod is named x',
      'Events that only pod-2 saw are missing',
      'Some events are left out: there were too many',
      'pod-2 did not tell of annotations',
    ]);
  });

  it('counts a pod that came during the fault: its links are affected if they are bad', async () => {
    const report = await dataOf({ before: spoiled(3), during: slowReport(4), after: spoiled(4) });
    expect(report.affected).toMatchObject({ links: 4, of: 16 });
    expect(report.figures.affected.before).toMatchObject({ links: 0, p50Us: -1 });
    expect(report.changed[0]?.before).toBeNull();
  });

  it('lists those that fail more first, then by what their medians changed by, and says how much the rest did', async () => {
    const during = spoiled(12, (builder) => {
      builder.each((from) => from === 5, LATE_ANSWER);
      builder.set(1, 2, { outcome: 'timeout', phase: 'connect' });
      builder.set(3, 4, { connectUs: 900, firstByteUs: 3_000 });
      builder.set(3, 6, { connectUs: 300, firstByteUs: 900 });
    });
    const report = await dataOf({ before: spoiled(12), during, after: spoiled(12) });
    const order = report.changed.map(({ from, to }) => `${from} ${to}`);
    expect(order[0]).toBe('pod-1 pod-2');
    expect(order.slice(1, 12).every((link) => link.startsWith('pod-5'))).toBe(true);
    expect(order.slice(12)).toEqual(['pod-3 pod-4']);
    expect(report.unlisted).toEqual({ links: 144 - 13, maxChangeUs: 700 });
  });

  it('is bounded however much changed and happened', async () => {
    const during = spoiled(60, (builder) => builder.each(() => true, LATE_ANSWER, true));
    const [pod] = during.pods;
    const storm = Array.from({ length: 900 }, (_, i) => eventOf('link-slow', FROM_MS + i, pod ?? null));
    const rare = eventOf('pod-gone', FROM_MS + 2_000, pod ?? null);
    const marks = Array.from({ length: 400 }, (_, i) => ({ ...markOf(FROM_MS, TO_MS), id: `m${i}` }));
    const report = await dataOf({ during, events: eventsOf([...storm, rare]), annotations: annotationsOf(marks) });
    expect(report.changed).toHaveLength(50);
    expect(report.unlisted).toEqual({ links: 3_550, maxChangeUs: 250_700 });
    expect(report.events).toHaveLength(MAX_REPORT_EVENTS);
    expect(report.events.at(-1)).toEqual(rare);
    expect(report.annotations).toHaveLength(100);
    expect(report.affected.to).toMatchObject({ count: 60, names: { length: 20 } });
    expect(report.unknown.join()).toContain('Some events are left out');
    expect(parseReport(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  it('keeps annotations that reach into its ranges, and no others', async () => {
    const marks = [
      markOf(FROM_MS - 500_000, FROM_MS - 400_000),
      markOf(FROM_MS - 200_000, FROM_MS + 1),
      markOf(NOW_MS, null),
    ];
    const report = await dataOf({ annotations: annotationsOf(marks) });
    expect(report.annotations.map(({ fromMs }) => fromMs)).toEqual([FROM_MS - 200_000]);
  });
});

describe('the target', () => {
  const finding = (kind: Finding['kind'], severity: Finding['severity'], pods: number[]) =>
    ({ kind, severity, pods }) as unknown as Finding;
  const signs = { named: [], findings: [], numbers: Int32Array.of(5, 6, 7), touching: Uint32Array.of(0, 2, 9, 2) };

  it('is whom the hypothesis names, else whom the gravest finding about links is of, else whom most links touch', () => {
    const findings = [finding('api-away', 'unknown', []), finding('pod-slow', 'slow', [1])];
    expect(targetsOf({ ...signs, named: [3], findings })).toEqual({ by: 'hypothesis', pods: new Set([3]) });
    expect(targetsOf({ ...signs, findings })).toEqual({ by: 'finding', pods: new Set([6]) });
    expect(targetsOf(signs)).toEqual({ by: 'most-affected', pods: new Set([2]) });
  });

  it('is nobody where everybody is affected alike, or nobody', () => {
    expect(targetsOf({ ...signs, touching: Uint32Array.of(4, 4, 4, 4) })).toEqual({ by: 'none', pods: new Set() });
    expect(targetsOf({ ...signs, touching: new Uint32Array(4) })).toEqual({ by: 'none', pods: new Set() });
  });
});

describe('the reporter', () => {
  it('makes one report at a time and refuses more than it can hold', async () => {
    let [now, most] = [0, 0];
    const deps = depsOf();
    const past: typeof deps.past = async (stretch) => {
      now += 1;
      most = Math.max(most, now);
      const mesh = await deps.past(stretch);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return mesh;
    };
    const reporter = createReporter({ historyWindowMs: 3_600_000 }, { ...deps, past });
    const ends = await Promise.allSettled(Array.from({ length: 6 }, () => reporter.report(wishOf())));
    expect(most).toBe(1);
    expect(ends.map(({ status }) => status)).toEqual([...Array(4).fill('fulfilled'), ...Array(2).fill('rejected')]);
    expect(ends[5]).toMatchObject({ reason: { status: 503, message: expect.stringContaining('too many reports') } });
    await expect(reporter.report(wishOf())).resolves.toBeDefined();
  });

  it('goes on after a report that could not be made', async () => {
    const deps = depsOf();
    let isFirst = true;
    const past: typeof deps.past = (stretch) => {
      if (!isFirst) return deps.past(stretch);
      isFirst = false;
      return Promise.reject(new Error('no past'));
    };
    const reporter = createReporter({ historyWindowMs: 3_600_000 }, { ...deps, past });
    await expect(reporter.report(wishOf())).rejects.toThrow('no past');
    await expect(reporter.report(wishOf())).resolves.toBeDefined();
  });
});
