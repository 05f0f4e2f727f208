import { beforeEach, describe, expect, it } from 'vitest';
import type { AddressPool } from '../../../../../deploy/local/addresses.ts';
import type { PodObject, ServiceObject } from '../../../../../deploy/local/api/objects.ts';
import { ENDPOINT_SLICES, PODS, SERVICES } from '../../../../../deploy/local/api/resources.ts';
import type { Store } from '../../../../../deploy/local/api/store.ts';
import {
  readyPodsOf,
  reconcileEndpoints,
  startServiceAddresses,
  targetPortOf,
} from '../../../../../deploy/local/control/services.ts';
import { soon } from '../../../../support/loopback-peer.ts';
import { addPod, newStore } from '../pod-store.ts';

let store: Store;
let service: ServiceObject;

function addReady(name: string, labels: Record<string, string>, podIP = '127.0.0.9'): PodObject {
  const pod = addPod(store, name, labels) as PodObject;
  const conditions = [{ type: 'Ready', status: 'True' as const, lastTransitionTime: '' }];
  return store.update(PODS, { ...pod, status: { ...pod.status, podIP, conditions } }) as PodObject;
}

const addresses = () => {
  const slice = store.get(ENDPOINT_SLICES, 'default', 's-local');
  return (slice?.['endpoints'] as { addresses: string[] }[] | undefined)?.flatMap((one) => one.addresses);
};

beforeEach(() => {
  store = newStore();
  service = store.create(SERVICES, {
    metadata: { name: 's', namespace: 'default' },
    spec: { selector: { app: 'x' }, ports: [{ port: 80, targetPort: 8080 }] },
  }) as ServiceObject;
});

it('a Service that becomes one without an address of its own names none: the next one may get it', async () => {
  let free = 0;
  const addresses = { take: async () => `127.0.0.${50 + free++}`, release: () => {} } as unknown as AddressPool;
  const stop = startServiceAddresses({ store, addresses, isServed: () => false });
  const now = () => store.get(SERVICES, 'default', 's') as ServiceObject;
  const ports = [{ port: 0 }];
  store.update(SERVICES, { ...now(), spec: { ...now().spec, type: 'LoadBalancer', ports } });
  await soon(() => expect(now().spec.clusterIP).toBe('127.0.0.50'));
  store.update(SERVICES, { ...now(), spec: { ...now().spec, type: 'ClusterIP' } });
  await soon(() => expect([now().spec.clusterIP, now()['status']]).toEqual([undefined, {}]));
  await stop();
});

describe('a Service', () => {
  it('leads to the ready pods that it selects, but not to a pod that is being deleted', () => {
    addReady('a', { app: 'x', more: '1' });
    addReady('b', { app: 'y' });
    addPod(store, 'starting', { app: 'x' });
    const going = addReady('going', { app: 'x' });
    store.update(PODS, { ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
    expect(readyPodsOf(store, service).map((pod) => pod.metadata.name)).toEqual(['a']);
  });

  it('without a selector leads nowhere', () => {
    addReady('a', { app: 'x' });
    expect(readyPodsOf(store, { ...service, spec: {} })).toEqual([]);
    expect(readyPodsOf(store, { ...service, spec: { selector: {} } })).toEqual([]);
  });

  it.each([
    [8080, 8080],
    ['http', 9090],
    ['unknown', 80],
    [undefined, 80],
  ])('with target port %s leads to port %s', (targetPort, wanted) => {
    const pod = addReady('a', { app: 'x' });
    const ports = [{ name: 'http', containerPort: 9090 }];
    const named = { ...pod, spec: { containers: [{ name: 'c', image: 'i', ports }] } };
    const port = { port: 80, ...(targetPort === undefined ? {} : { targetPort }) };
    expect(targetPortOf({ ...service, spec: { ports: [port] } }, named, 0)).toBe(wanted);
  });

  it('has an EndpointSlice that follows its pods and goes with it', () => {
    reconcileEndpoints(store);
    expect(addresses()).toEqual([]);
    addReady('a', { app: 'x' }, '127.0.0.2');
    addReady('b', { app: 'x' }, '127.0.0.3');
    reconcileEndpoints(store);
    expect(addresses()).toEqual(['127.0.0.2', '127.0.0.3']);
    store.remove(PODS, 'default', 'a');
    reconcileEndpoints(store);
    expect(addresses()).toEqual(['127.0.0.3']);
    const { version } = store;
    reconcileEndpoints(store);
    expect(store.version).toBe(version);
    const byHand = { name: 'by-hand', namespace: 'default' };
    store.create(ENDPOINT_SLICES, { metadata: byHand, addressType: 'IPv4', endpoints: [] });
    store.remove(SERVICES, 'default', 's');
    reconcileEndpoints(store);
    expect(store.list(ENDPOINT_SLICES).map(({ metadata }) => metadata.name)).toEqual(['by-hand']);
  });
});
