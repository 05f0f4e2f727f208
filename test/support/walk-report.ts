import { expect } from 'vitest';
import { type Comparison, FLAG_AFFECTED, type ReportData } from '../../server/protocol/comparison.ts';
import { CHAOS } from './experiment.ts';

/** The report on a latency of 150 ms from `fromMs` on, of four pods: a slow report, a quarter of all links, nothing else. */
export function expectReport(report: ReportData, fromMs: number): void {
  const told = [report.affected, ...report.changed].map((one) => JSON.stringify(one)).join('\n');
  expect(report.verdict, report.verdict.reason).toMatchObject({ verdict: 'pass', links_checked: 4, violations: [] });
  expect(report.targets).toEqual({ by: 'hypothesis', count: 1, names: [CHAOS] });
  expect(report.affected, told).toMatchObject({ links: 4, of: 16, stillBad: 0, to: { names: [CHAOS] } });
  expect(report.collateral).toEqual({ count: 0, names: [] });
  expect(report.figures.affected).toMatchObject({ before: { slow: 0 }, during: { slow: 4, failed: 0 } });
  expect(report.figures.affected.during.p50Us).toBeGreaterThan(149_000);
  expect(report.findings).toContainEqual(expect.objectContaining({ kind: 'pod-slow', subject: CHAOS, before: false }));
  for (const { ms } of [report.timeToDetect, report.timeToRecover]) {
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThan(15_000);
  }
  // Between pods they travel as ages.
  const note = report.annotations.find((one) => Math.abs(one.fromMs - fromMs) < 100);
  expect(note?.text).toContain('<b>150 ms</b>');
}

/** The comparison has the same report, and its links add up to it. */
export function expectComparison({ report, pods, links }: Comparison, expected: ReportData): void {
  const { affected, targets, collateral, verdict } = expected;
  expect(report).toMatchObject({ affected, targets, collateral, verdict: { verdict: verdict.verdict } });
  expect(report.changed.map(({ from, to }) => `${from} ${to}`).sort()).toEqual(
    expected.changed.map(({ from, to }) => `${from} ${to}`).sort(),
  );
  const flags = links.flatMap((columns) => [...columns.flags]);
  expect(flags).toHaveLength(affected.of);
  expect(flags.filter((flag) => (flag & FLAG_AFFECTED) !== 0)).toHaveLength(affected.links);
  expect(pods.filter(({ isTarget }) => isTarget).map(({ name }) => name)).toEqual([CHAOS]);
}

/** The file says what the JSON says, and needs nothing but itself. */
export async function expectPage(answer: Response, report: ReportData): Promise<void> {
  const page = await answer.text();
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  for (const words of [
    'The hypothesis',
    '4 of 16 links',
    '25 % became worse',
    'every affected link touches the target',
    '&lt;b&gt;150 ms&lt;/b&gt;',
    report.title,
  ]) {
    expect(page).toContain(words);
  }
  expect(page.match(/src="data:image\/png/g)?.length).toBeGreaterThanOrEqual(2);
  expect(page).not.toMatch(/<script|https?:/);
}
