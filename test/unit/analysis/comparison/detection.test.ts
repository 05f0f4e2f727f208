import { describe, expect, it } from 'vitest';
import { type DetectionInput, detectionTimes } from '../../../../server/analysis/comparison/detection.ts';
import type { ElapsedTime } from '../../../../server/protocol/comparison.ts';
import type { MeshEvent } from '../../../../server/protocol/event.ts';
import { podNamer } from '../../../../server/protocol/pod-names.ts';
import { podOf } from '../../../support/mesh.ts';
import { annotationOf, eventOf, FROM_MS, TO_MS } from '../../../support/report-scene.ts';

const [a, b, c, chaos] = [podOf(0), podOf(1), podOf(2), podOf(3)];
const END_MS = TO_MS + 120_000;

/** Four links into `chaos` became worse during the range and are well at the end, unless `change` says otherwise. */
function times(change: Partial<DetectionInput>) {
  return detectionTimes({
    earliestMs: FROM_MS,
    fromMs: FROM_MS,
    toMs: TO_MS,
    endMs: END_MS,
    events: [],
    annotations: [],
    targets: new Set([chaos.uid]),
    affected: { links: 4, stillBad: 0, unprobed: 0, notKnown: 0 },
    lost: [],
    askAgainMs: 0,
    nameOf: podNamer([]),
    ...change,
  });
}

const affected = (links: number, change: Partial<DetectionInput['affected']> = {}) => ({
  affected: { links, stillBad: 0, unprobed: 0, notKnown: 0, ...change },
});
const slow = (atMs: number) => eventOf('link-slow', atMs, chaos, [a, b, c]);
const normal = (atMs: number) => eventOf('link-normal', atMs, chaos, [a, b, c]);
const failed = (atMs: number, starved?: MeshEvent['starved']) =>
  eventOf('link-failed', atMs, chaos, [a], starved === undefined ? {} : { starved });
/** A link of other pods than `chaos` fails. */
const otherFailed = eventOf('link-failed', FROM_MS + 500, b, [a]);

describe('time to detect', () => {
  it('runs from the start of the range to the first event of a link of a target', () => {
    const events = [otherFailed, slow(FROM_MS + 3_100), slow(FROM_MS + 9_000)];
    expect(times({ events }).timeToDetect).toEqual({
      ms: 3_100,
      sinceMs: FROM_MS,
      since: 'range',
      atMs: FROM_MS + 3_100,
      message: 'pod-3 slow at 14:55:03, 3.1 s after the start of the range',
    });
  });

  const LATE_RANGE = { earliestMs: FROM_MS - 30_000, events: [slow(FROM_MS - 1_000)] };
  const annotations = [5_000, -4_000, -90_000].map((ms) => annotationOf(FROM_MS + ms, null));
  /** Written 20 s after the start of the range. A link became slow before that, and one after it. */
  const annotated = (slowMs: number) => ({
    annotations: [annotationOf(FROM_MS + 20_000, null)],
    events: [slow(FROM_MS + slowMs), slow(FROM_MS + 31_000)],
  });
  const earlier = [slow(FROM_MS - 60_000), normal(FROM_MS - 30_000)];

  it.each<[string, Partial<DetectionInput>, Partial<ElapsedTime>]>([
    [
      'leaves out a timeout that the pinging pod only saw because it was short of CPU',
      { events: [failed(FROM_MS + 500, 'source'), failed(FROM_MS + 2_000, 'destination'), failed(FROM_MS + 4_000)] },
      { ms: 2_000 },
    ],
    [
      'runs from the first annotation since "before", even if the range was drawn too late',
      { ...LATE_RANGE, annotations },
      { ms: 3_000, sinceMs: FROM_MS - 4_000, since: 'annotation' },
    ],
    [
      'is not known if the range was drawn too late without an annotation',
      LATE_RANGE,
      { ms: null, atMs: FROM_MS - 1_000, message: expect.stringContaining('1.0 s before the start of the range') },
    ],
    [
      'is not known if a link became worse up to 5 s before the annotation: it was written after the fault',
      annotated(19_000),
      { ms: null, message: 'pod-3 slow at 14:55:19, 1.0 s before the annotation' },
    ],
    ['leaves out what was more than 5 s before the annotation', annotated(14_000), { ms: 11_000 }],
    [
      'counts events from a target as well as to it',
      { events: [otherFailed, eventOf('link-failed', FROM_MS + 700, b, [chaos])] },
      { ms: 700 },
    ],
    ['counts no event after the range', { events: [slow(TO_MS + 1)] }, { ms: null }],
    ['counts any link if no target has an event', { events: [otherFailed] }, { ms: 500 }],
    ['counts any link if no target became worse in the range', { events: [...earlier, otherFailed] }, { ms: 500 }],
    ['counts any link if there is no target', { events: [otherFailed], targets: new Set() }, { ms: 500 }],
    ['is not known without an event', {}, { ms: null, message: expect.stringContaining('no event') }],
    ['is nothing without a fault', affected(0), { ms: null, message: expect.stringContaining('Nothing to detect') }],
  ])('%s', (_, input, expected) => {
    expect(times(input).timeToDetect).toMatchObject(expected);
  });

  it('and the time to recover are known of links that only lose datagrams', () => {
    const [lossyMs, overMs] = [FROM_MS + 6_000, TO_MS + 2_000];
    const events = [eventOf('link-lossy', lossyMs, chaos, [a]), eventOf('link-loss-over', overMs, chaos, [a])];
    const { timeToDetect, timeToRecover } = times({ events });
    expect(timeToDetect).toMatchObject({ ms: 6_000, message: expect.stringContaining('pod-3 loses datagrams at') });
    expect(timeToRecover).toMatchObject({ ms: 2_000, atMs: overMs });
  });
});

