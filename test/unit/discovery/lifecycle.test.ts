import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Stage, stageOf } from '../../../server/discovery/lifecycle.ts';
import { readPod } from '../../../server/discovery/pod-reader.ts';
import { LIFECYCLES } from '../../../server/protocol/pod.ts';
import { podObject, type StubPod } from '../../support/kube-objects.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const ago = (seconds: number) => NOW - seconds * 1000;

/** The stage of a pod that the API shows as `pod`, and for how many seconds it has been in it. */
function stage(pod: Partial<StubPod>, before: Stage | null = null): string {
  const facts = readPod(podObject({ name: 'a', createdMs: ago(100), ...pod }));
  const { lifecycle, sinceMs } = stageOf(facts, before, NOW);
  return `${lifecycle} ${(NOW - sinceMs) / 1000}s`;
}

const running = { ip: '10.1.0.1', startedMs: ago(90), readySinceMs: ago(60) };

const ready: Stage = { lifecycle: 'ready', sinceMs: ago(50) };
const notReady: Stage = { lifecycle: 'not-ready', sinceMs: ago(42) };
const starting: Stage = { lifecycle: 'starting', sinceMs: ago(100) };
const terminating: Stage = { lifecycle: 'terminating', sinceMs: ago(9) };
/** The last news of a pod that is deleted: the API server sets the time of its deletion again. */
const ended = { ...running, deletedMs: ago(0), graceSeconds: 0 };
/** What its node did not tell any more: only the phase has changed. */
const lost = { phase: 'Failed', startedMs: ago(100) };
/** Its readiness has changed after the start of its containers, and before. */
const stopped = { ...running, ready: false };
const unready = { ...stopped, readySinceMs: ago(99) };
const silent = { ...running, ready: null };
const succeeded = { ...silent, phase: 'Succeeded' };
const failed = { ...stopped, phase: 'Failed' };

describe('the stage of a pod', () => {
  test.each<[string, string, Partial<StubPod>, Stage?]>([
    ['is starting since its creation while it is pending', 'starting 100s', {}],
    ['is starting while it is pending, with an address too', 'starting 100s', { ip: '10.1.0.1', phase: 'Pending' }],
    ['is starting without an address, whatever else it claims', 'starting 100s', { phase: 'Running', ready: true }],
    ['is ready since the Ready condition became true', 'ready 60s', { ...running, ready: true }],
    ['is starting while its containers run but were never ready', 'starting 100s', unready],
    ['is starting while it has no Ready condition', 'starting 100s', silent],
    ['is not-ready once its readiness changed after the start of its containers', 'not-ready 60s', stopped],
    ['is not-ready if a container was restarted', 'not-ready 99s', { ...unready, restarts: 1 }],
    ['is not-ready if it was seen ready', 'not-ready 90s', { ...unready, readySinceMs: ago(90) }, ready],
    ['is not-ready from now on if the API names no time', 'not-ready 0s', silent, ready],
    ['keeps its time while it is the same and the API names no time', 'not-ready 42s', silent, notReady],
    ['is terminating since the request, if ready', 'terminating 10s', { ...running, ready: true, deletedMs: ago(10) }],
    ['is terminating since the request, if not ready', 'terminating 10s', { deletedMs: ago(10) }],
    ['keeps the time of the request when its deletion ends', 'terminating 9s', ended, terminating],
    ['is terminating, although the API names an impossible time', 'terminating 0s', { deletedMs: 1e15 }],
    ['was gone when first seen: since the newest time of the API', 'gone 60s', failed],
    ['was gone when first seen, deleted or not', 'gone 60s', { ...failed, deletedMs: ago(5) }],
    ['was gone when first seen: or since its start, if the API says no more', 'gone 90s', succeeded],
    ['was gone when first seen: or since its creation, if the API says no more', 'gone 100s', { ...silent, ...lost }],
    ['is gone now if it was seen alive, whatever became not ready before', 'gone 0s', failed, ready],
    ['is gone now if it was seen alive, although it claims to be ready', 'gone 0s', { ...running, ...lost }, ready],
    ['is gone now if it was seen alive and never ready', 'gone 0s', { ...unready, ...lost }, starting],
    ['stays gone since it was', 'gone 7s', { ...failed, deletedMs: ago(5) }, { lifecycle: 'gone', sinceMs: ago(7) }],
  ])('%s: %s', (_rule, expected, pod, before) => expect(stage(pod, before)).toBe(expected));

  test('never begins in the future, although the clock of the API server may be ahead', () => {
    expect(stage({ ...running, ready: true, readySinceMs: NOW + 60_000 })).toBe('ready 0s');
    const pod = fc.record(
      {
        ip: fc.constant('10.1.0.1'),
        phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown', ''),
        ready: fc.constantFrom(true, false, null),
        readySinceMs: fc.integer({ min: ago(1000), max: ago(-1000) }),
        createdMs: fc.integer({ min: ago(1000), max: ago(-1000) }),
        deletedMs: fc.integer({ min: ago(1000), max: ago(-1000) }),
        restarts: fc.nat(3),
      },
      { requiredKeys: [] },
    );
    const before = fc.option(fc.record({ lifecycle: fc.constantFrom(...LIFECYCLES), sinceMs: fc.constant(ago(7)) }));
    fc.assert(
      fc.property(pod, before, (shape, known) => {
        const facts = readPod(podObject({ name: 'a', ...shape }));
        const { sinceMs, lifecycle } = stageOf(facts, known, NOW);
        expect(sinceMs).toBeLessThanOrEqual(NOW);
        expect(sinceMs).toBeGreaterThan(0);
        if (lifecycle === 'ready') expect(shape.deletedMs).toBeUndefined();
      }),
    );
  });
});
