import { describe, expect, it } from 'vitest';
import { type MomentSigns, momentsOf } from '../../../../server/analysis/comparison/report.ts';
import { podsOf } from '../../../support/mesh.ts';
import { eventOf, FROM_MS, markOf, TO_MS } from './scene.ts';

const [a, b, c, chaos] = podsOf(4);
const END_MS = TO_MS + 120_000;
if (!a || !b || !c || !chaos) throw new Error('four pods');

function moments(change: Partial<MomentSigns>) {
  return momentsOf({
    ...{ beforeEndMs: FROM_MS, fromMs: FROM_MS, toMs: TO_MS, endMs: END_MS, events: [], annotations: [] },
    targets: new Set([chaos?.uid ?? '']),
    affected: { links: 4, stillBad: 0, unprobed: 0 },
    ...change,
  });
}

const slow = (atMs: number) => eventOf('link-slow', atMs, chaos, [a, b, c]);
const normal = (atMs: number) => eventOf('link-normal', atMs, chaos, [a, b, c]);

describe('time to detect', () => {
  it('runs from the beginning of the range to the first event of a link of a target', () => {
    const events = [eventOf('link-failed', FROM_MS + 500, b, [a]), slow(FROM_MS + 3_100), slow(FROM_MS + 9_000)];
    expect(moments({ events }).timeToDetect).toEqual({
      ...{ ms: 3_100, sinceMs: FROM_MS, atMs: FROM_MS + 3_100 },
      words: 'pod-3 slow at 14:55:03, 3.1 s after the beginning of the range',
    });
  });

  it('runs from the first annotation since the range before, also if the range was drawn too late', () => {
    const annotations = [markOf(FROM_MS + 5_000, null), markOf(FROM_MS - 4_000, null), markOf(FROM_MS - 90_000, null)];
    const signs = { beforeEndMs: FROM_MS - 30_000, annotations, events: [slow(FROM_MS - 1_000)] };
    expect(moments(signs).timeToDetect).toMatchObject({ ms: 3_000, sinceMs: FROM_MS - 4_000 });
    expect(moments({ ...signs, annotations: [] }).timeToDetect).toMatchObject({
      ...{ ms: null, atMs: FROM_MS - 1_000 },
      words: expect.stringContaining('1.0 s before the beginning of the range'),
    });
  });

  it('counts any link where no target has an event', () => {
    const events = [eventOf('link-failed', FROM_MS + 500, b, [a])];
    expect(moments({ events }).timeToDetect.ms).toBe(500);
    expect(moments({ events, targets: new Set() }).timeToDetect.ms).toBe(500);
  });

  it('counts events from a target as well as to it', () => {
    const events = [eventOf('link-failed', FROM_MS + 700, b, [chaos]), eventOf('link-failed', FROM_MS + 500, b, [a])];
    expect(moments({ events }).timeToDetect.ms).toBe(700);
  });

  it('is not known without an event, and says whether there was anything to detect', () => {
    expect(moments({}).timeToDetect).toMatchObject({ ms: null, words: expect.stringContaining('no event') });
    const none = { links: 0, stillBad: 0, unprobed: 0 };
    const { timeToDetect, timeToRecover } = moments({ affected: none });
    expect(timeToDetect).toMatchObject({ ms: null, words: expect.stringContaining('Nothing to detect') });
    expect(timeToRecover).toMatchObject({ ms: null, words: expect.stringContaining('Nothing to recover') });
  });

  it('does not count what happens after the range', () => {
    expect(moments({ events: [slow(TO_MS + 1)] }).timeToDetect.ms).toBeNull();
  });
});

describe('time to recover', () => {
  const events = [slow(FROM_MS + 3_000), normal(TO_MS - 8_000), slow(TO_MS - 4_000), normal(TO_MS + 2_400)];

  it('runs from the end of the range, or of the annotation, to the last event of a link that is well again', () => {
    expect(moments({ events }).timeToRecover).toMatchObject({ ms: 2_400, sinceMs: TO_MS, atMs: TO_MS + 2_400 });
    const annotations = [markOf(FROM_MS, TO_MS - 1_000)];
    expect(moments({ events, annotations }).timeToRecover).toMatchObject({ ms: 3_400, sinceMs: TO_MS - 1_000 });
  });

  it('does not count what recovers after the last range', () => {
    const late = [...events, slow(END_MS + 1_000), normal(END_MS + 5_000)];
    expect(moments({ events: late }).timeToRecover.atMs).toBe(TO_MS + 2_400);
  });

  it('is not that of links that nobody probes any more', () => {
    const affected = { links: 8, stillBad: 0, unprobed: 3 };
    expect(moments({ events, affected }).timeToRecover.words).toBe(
      'Recovered at 14:57:02, 2.4 s after the end of the range; but 3 of 8 affected links are no longer probed',
    );
  });

  it('says if it was well before the end', () => {
    const { timeToRecover } = moments({ events: events.slice(0, 2) });
    expect(timeToRecover).toMatchObject({ ms: null, atMs: TO_MS - 8_000 });
    expect(timeToRecover.words).toBe('Recovered at 14:56:52, 8.0 s before the end of the range');
  });

  it('never is while an affected link is bad at the end, whatever recovered before', () => {
    const { timeToRecover } = moments({ events, affected: { links: 4, stillBad: 1, unprobed: 0 } });
    expect(timeToRecover).toMatchObject({
      ms: null,
      words: 'Not recovered: 1 of 4 affected links still bad at 14:59:00',
    });
  });

  it('of a pod that has gone is when the one that took its place is ready', () => {
    const killed = [
      eventOf('link-failed', FROM_MS + 200, chaos, [a, b]),
      eventOf('pod-gone', FROM_MS + 400, chaos),
      eventOf('pod-replaced', FROM_MS + 500, chaos, [], { detail: 'pod-9' }),
      eventOf('pod-ready', TO_MS + 900, { ...chaos, uid: 'uid-9', name: 'pod-9' }),
      eventOf('pod-ready', TO_MS + 5_000, { ...chaos, uid: 'uid-7', name: 'pod-7' }),
    ];
    const affected = { links: 4, stillBad: 0, unprobed: 4 };
    expect(moments({ events: killed, affected }).timeToRecover).toMatchObject({ ms: 900 });
    expect(moments({ events: killed.slice(0, 2), affected }).timeToRecover).toMatchObject({
      ms: null,
      words: expect.stringContaining('no longer probed'),
    });
  });
});
