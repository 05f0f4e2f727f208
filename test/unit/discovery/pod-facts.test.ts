import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPod } from '../../../server/discovery/pod-reader.ts';
import { ApiError } from '../../../server/discovery/status.ts';
import { podObject } from '../../support/kube-objects.ts';

/** As kubectl shows a pod, cut to what matters. */
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
  test('takes what we need of it', () => {
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

  test('is content with a pod that has only just been created', () => {
    const facts = readPod({ metadata: { name: 'a', uid: 'u' }, spec: {}, status: { phase: 'Pending' } });
    expect(facts).toMatchObject({ node: '', podIPs: [], hostIPs: [], createdMs: 0, owner: '', ready: '', restarts: 0 });
    expect(readPod({ metadata: { name: 'a', uid: 'u' } })).toMatchObject({ phase: '' });
  });

  test('takes one address where the list of them is missing', () => {
    const facts = readPod({ metadata: { name: 'a', uid: 'u' }, status: { podIP: 'fd00::1', hostIP: '10.0.0.1' } });
    expect(facts).toMatchObject({ podIPs: ['fd00::1'], hostIPs: ['10.0.0.1'] });
  });

  test('leaves out addresses that are none, and all beyond eight', () => {
    const ips = ['javascript:alert(1)', '', '10.0.0.300', ...Array.from({ length: 20 }, (_, i) => `10.0.0.${i}`)];
    const facts = readPod(podObject({ name: 'a', ips }));
    expect(facts.podIPs).toEqual(ips.slice(3, 11));
  });

  test('refuses names beyond what Kubernetes allows', () => {
    expect(() => readPod({ metadata: { name: 'a'.repeat(254), uid: 'u' } })).toThrow(ApiError);
    expect(() => readPod({ metadata: { name: 'a', uid: 'u'.repeat(129) } })).toThrow(ApiError);
    expect(() => readPod({ metadata: { name: 'a', uid: '' } })).toThrow(ApiError);
  });

  test('throws nothing but a bounded ApiError of class malformed, whatever it is given', () => {
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
