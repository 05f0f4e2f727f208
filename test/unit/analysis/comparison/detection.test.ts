import { describe, expect, it } from 'vitest';
import { type DetectionInput, detectionTimes } from '../../../../server/analysis/comparison/detection.ts';
import type { MeshEvent } from '../../../../server/protocol/event.ts';
import { podNamer } from '../../../../server/protocol/pod-names.ts';
import { podsOf } from '../../../support/mesh.ts';
import { annotationOf, eventOf, FROM_MS, TO_MS } from '../../../support/report-scene.ts';

const [a, b, c, chaos] = podsOf(4);
const END_MS = TO_MS + 120_000;
if (!a || !b || !c || !chaos) throw new Error('four pods');

/** How the affected links did at the end. */
const links = (count: number, bad: Partial<DetectionInput['affected']> = {}) => {
  return { affected: { links: count, stillBad: 0, unprobed: 0, notKnown: 0, ...bad } };
};

function times(change: Partial<DetectionInput>) {
  return detectionTimes({
    earliestMs: FROM_MS,
    fromMs: FROM_MS,
    toMs: TO_MS,
    endMs: END_MS,
    events: [],
    annotations: [],
    targets: new Set([chaos?.uid ?? '']),
    ...links(4),
    lost: [],
    askAgainMs: 0,
    nameOf: podNamer([]),
    ...change,
  });
}

const slow = (atMs: number) => eventOf('link-slow', atMs, chaos, [a, b, c]);
const normal = (atMs: number) => eventOf('link-normal', atMs, chaos, [a, b, c]);

describe('time to detect', () => {
  it('leaves out a timeout that the pinging pod only saw because it was short of CPU', () => {
    const failed = (atMs: number, starved?: MeshEvent['starved']) =>
      eventOf('link-failed', atMs, chaos, [a], starved === undefined ? {} : { starved });
    const events = [failed(FROM_MS + 500, 'source'), failed(FROM_MS + 2_000, 'destination'), failed(FROM_MS + 4_000)];
    expect(times({ events }).timeToDetect).toMatchObject({ ms: 2_000 });
  });

  it('runs from the start of the range to the first event of a link of a target', () => {
    const events = [eventOf('link-failed', FROM_MS + 500, b, [a]), slow(FROM_MS + 3_100), slow(FROM_MS + 9_000)];
    expect(times({ events }).timeToDetect).toEqual({
      ms: 3_100,
      sinceMs: FROM_MS,
      since: 'range',
      atMs: FROM_MS + 3_100,
      message: 'pod-3 slow at 14:55:03, 3.1 s after the start of the range',
    });
  });

  it('is known of links that only lose datagrams', () => {
    const [lossyMs, overMs] = [FROM_MS + 6_000, TO_MS + 2_000];
    const events = [eventOf('link-lossy', lossyMs, chaos, [a]), eventOf('link-loss-over', overMs, chaos, [a])];
    const { timeToDetect, timeToRecover } = times({ events });
    expect(timeToDetect).toMatchObject({ ms: 6_000, message: expect.stringContaining('pod-3 loses datagrams at') });
    expect(timeToRecover).toMatchObject({ ms: 2_000, atMs: overMs });
  });

  it('runs from the first annotation since "before", even if the range was drawn too late', () => {
    const annotations = [5_000, -4_000, -90_000].map((ms) => annotationOf(FROM_MS + ms, null));
    const input = { earliestMs: FROM_MS - 30_000, annotations, events: [slow(FROM_MS - 1_000)] };
    expect(times(input).timeToDetect).toMatchObject({ ms: 3_000, sinceMs: FROM_MS - 4_000, since: 'annotation' });
    expect(times({ ...input, annotations: [] }).timeToDetect).toMatchObject({
      ms: null,
      atMs: FROM_MS - 1_000,
      message: expect.stringContaining('1.0 s before the start of the range'),
    });
  });

  it('is not known if a link became worse up to 5 s before the annotation: it was written after the fault', () => {
    const annotations = [annotationOf(FROM_MS + 20_000, null)];
    const later = slow(FROM_MS + 31_000);
    const at = (atMs: number) => times({ annotations, events: [slow(atMs), later] }).timeToDetect;
    const message = 'pod-3 slow at 14:55:19, 1.0 s before the annotation';
    expect(at(FROM_MS + 19_000)).toMatchObject({ ms: null, message });
    expect(at(FROM_MS + 14_000)).toMatchObject({ ms: 11_000 });
  });

  it('counts events from a target as well as to it, and none after the range', () => {
    const fromTarget = eventOf('link-failed', FROM_MS + 700, b, [chaos]);
    const other = eventOf('link-failed', FROM_MS + 500, b, [a]);
    expect(times({ events: [other, fromTarget] }).timeToDetect.ms).toBe(700);
    expect(times({ events: [slow(TO_MS + 1)] }).timeToDetect.ms).toBeNull();
  });

  it.each([
    ['has an event', []],
    ['became worse during the fault', [slow(FROM_MS - 60_000), normal(FROM_MS - 30_000)]],
  ])('counts any link if no target %s', (_, earlier) => {
    const events = [...earlier, eventOf('link-failed', FROM_MS + 500, b, [a])];
    expect(times({ events }).timeToDetect.ms).toBe(500);
    expect(times({ events, targets: new Set() }).timeToDetect.ms).toBe(500);
  });

  it('is not known without an event; the message says whether there was anything to detect', () => {
    expect(times({}).timeToDetect).toMatchObject({ ms: null, message: expect.stringContaining('no event') });
    const { timeToDetect, timeToRecover } = times(links(0));
    expect(timeToDetect).toMatchObject({ ms: null, message: expect.stringContaining('Nothing to detect') });
    expect(timeToRecover).toMatchObject({ ms: null, message: expect.stringContaining('Nothing to recover') });
  });
});

