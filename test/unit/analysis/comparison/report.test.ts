import { describe, expect, it, vi } from 'vitest';
import { Reporter, type ReporterDeps } from '../../../../server/analysis/comparison/report.ts';
import { missingReport } from '../../../../server/peers/merged-report.ts';
import { MAX_REPORT_EVENTS, parseReport } from '../../../../server/protocol/comparison.ts';
import { ValidationError } from '../../../../server/runtime/errors.ts';
import type { TimeRange } from '../../../../server/runtime/time-range.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { LATE_ANSWER, MeshBuilder, NOW_MS, settingsOf } from '../../../support/mesh.ts';
import {
  annotationOf,
  annotationsOf,
  depsOf,
  eventOf,
  eventsOf,
  FROM_MS,
  pageOf,
  pastOf,
  queryOf,
  reporterOf,
  reportOf,
  slowPod,
  TO_MS,
} from '../../../support/report-scene.ts';

const dataOf = async (...scene: Parameters<typeof reportOf>) => (await reportOf(...scene)).data;

/** Four pods, one of which has left. */
const without = (pod: number, sinceMs: number) => new MeshBuilder(4).pod(pod, { lifecycle: 'gone', sinceMs });

describe('the report of experiment 2', () => {
  it('has the slow pod as target, a quarter of all links affected, no collateral, and the figures before and after', async () => {
    const report = await dataOf();
    expect(report.verdict.verdict).toBe('pass');
    expect(report.targets).toEqual({ by: 'finding', count: 1, names: ['pod-3'] });
    expect(report.affected).toMatchObject({ links: 4, of: 16, stillBad: 0, unprobed: 0, notKnown: 0 });
    expect(report.affected).toMatchObject({ to: { count: 1, names: ['pod-3'] }, from: { count: 4 } });
    expect(report.collateral).toEqual({ count: 0, names: [] });
    const normal = { links: 4, failed: 0, slow: 0, p50Us: 500 };
    expect(report.figures).toMatchObject({
      affected: { before: normal, during: { links: 4, failed: 0, slow: 4, p50Us: 251_200 }, after: normal },
      others: { during: { links: 12, failed: 0, slow: 0, p50Us: 500 } },
      all: { during: { links: 16, slow: 4 } },
    });
    const changed = [0, 1, 2, 3].map((from) => `pod-${from} pod-3`);
    expect(report.changed.map(({ from, to }) => `${from} ${to}`).sort()).toEqual(changed);
    expect(report.changed.every(({ affected, touchesTarget }) => affected && touchesTarget)).toBe(true);
    expect(report.unlisted).toEqual({ links: 12, maxChangeUs: 0 });
    expect(report.unknown).toEqual([]);
    expect(report.findings).toMatchObject([{ kind: 'pod-slow', subject: 'pod-3', before: false }]);
  });
});