describe('time to recover', () => {
  const events = [slow(FROM_MS + 3_000), normal(TO_MS - 8_000), slow(TO_MS - 4_000), normal(TO_MS + 2_400)];
  const RECOVERED = { ms: 2_400, sinceMs: TO_MS, since: 'range', atMs: TO_MS + 2_400 } as const;

  it.each<[string, Partial<DetectionInput>, Partial<ElapsedTime>]>([
    ['runs from the end of the range to the last event of a link that is well again', { events }, RECOVERED],
    [
      'runs from the end of the annotation',
      { events, annotations: [annotationOf(FROM_MS, TO_MS - 1_000)] },
      { ms: 3_400, sinceMs: TO_MS - 1_000, since: 'annotation' },
    ],
    [
      'does not count an annotation that ends, or what recovers, after the last range',
      {
        events: [...events, slow(END_MS + 1_000), normal(END_MS + 5_000)],
        annotations: [annotationOf(FROM_MS, END_MS + 1_000)],
      },
      RECOVERED,
    ],
    [
      'is restricted if some affected links are no longer probed',
      { events, ...affected(8, { unprobed: 3 }) },
      {
        message:
          'Recovered at 14:57:02, 2.4 s after the end of the range; but 3 of 8 affected links are no longer probed',
      },
    ],
    [
      'is not a duration if all links were well before the end',
      { events: events.slice(0, 2) },
      { ms: null, atMs: TO_MS - 8_000, message: 'Recovered at 14:56:52, 8.0 s before the end of the range' },
    ],
    [
      'does not exist while an affected link is bad at the end, whatever recovered before',
      { events, ...affected(4, { stillBad: 1 }) },
      { ms: null, message: 'Not recovered: 1 of 4 affected links are still bad at 14:59:00' },
    ],
    [
      'is not known if the affected links are no longer probed, because their pod is gone and has no replacement',
      { events: [failed(FROM_MS + 200), eventOf('pod-gone', FROM_MS + 400, chaos)], ...affected(4, { unprobed: 4 }) },
      { ms: null, message: expect.stringContaining('no longer probed, because their pod is gone') },
    ],
    ['is nothing without a fault', affected(0), { ms: null, message: expect.stringContaining('Nothing to recover') }],
  ])('%s', (_, input, expected) => {
    expect(times(input).timeToRecover).toMatchObject(expected);
  });
});

describe('pods that were lost', () => {
  const lostMs = FROM_MS + 400;
  const lost = {
    name: 'pod-3',
    replacedBy: 'pod-9',
    needsReplacement: true,
    earliestMs: lostMs,
    lostMs,
    readyMs: lostMs + 2_000,
    healthyMs: lostMs + 3_100,
  };
  const none = affected(0);

  it('have recovered when the replacement is ready and every link to it is ok, though no link became worse', () => {
    const { timeToRecover, timeToDetect } = times({ ...none, lost: [lost] });
    expect(timeToRecover).toEqual({
      ms: 3_100,
      sinceMs: lostMs,
      since: 'loss',
      atMs: lostMs + 3_100,
      message: 'pod-3 lost at 14:55:00, replaced by pod-9, ready after 2.0 s, every link to it ok after 3.1 s',
    });
    const message = 'pod-3 gone at 14:55:00, 0.4 s after the start of the range';
    expect(timeToDetect).toMatchObject({ ms: 400, message });
  });

  it.each([
    ['a later event of links of others', [eventOf('link-slow', FROM_MS + 80_000, b, [a])], 400],
    ['an earlier event of links of others', [eventOf('link-slow', FROM_MS + 300, b, [a])], 300],
    ['a later event of a link of a target', [failed(FROM_MS + 700)], 700],
  ])(
    'count as detected when they left, besides %s, only if that is earlier and no target became worse',
    (_, events, ms) => {
      expect(times({ lost: [lost], events }).timeToDetect.ms).toBe(ms);
    },
  );

  it('have recovered at most so long after the loss, if it was noticed late', () => {
    const late = { ...lost, earliestMs: lostMs - 45_000 };
    expect(times({ ...none, lost: [lost, late] }).timeToRecover).toMatchObject({
      ms: 48_100,
      sinceMs: lostMs - 45_000,
      message:
        'pod-3 lost between 14:54:15 and 14:55:00, replaced by pod-9, ready after at most 47 s, every link to it ok after at most 48 s',
    });
  });

  it.each([
    [{ healthyMs: null }, 'replaced by pod-9, ready after 2.0 s, not every link to it is ok'],
    [{ readyMs: null, healthyMs: null }, 'replaced by pod-9, which is not ready'],
    [{ replacedBy: '', readyMs: null, healthyMs: null }, 'not replaced'],
  ])('have not recovered: %j', (change, what) => {
    const message = `Not recovered: pod-3 lost at 14:55:00, ${what}`;
    const { timeToRecover } = times({ ...none, lost: [lost, { ...lost, ...change }] });
    expect(timeToRecover).toMatchObject({ ms: null, atMs: 0, message });
  });

  it('do not count if no pod has to replace them', () => {
    const bare = { ...lost, replacedBy: '', needsReplacement: false, readyMs: null, healthyMs: null };
    expect(times({ ...none, lost: [bare] }).timeToRecover.message).toMatch(/^Nothing to recover from/);
  });
});