describe('time to recover', () => {
  const events = [slow(FROM_MS + 3_000), normal(TO_MS - 8_000), slow(TO_MS - 4_000), normal(TO_MS + 2_400)];

  it('runs from the end of the range, or of the annotation, to the last event of a link that is well again', () => {
    expect(times({ events }).timeToRecover).toMatchObject({ ms: 2_400, sinceMs: TO_MS, atMs: TO_MS + 2_400 });
    const annotations = [annotationOf(FROM_MS, TO_MS - 1_000)];
    expect(times({ events, annotations }).timeToRecover).toMatchObject({ ms: 3_400, sinceMs: TO_MS - 1_000 });
  });

  it('does not count an annotation that ends, or what recovers, after the last range', () => {
    const annotations = [annotationOf(FROM_MS, END_MS + 1_000)];
    const late = [...events, slow(END_MS + 1_000), normal(END_MS + 5_000)];
    const { timeToRecover } = times({ events: late, annotations });
    expect(timeToRecover).toMatchObject({ ms: 2_400, sinceMs: TO_MS, since: 'range', atMs: TO_MS + 2_400 });
  });

  it('is restricted if some affected links are no longer probed', () => {
    expect(times({ events, ...links(8, { unprobed: 3 }) }).timeToRecover.message).toBe(
      'Recovered at 14:57:02, 2.4 s after the end of the range; but 3 of 8 affected links are no longer probed',
    );
  });

  it('is not a duration if all links were well before the end', () => {
    const { timeToRecover } = times({ events: events.slice(0, 2) });
    expect(timeToRecover).toMatchObject({ ms: null, atMs: TO_MS - 8_000 });
    expect(timeToRecover.message).toBe('Recovered at 14:56:52, 8.0 s before the end of the range');
  });

  it('does not exist while an affected link is bad at the end, whatever recovered before', () => {
    expect(times({ events, ...links(4, { stillBad: 1 }) }).timeToRecover).toMatchObject({
      ms: null,
      message: 'Not recovered: 1 of 4 affected links are still bad at 14:59:00',
    });
  });

  it('is not known if the affected links are no longer probed, because their pod is gone and has no replacement', () => {
    const killed = [eventOf('link-failed', FROM_MS + 200, chaos, [a, b]), eventOf('pod-gone', FROM_MS + 400, chaos)];
    expect(times({ events: killed, ...links(4, { unprobed: 4 }) }).timeToRecover).toMatchObject({
      ms: null,
      message: expect.stringContaining('no longer probed'),
    });
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
  const killed = { ...links(0), lost: [lost] };

  it('have recovered when the replacement is ready and every link to it is ok, though no link became worse', () => {
    expect(times(killed).timeToRecover).toEqual({
      ms: 3_100,
      sinceMs: lostMs,
      since: 'loss',
      atMs: lostMs + 3_100,
      message: 'pod-3 lost at 14:55:00, replaced by pod-9, ready after 2.0 s, every link to it ok after 3.1 s',
    });
    expect(times(killed).timeToDetect).toMatchObject({
      ms: 400,
      message: 'pod-3 gone at 14:55:00, 0.4 s after the start of the range',
    });
  });

  it('have recovered at most so long after the loss, if it was noticed late', () => {
    const late = { ...lost, earliestMs: lostMs - 45_000 };
    expect(times({ ...killed, lost: [lost, late] }).timeToRecover).toEqual({
      ms: 48_100,
      sinceMs: lostMs - 45_000,
      since: 'loss',
      atMs: lostMs + 3_100,
      message:
        'pod-3 lost between 14:54:15 and 14:55:00, replaced by pod-9, ready after at most 47 s, every link to it ok after at most 48 s',
    });
  });

  it.each([
    [{ healthyMs: null }, 'replaced by pod-9, ready after 2.0 s, not every link to it is ok'],
    [{ readyMs: null, healthyMs: null }, 'replaced by pod-9, which is not ready'],
    [{ replacedBy: '', readyMs: null, healthyMs: null }, 'not replaced'],
  ])('have not recovered: %j', (change, message) => {
    const { timeToRecover } = times({ ...killed, lost: [lost, { ...lost, ...change }] });
    expect(timeToRecover).toMatchObject({ ms: null, atMs: 0 });
    expect(timeToRecover.message).toBe(`Not recovered: pod-3 lost at 14:55:00, ${message}`);
  });

  it('do not count if no pod has to replace them', () => {
    const bare = { ...lost, replacedBy: '', needsReplacement: false, readyMs: null, healthyMs: null };
    expect(times({ ...killed, lost: [bare] }).timeToRecover.message).toMatch(/^Nothing to recover from/);
  });
});