describe('a report', () => {
  it('does not take silence for health: it names missing reports and links lost from view', async () => {
    const during = slowPod();
    const arrival = { pod: 1, atMs: NOW_MS, fetchUs: 0 };
    during.reports[1] = missingReport(arrival, 'no-history', 'its memory begins later');
    const report = await dataOf({ during, resolutionMs: 30_000 });
    expect(report.affected).toMatchObject({ links: 3, of: 12 });
    expect(report.lostFromView).toBe(4);
    expect(report.changes).toMatchObject({ unknown: 4, gone: 0 });
    expect(report.ranges.during).toMatchObject({ pods: 4, missing: { count: 1, names: ['pod-1'] } });
    const unknown = report.unknown.join('\n');
    expect(unknown).toContain('4 links of the range "before" had no sample in "during"');
    expect(unknown).toContain('In the range "during" the reports of 1 pod of 4 are missing: pod-1');
    expect(unknown).toContain('summaries of 30 s');
  });

  it('says why a verdict is unknown, and which events and annotations are missing', async () => {
    const missing = [{ name: 'pod-2', reason: 'timeout', detail: '' }];
    const report = await dataOf({
      query: { expect: ['healthy,to=x'] },
      events: eventsOf([], { missing, truncated: true }),
      annotations: { ...annotationsOf([]), missing },
    });
    expect(report.unknown).toEqual([
      'The verdict is unknown: healthy,to=pod:x: no pod that is or was ready matches to=',
      'Events that only pod-2 saw are missing',
      'Some events are left out, because there were too many',
      'pod-2 did not send annotations',
    ]);
  });

  it('lists lost pods in the order in which they left, also one of which only the later mesh knows', async () => {
    const report = await dataOf({ during: without(3, FROM_MS + 20_000), after: without(2, FROM_MS + 10_000) });
    expect(report.lostPods.pods.map(({ name }) => name)).toEqual(['pod-2', 'pod-3']);
    expect(report.timeToDetect).toMatchObject({ ms: 10_000, message: expect.stringContaining('pod-2 gone') });
  });

  it('takes a loss, or an annotation, at most half a minute before the range for a part of the fault', async () => {
    const before = { fromMs: FROM_MS - 600_000, toMs: FROM_MS - 480_000 };
    const query = { ranges: { before, during: { fromMs: FROM_MS, toMs: TO_MS }, after: null } };
    const lostAt = async (sinceMs: number) => (await dataOf({ during: without(3, sinceMs), query })).lostPods.count;
    expect(await lostAt(FROM_MS - 30_000)).toBe(1);
    const page = await pageOf({ during: without(3, FROM_MS - 30_000), query });
    expect(page).toContain('1 pod left in the range &quot;during&quot; or in the half minute before it');
    expect(await lostAt(FROM_MS - 30_001)).toBe(0);
    const sinceOf = async (fromMs: number) =>
      (await dataOf({ annotations: annotationsOf([annotationOf(fromMs, null)]), query })).timeToDetect.sinceMs;
    expect(await sinceOf(FROM_MS - 30_000)).toBe(FROM_MS - 30_000);
    expect(await sinceOf(FROM_MS - 30_001)).toBe(FROM_MS);
  });

  it('keeps annotations that overlap its ranges, and no others', async () => {
    const overlapping = annotationOf(FROM_MS - 200_000, FROM_MS + 1);
    const others = [annotationOf(FROM_MS - 500_000, FROM_MS - 400_000), annotationOf(NOW_MS, null)];
    expect((await dataOf({ annotations: annotationsOf([...others, overlapping]) })).annotations).toEqual([overlapping]);
  });

  it('finds the annotation with which its ranges begin and end, though the mesh of a range is rounded', async () => {
    const during = { fromMs: FROM_MS + 49, toMs: TO_MS + 51 };
    const rounded = ({ fromMs, toMs }: TimeRange) =>
      pastOf(slowPod(), Math.ceil(fromMs / 100) * 100, Math.floor(toMs / 100) * 100);
    const report = await dataOf({
      annotations: annotationsOf([annotationOf(during.fromMs, during.toMs)]),
      query: { ranges: { before: null, during, after: null } },
      deps: { clock: new FakeClock(during.toMs + 500), past: async (range) => rounded(range) },
    });
    expect(report.timeToDetect).toMatchObject({ since: 'annotation', sinceMs: during.fromMs });
    expect(report.timeToRecover).toMatchObject({ since: 'annotation', sinceMs: during.toMs });
  });

  it('has the events of all ranges if "before" is a healthy time after the fault', async () => {
    const asked: TimeRange[] = [];
    const during = { fromMs: FROM_MS, toMs: FROM_MS + 60_000 };
    const before = { fromMs: FROM_MS + 200_000, toMs: FROM_MS + 260_000 };
    const events: ReporterDeps['events'] = async ({ fromMs, toMs }) => {
      asked.push({ fromMs, toMs });
      return eventsOf([]);
    };
    await dataOf({ query: { ranges: { before, during, after: null } }, deps: { events } });
    expect(asked).toEqual([{ fromMs: FROM_MS, toMs: before.toMs }]);
  });

  it('tells namesakes of two namespaces apart', async () => {
    const namesakes = () => {
      const mesh = new MeshBuilder(4);
      for (const [i, namespace] of ['one', 'two', 'two', 'one'].entries())
        mesh.pod(i, { namespace, name: `pod-${i % 2}` });
      return mesh;
    };
    const slow = namesakes().into(3, LATE_ANSWER, true);
    const silent = namesakes().silence(1, 'no-history');
    const events = eventsOf([eventOf('link-slow', FROM_MS + 1_000, slow.pods[3]!, [slow.pods[1]!])]);
    const scene = { before: silent, during: slow, after: namesakes(), events };
    const report = await dataOf(scene);
    expect(report.timeToDetect.message).toMatch(/^one\/pod-1 slow at/);
    expect(await pageOf(scene)).toMatch(/one\/pod-1<[^\n]* from [^\n]*two\/pod-1/);
    expect(report.affected.to.names).toEqual(['one/pod-1']);
    expect(report.targets.names).toEqual(['one/pod-1']);
    expect(report.changed[0]).toMatchObject({ to: 'one/pod-1' });
    expect(report.ranges.before?.missing.names).toEqual(['two/pod-1']);
  });

  it('counts a pod that started during the fault: its links are affected if they are bad', async () => {
    const report = await dataOf({ before: new MeshBuilder(3), during: slowPod(4), after: new MeshBuilder(4) });
    expect(report.affected).toMatchObject({ links: 4, of: 16 });
    expect(report.changes).toMatchObject({ 'new-bad': 4, new: 3, same: 9, gone: 0, unknown: 0 });
    expect(report.changed.slice(0, 4)).toMatchObject(Array(4).fill({ change: 'new-bad', to: 'pod-3', before: null }));
    expect(report.keyFigures).toContainEqual({
      name: 'New and gone links',
      value: '7 new, 0 gone',
      note: '4 of the new ones bad: with a failed ping, slow, or lossy',
    });
    expect(report.figures.affected.before).toMatchObject({ links: 0, p50Us: -1 });
  });

  it('is bounded, whatever changed and happened', async () => {
    const during = new MeshBuilder(60).each(() => true, LATE_ANSWER, true);
    const [pod] = during.pods;
    const rare = eventOf('pod-gone', FROM_MS + 100, pod ?? null);
    const storm = Array.from({ length: 900 }, (_, i) => eventOf('link-slow', FROM_MS + 200 + i, pod ?? null));
    const annotations = Array.from({ length: 400 }, (_, i) => ({ ...annotationOf(FROM_MS, TO_MS), id: `m${i}` }));
    const report = await dataOf({
      during,
      events: eventsOf([rare, ...storm]),
      annotations: annotationsOf(annotations),
    });
    expect(report.changed).toHaveLength(200);
    expect(report.unlisted).toEqual({ links: 3_400, maxChangeUs: 250_700 });
    expect(report.events).toHaveLength(MAX_REPORT_EVENTS);
    expect(report.events[0]).toEqual(rare);
    // Detected by the first event of the storm, which the report does not show.
    expect(report.timeToDetect.ms).toBe(200);
    expect(report.annotations).toHaveLength(100);
    expect(report.affected.to).toMatchObject({ count: 60, names: { length: 20 } });
    expect(report.unknown.join()).toContain('Some events are left out');
    expect(parseReport(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });
});

it('whether affected links have recovered is not known of links that have not been pinged since the fault; the pod is not said to be gone', async () => {
  // At REFRESH_INTERVAL=30, the turn of two of the four links has not come 10 s after the fault.
  const after = new MeshBuilder(4);
  for (const from of [0, 1]) after.reports[from]?.stats?.samples.fill(0, 3 - from, 4 - from);
  const clock = new FakeClock(TO_MS + 10_000);
  const { affected, timeToRecover, unknown } = await dataOf({ after, deps: { clock } });
  expect(affected).toMatchObject({ links: 4, stillBad: 0, unprobed: 0, notKnown: 2 });
  expect(timeToRecover).toMatchObject({
    ms: null,
    message: 'Not known: 2 of 4 affected links have no ping in the range "after"; ask again after 22 s',
  });
  expect(unknown).toEqual([
    'The range "after" is shorter than a round of pings (32 s): links that have no ping in it are not known',
  ]);
});

/** A client that reads until `finish` is called. */
function slowClient() {
  let finish = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  return { finish: () => finish(), send: vi.fn(() => finished) };
}

describe('the reporter', () => {
  it('makes one report at a time and refuses more than 4 that wait', async () => {
    let [now, most] = [0, 0];
    const deps = depsOf();
    const past: typeof deps.past = async (range) => {
      now += 1;
      most = Math.max(most, now);
      const mesh = await deps.past(range);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return mesh;
    };
    const reporter = new Reporter(settingsOf(), { ...deps, past });
    const ends = await Promise.allSettled(Array.from({ length: 6 }, () => reporter.report(queryOf())));
    expect(most).toBe(1);
    expect(ends.map(({ status }) => status)).toEqual([...Array(4).fill('fulfilled'), ...Array(2).fill('rejected')]);
    expect(ends[5]).toMatchObject({ reason: { status: 503, message: expect.stringContaining('too many reports') } });
    await expect(reporter.report(queryOf())).resolves.toBeDefined();
  });

  it('refuses comparisons while 4 of them are being sent, and takes new ones afterwards', async () => {
    const reporter = reporterOf();
    const { finish, send } = slowClient();
    const comparisons: Promise<void>[] = [];
    // One after the other: 4 that wait at once would be refused for another reason.
    for (let i = 1; i <= 4; i++) {
      comparisons.push(reporter.comparison(queryOf(), send));
      await vi.waitFor(() => expect(send).toHaveBeenCalledTimes(i));
    }
    await expect(reporter.comparison(queryOf(), send)).rejects.toMatchObject({ status: 503 });
    await expect(reporter.report(queryOf())).resolves.toBeDefined();
    finish();
    await Promise.all(comparisons);
    await expect(reporter.comparison(queryOf(), send)).resolves.toBeUndefined();
  });

  it('refuses a comparison while 500 000 links are being sent, whatever waits then', async () => {
    const mesh = pastOf(new MeshBuilder(708), FROM_MS, TO_MS);
    const reporter = reporterOf({ deps: { past: async () => mesh } });
    // The whole history, so that only one mesh is read.
    const query = queryOf({ query: { ranges: { during: { fromMs: 0, toMs: NOW_MS }, before: null, after: null } } });
    const { finish, send } = slowClient();
    const first = reporter.comparison(query, send);
    const second = reporter.comparison(query, send);
    await expect(second).rejects.toMatchObject({ status: 503 });
    finish();
    await first;
  });

  it('rejects an invalid hypothesis before it reads a mesh', async () => {
    const past = vi.fn();
    const reporter = reporterOf({ deps: { past } });
    const query = queryOf({ query: { expect: ['healthy', 'latency>'] } });
    await expect(reporter.report(query)).rejects.toThrow(/^expect 2 in query, character 9: /);
    await expect(reporter.comparison(query, async () => {})).rejects.toThrow(ValidationError);
    expect(past).not.toHaveBeenCalled();
  });
});
