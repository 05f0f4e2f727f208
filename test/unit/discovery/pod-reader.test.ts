import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../server/discovery/api-error.ts';
import { readPod, type Stage, stageOf } from '../../../server/discovery/pod-reader.ts';
import { LIFECYCLES } from '../../../server/protocol/pod.ts';
import { podObject, type StubPod } from '../../support/kube-objects.ts';

/** A pod as kubectl shows it, cut to what matters. */
const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'goldpinger-x7k2p',
    namespace: 'monitoring',
    uid: 'c1f2',
    labels: { 'pod-template-hash': '7c9', app: 'goldpinger', 'a,b': 'x', empty: '', bad: 'a b' },
    creationTimestamp: '2026-01-01T00:00:00Z',
    deletionTimestamp: '2026-01-01T01:00:30Z',
    deletionGracePeriodSeconds: 30,
    ownerReferences: [
      { kind: 'Other', uid: 'o1' },
      { kind: 'DaemonSet', uid: 'o2', controller: true },
    ],
    managedFields: [{ fieldsV1: {} }],
  },
  spec: { nodeName: 'node-1', containers: [{ name: 'a' }] },
  status: {
    phase: 'Running',
    podIP: '10.1.0.1',
    podIPs: [{ ip: '10.1.0.1' }, { ip: 'fd00::1' }],
    hostIP: '192.168.0.1',
    hostIPs: [{ ip: '192.168.0.1' }, { ip: 'fd01::1' }],
    conditions: [
      { type: 'Initialized', status: 'True' },
      { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:20Z' },
    ],
    containerStatuses: [
      { restartCount: 2, state: { running: { startedAt: '2026-01-01T00:00:10Z' } } },
      { restartCount: 1, state: { waiting: { reason: 'CrashLoopBackOff' } } },
    ],
  },
};

describe('reading a pod', () => {
  test('returns what discovery needs of it', () => {
    expect(readPod(POD)).toEqual({
      uid: 'c1f2',
      name: 'goldpinger-x7k2p',
      namespace: 'monitoring',
      node: 'node-1',
      podIPs: ['10.1.0.1', 'fd00::1'],
      hostIPs: ['192.168.0.1', 'fd01::1'],
      createdMs: Date.UTC(2026, 0, 1),
      owner: 'o2',
      ownerKind: 'DaemonSet',
      labels: 'app=goldpinger,empty=,pod-template-hash=7c9',
      phase: 'Running',
      deletedMs: Date.UTC(2026, 0, 1, 1),
      ready: 'True',
      readySinceMs: Date.UTC(2026, 0, 1, 0, 0, 20),
      restarts: 3,
      startedMs: Date.UTC(2026, 0, 1, 0, 0, 10),
    });
  });

  test('accepts a pod that has just been created', () => {
    const facts = readPod({ metadata: { name: 'a', uid: 'u' }, spec: {}, status: { phase: 'Pending' } });
    expect(facts).toMatchObject({ node: '', podIPs: [], hostIPs: [], createdMs: 0, owner: '', ready: '', restarts: 0 });
    expect(readPod({ metadata: { name: 'a', uid: 'u' } })).toMatchObject({ phase: '' });
  });

  test('takes the one address if the list of addresses is missing', () => {
    const facts = readPod({ metadata: { name: 'a', uid: 'u' }, status: { podIP: 'fd00::1', hostIP: '10.0.0.1' } });
    expect(facts).toMatchObject({ podIPs: ['fd00::1'], hostIPs: ['10.0.0.1'] });
  });

  test('leaves out what is not an IP address, and all addresses beyond eight', () => {
    const ips = ['javascript:alert(1)', '', '10.0.0.300', ...Array.from({ length: 20 }, (_, i) => `10.0.0.${i}`)];
    const facts = readPod(podObject({ name: 'a', ips }));
    expect(facts.podIPs).toEqual(ips.slice(3, 11));
  });

  test('rejects names that Kubernetes does not allow', () => {
    expect(() => readPod({ metadata: { name: 'a'.repeat(254), uid: 'u' } })).toThrow(ApiError);
    expect(() => readPod({ metadata: { name: 'a', uid: 'u'.repeat(129) } })).toThrow(ApiError);
    expect(() => readPod({ metadata: { name: 'a', uid: '' } })).toThrow(ApiError);
  });

  test('throws only a bounded ApiError of fault malformed, whatever the object is', () => {
    const field = fc.oneof(fc.jsonValue(), fc.constant(undefined));
    const podLike = fc.record({
      metadata: fc.record({ name: field, uid: field, ownerReferences: field }),
      spec: field,
      status: fc.record({ podIP: field, podIPs: field, conditions: field, containerStatuses: field }),
    });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), podLike), (object) => {
        try {
          readPod(object);
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
          expect(error).toMatchObject({ fault: 'malformed' });
          expect((error as Error).message.length).toBeLessThanOrEqual(300);
        }
      }),
    );
  });
});

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
/** Its readiness has changed after the start of its containers, and before. */
const stopped = { ...running, ready: false };
const unready = { ...stopped, readySinceMs: ago(99) };
const silent = { ...running, ready: null };
const failed = { ...stopped, phase: 'Failed' };

describe('the stage of a pod', () => {
  test.each<[string, string, Partial<StubPod>, Stage?]>([
    ['is starting since its creation while it is pending', 'starting 100s', {}],
    [
      'is starting while it is pending, although it has an address',
      'starting 100s',
      { ip: '10.1.0.1', phase: 'Pending' },
    ],
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
    ['is gone when all containers have ended, since it is not ready', 'gone 60s', failed],
    ['is gone when all containers have ended, deleted or not', 'gone 60s', { ...failed, deletedMs: ago(5) }],
    ['is gone since its start if the API says no more', 'gone 90s', { ...silent, phase: 'Succeeded' }],
    ['is gone since its creation if the API says no more', 'gone 100s', { phase: 'Failed', ready: null }],
    ['is gone from now on if it was known before', 'gone 0s', { phase: 'Failed', ready: null }, ready],
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
