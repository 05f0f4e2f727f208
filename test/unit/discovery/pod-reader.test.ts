import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../../server/discovery/api-error.ts';
import { readPod } from '../../../server/discovery/pod-reader.ts';
import { podSchema } from '../../../server/protocol/pod.ts';
import { podObject } from '../../support/kube-objects.ts';

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

const condition = (type: string, status: string, reason: string) => ({ type, status, reason });

/** Any text of up to so many characters. Most texts of a pod have no other limit than the size of the object. */
const anyText = (maxLength: number) => fc.string({ unit: 'binary', maxLength });
const longText = fc.tuple(anyText(20), fc.nat(3_000)).map(([text, times]) => text.padEnd(times, 'x'));
const dnsName = (maxLength: number) => fc.nat(maxLength - 1).map((length) => 'a'.repeat(length + 1));
const time = fc.option(
  fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }).map((date) => date.toISOString()),
);
const orMissing = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const listOf = <T>(item: fc.Arbitrary<T>) => fc.option(fc.array(item, { maxLength: 5 }));
const containers = listOf(
  fc.record({
    restartCount: fc.nat(2 ** 31 - 1),
    state: fc.oneof(
      fc.constant({}),
      fc.record({ waiting: fc.record({ reason: orMissing(longText) }) }),
      fc.record({ running: fc.record({ startedAt: time }) }),
      fc.record({ terminated: fc.record({ finishedAt: time }) }),
    ),
  }),
);
/** Pods within the validation of the API server: k8s.io/kubernetes/pkg/apis/core/validation, apimachinery/pkg/api/validation. */
const validPod = fc.record({
  metadata: fc.record({
    name: dnsName(253),
    namespace: dnsName(63),
    uid: fc.uuid(),
    creationTimestamp: time,
    deletionTimestamp: time,
    deletionGracePeriodSeconds: fc.option(fc.integer({ min: 0, max: 2 ** 40 })),
    labels: fc.option(fc.dictionary(dnsName(317), dnsName(63))),
    ownerReferences: listOf(fc.record({ kind: longText, uid: longText, controller: orMissing(fc.boolean()) })),
  }),
  spec: fc.record({ nodeName: orMissing(dnsName(253)) }),
  status: fc.record({
    phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown', undefined),
    reason: orMissing(longText),
    hostIP: orMissing(fc.ipV4()),
    podIPs: fc.uniqueArray(fc.record({ ip: fc.oneof(fc.ipV4(), fc.constant('fd00::1')) }), {
      selector: ({ ip }) => ip,
      maxLength: 2,
    }),
    conditions: listOf(
      fc.record({
        type: fc.oneof(fc.constantFrom('Ready', 'PodScheduled', 'DisruptionTarget'), longText),
        status: fc.oneof(fc.constantFrom('True', 'False', 'Unknown'), longText),
        reason: orMissing(longText),
        lastTransitionTime: time,
      }),
    ),
    initContainerStatuses: containers,
    containerStatuses: containers,
  }),
});

describe('reading a pod', () => {
  test('returns what discovery needs of it', () => {
    expect(readPod(POD)).toEqual({
      pod: {
        uid: 'c1f2',
        name: 'goldpinger-x7k2p',
        namespace: 'monitoring',
        node: 'node-1',
        podIPs: ['10.1.0.1', 'fd00::1'],
        hostIPs: ['192.168.0.1', 'fd01::1'],
        createdMs: Date.UTC(2026, 0, 1),
        owner: 'o2',
        labels: 'app=goldpinger,empty=,pod-template-hash=7c9',
        goneByMs: Date.UTC(2026, 0, 1, 1, 0, 30),
        reason: 'CrashLoopBackOff',
      },
      ownerKind: 'DaemonSet',
      phase: 'Running',
      isDeleted: true,
      deletedMs: Date.UTC(2026, 0, 1, 1),
      ready: 'True',
      readySinceMs: Date.UTC(2026, 0, 1, 0, 0, 20),
      restarts: 3,
      startedMs: Date.UTC(2026, 0, 1, 0, 0, 10),
      newestMs: Date.UTC(2026, 0, 1, 0, 0, 20),
    });
  });

  test('takes the one address if the list of addresses is missing, and needs nothing but a name and a uid', () => {
    const { pod } = readPod({ metadata: { name: 'a', uid: 'u' }, status: { podIP: 'fd00::1', hostIP: '10.0.0.1' } });
    expect(pod).toMatchObject({ podIPs: ['fd00::1'], hostIPs: ['10.0.0.1'], node: '', createdMs: 0, owner: '' });
    expect(readPod({ metadata: { name: 'a', uid: 'u' } })).toMatchObject({ phase: '', ready: '', restarts: 0 });
  });

  test('leaves out what is not an IP address, and all addresses beyond eight', () => {
    const ips = ['javascript:alert(1)', '', '10.0.0.300', ...Array.from({ length: 20 }, (_, i) => `10.0.0.${i}`)];
    const facts = readPod(podObject({ name: 'a', ips }));
    expect(facts.pod.podIPs).toEqual(ips.slice(3, 11));
  });

  test.each<[string, object]>([
    ['Evicted', { phase: 'Failed', reason: 'Evicted' }],
    ['PreemptionByScheduler', { conditions: [condition('DisruptionTarget', 'True', 'PreemptionByScheduler')] }],
    ['ImagePullBackOff', { containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff' } } }] }],
    ['CreateContainerError', { initContainerStatuses: [{ state: { waiting: { reason: 'CreateContainerError' } } }] }],
    ['Unschedulable', { conditions: [condition('PodScheduled', 'False', 'Unschedulable')] }],
    ['', { containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] }],
  ])('gives the reason %s', (reason, status) => {
    expect(readPod({ metadata: { name: 'a', uid: 'u' }, status }).pod.reason).toBe(reason);
  });

  test('reads every pod that the API server accepts, to what a report may hold', () => {
    fc.assert(
      fc.property(validPod, (object) => {
        const { isDeleted, pod } = readPod(object);
        const whole = { ...pod, zone: '', lifecycle: 'ready', sinceMs: 0, replacedBy: '' };
        expect(v.parse(podSchema, whole)).toMatchObject({ uid: object.metadata.uid, name: object.metadata.name });
        expect(pod.podIPs.length).toBe(new Set(object.status.podIPs.map(({ ip }) => ip)).size);
        expect(isDeleted).toBe(object.metadata.deletionTimestamp !== null);
      }),
      { numRuns: 300 },
    );
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

test('a pod with as many conditions and containers as are read has a newest time', () => {
  const conditions = Array.from({ length: 50_000 }, () => ({ type: 'x', lastTransitionTime: '2026-01-01T00:00:20Z' }));
  const state = { running: { startedAt: '2026-01-01T00:00:30Z' } };
  const containerStatuses = Array.from({ length: 50_000 }, () => ({ restartCount: 0, state }));
  const pod = {
    ...POD,
    status: { ...POD.status, conditions, containerStatuses, initContainerStatuses: containerStatuses },
  };
  expect(readPod(pod).newestMs).toBe(Date.parse('2026-01-01T00:00:30Z'));
});
