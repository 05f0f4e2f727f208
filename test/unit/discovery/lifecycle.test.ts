import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPod, type Stage, stageOf } from '../../../server/discovery/pod-reader.ts';
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

describe('the stage of a pod', () => {
  test('is starting, since its creation, as long as it is pending', () => {
    expect(stage({})).toBe('starting 100s');
    expect(stage({ ip: '10.1.0.1', phase: 'Pending' })).toBe('starting 100s');
  });

  test('is starting without an address, whatever else it claims', () => {
    expect(stage({ phase: 'Running', ready: true })).toBe('starting 100s');
  });

  test('is ready since the Ready condition became true', () => {
    expect(stage({ ...running, ready: true })).toBe('ready 60s');
  });

  test('is starting while its containers run but have not been ready yet', () => {
    expect(stage({ ...running, ready: false, readySinceMs: ago(99) })).toBe('starting 100s');
    expect(stage({ ...running, ready: null })).toBe('starting 100s');
  });

  test('is not-ready once the Ready condition changed after the containers started', () => {
    expect(stage({ ...running, ready: false })).toBe('not-ready 60s');
  });

  test('is not-ready if a container had to be restarted', () => {
    expect(stage({ ...running, ready: false, readySinceMs: ago(99), restarts: 1 })).toBe('not-ready 99s');
  });

  test('is not-ready if we have seen it ready, even if its times do not show it', () => {
    const before: Stage = { lifecycle: 'ready', sinceMs: ago(50) };
    expect(stage({ ...running, ready: false, readySinceMs: ago(90) }, before)).toBe('not-ready 90s');
    expect(stage({ ...running, ready: null }, before)).toBe('not-ready 0s');
  });

  test('is terminating since deletion was asked for, ready or not', () => {
    expect(stage({ ...running, ready: true, deletedMs: ago(10) })).toBe('terminating 10s');
    expect(stage({ deletedMs: ago(10) })).toBe('terminating 10s');
  });

  test('is gone when all containers have ended, since then as far as told', () => {
    expect(stage({ ...running, phase: 'Failed', ready: false })).toBe('gone 60s');
    expect(stage({ ...running, phase: 'Succeeded', ready: null })).toBe('gone 90s');
    expect(stage({ phase: 'Failed', ready: null })).toBe('gone 100s');
    expect(stage({ ...running, phase: 'Failed', deletedMs: ago(5), ready: false })).toBe('gone 60s');
    expect(stage({ phase: 'Failed', ready: null }, { lifecycle: 'ready', sinceMs: ago(80) })).toBe('gone 0s');
  });

  test('keeps its time while the stage does not change and the API tells none', () => {
    const before: Stage = { lifecycle: 'not-ready', sinceMs: ago(42) };
    expect(stage({ ...running, ready: null }, before)).toBe('not-ready 42s');
  });

  test("never begins in the future, though the API server's clock may be ahead", () => {
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
