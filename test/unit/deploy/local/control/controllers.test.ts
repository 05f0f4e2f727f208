import { beforeEach, describe, expect, it } from 'vitest';
import { type KubeObject, kubeTime, type PodObject, type Workload } from '../../../../../deploy/local/api/objects.ts';
import {
  DAEMON_SETS,
  DEPLOYMENTS,
  EVENTS,
  NODES,
  PODS,
  REPLICA_SETS,
} from '../../../../../deploy/local/api/resources.ts';
import type { Store } from '../../../../../deploy/local/api/store.ts';
import { deleteObject, recordEvent } from '../../../../../deploy/local/api/write.ts';
import {
  collectGarbage,
  reconcileDaemonSets,
  reconcileDeployments,
  reconcileReplicaSets,
  schedulePods,
} from '../../../../../deploy/local/control/controllers.ts';
import { newStore } from '../pod-store.ts';

const NOW = Date.UTC(2026, 0, 1);
let seed = 1;
const random = () => {
  seed = (seed * 16807) % 2147483647;
  return seed / 2147483647;
};

let store: Store;
/** The clock of the store, from which pods have their creation time. */
let nowMs = NOW;

/** Lets every controller run until nothing changes any more. */
function settle(): void {
  for (let before = -1; before !== store.version; ) {
    before = store.version;
    collectGarbage(store, NOW);
    reconcileDeployments(store, NOW);
    reconcileReplicaSets(store, NOW, random);
    reconcileDaemonSets(store, NOW, random);
    schedulePods(store, NOW);
  }
}

const pods = () => store.list(PODS) as PodObject[];
const deployment = () => store.get(DEPLOYMENTS, 'default', 'app') as Workload;
const change = (spec: object) =>
  store.update(DEPLOYMENTS, { ...deployment(), spec: { ...deployment().spec, ...spec } });

function makeReady(of: KubeObject[] = pods()): void {
  for (const pod of of as PodObject[]) {
    const conditions = [{ type: 'Ready', status: 'True' as const, lastTransitionTime: kubeTime(nowMs) }];
    store.update(PODS, { ...pod, status: { ...pod.status, phase: 'Running', conditions } });
  }
  settle();
}

beforeEach(() => {
  nowMs = NOW;
  store = newStore(1000, () => nowMs);
  for (const name of ['n1', 'n2', 'n3']) store.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  const template = { metadata: { labels: { app: 'app' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  store.create(DEPLOYMENTS, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'app', namespace: 'default' },
    spec: { replicas: 3, selector: { matchLabels: { app: 'app' } }, template },
  });
  settle();
});

describe('a DaemonSet', () => {
  const ofSet = () => pods().filter(({ metadata }) => metadata.ownerReferences?.[0]?.kind === 'DaemonSet');
  const nodes = () => ofSet().map(({ spec }) => spec.nodeName);
  const create = (image = 'i') => {
    const template = { metadata: { labels: { app: 'set' } }, spec: { containers: [{ name: 'c', image }] } };
    const spec = { selector: { matchLabels: { app: 'set' } }, template };
    const metadata = { name: 'set', namespace: 'default' };
    return { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata, spec };
  };
  const stored = () => store.get(DAEMON_SETS, 'default', 'set') as KubeObject;

  it('has one pod on each node, also on a new and on a cordoned one, and counts them', () => {
    store.create(DAEMON_SETS, create());
    settle();
    expect(nodes().sort()).toEqual(['n1', 'n2', 'n3']);
    store.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n4' }, spec: { unschedulable: true } });
    settle();
    makeReady(ofSet());
    expect(nodes().sort()).toEqual(['n1', 'n2', 'n3', 'n4']);
    expect(stored()['status']).toMatchObject({ desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberReady: 4 });
  });

  it('replaces a pod on its node once it is gone', () => {
    store.create(DAEMON_SETS, create());
    settle();
    const [victim] = ofSet() as [PodObject];
    deleteObject(store, PODS, victim, NOW);
    settle();
    expect(ofSet()).toHaveLength(3);
    deleteObject(store, PODS, ofSet()[0] as PodObject, NOW, { graceSeconds: 0 });
    settle();
    expect(nodes().sort()).toEqual(['n1', 'n2', 'n3']);
    expect(ofSet().map(({ metadata }) => metadata.name)).not.toContain(victim.metadata.name);
  });

  it('with a new template replaces one pod at a time, when all are ready', () => {
    store.create(DAEMON_SETS, create());
    settle();
    makeReady(ofSet());
    store.update(DAEMON_SETS, { ...stored(), spec: create('j').spec });
    const leaving = () => ofSet().filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    for (let round = 0; round < 3; round++) {
      settle();
      expect(leaving()).toHaveLength(1);
      deleteObject(store, PODS, leaving()[0] as PodObject, NOW, { graceSeconds: 0 });
      settle();
      expect(leaving()).toEqual([]);
      makeReady(ofSet());
    }
    expect(ofSet().map(({ spec }) => spec.containers[0]?.image)).toEqual(['j', 'j', 'j']);
    expect(leaving()).toEqual([]);
  });

  it('takes its pods with it when it is deleted', () => {
    store.create(DAEMON_SETS, create());
    settle();
    deleteObject(store, DAEMON_SETS, stored(), NOW);
    settle();
    expect(ofSet().every(({ metadata }) => metadata.deletionTimestamp !== undefined)).toBe(true);
  });
});

describe('a Deployment', () => {
  const roll = (image: string) =>
    change({ template: { metadata: { labels: { app: 'app' } }, spec: { containers: [{ name: 'c', image }] } } });
  const hasImage = (image: string) => (pod: PodObject) => pod.spec.containers[0]?.image === image;

  it('gets a ReplicaSet and pods, one per node, with names and owners as in Kubernetes', () => {
    const [set] = store.list(REPLICA_SETS);
    expect(set?.metadata.name).toMatch(/^app-[bcdfghjklmnpqrstvwxz2456789]{10}$/);
    expect(pods()).toHaveLength(3);
    for (const pod of pods()) {
      expect(pod.metadata.name).toMatch(new RegExp(`^${set?.metadata.name}-[bcdfghjklmnpqrstvwxz2456789]{5}$`));
      expect(pod.metadata.ownerReferences).toMatchObject([
        { kind: 'ReplicaSet', uid: set?.metadata.uid, controller: true },
      ]);
      expect(pod.metadata.labels).toEqual({ app: 'app', 'pod-template-hash': set?.metadata.name.slice(4) });
    }
    expect(
      pods()
        .map((pod) => pod.spec.nodeName)
        .sort(),
    ).toEqual(['n1', 'n2', 'n3']);
  });

  it('replaces a pod that is killed under a new name', () => {
    const victim = pods()[0] as PodObject;
    deleteObject(store, PODS, victim, NOW, { graceSeconds: 0 });
    settle();
    expect(pods()).toHaveLength(3);
    expect(pods().map((pod) => pod.metadata.name)).not.toContain(victim.metadata.name);
  });

  it('replaces a terminating pod before it is gone', () => {
    deleteObject(store, PODS, pods()[0] as PodObject, NOW);
    settle();
    expect(pods()).toHaveLength(4);
    expect(pods().filter((pod) => pod.metadata.deletionTimestamp === undefined)).toHaveLength(3);
  });

  it('grows and shrinks, and deletes pods that are not ready first', () => {
    makeReady();
    const old = pods().map((pod) => pod.metadata.name);
    change({ replicas: 5 });
    settle();
    expect(pods()).toHaveLength(5);
    change({ replicas: 3 });
    settle();
    const staying = pods().filter((pod) => pod.metadata.deletionTimestamp === undefined);
    expect(staying.map((pod) => pod.metadata.name)).toEqual(old);
  });

  it.each<[string, () => void]>([
    [
      'became ready last',
      () => {
        const [first, ...others] = pods() as [PodObject, ...PodObject[]];
        makeReady(others);
        nowMs += 1_000;
        makeReady([first]);
      },
    ],
    [
      'is the youngest',
      () => {
        deleteObject(store, PODS, pods()[0] as PodObject, NOW, { graceSeconds: 0 });
        nowMs += 1_000;
        settle();
        makeReady();
      },
    ],
  ])('shrinks by the pod that %s, whichever pod was written last', (_, prepare) => {
    const before = new Set(pods().map(({ metadata }) => metadata.uid));
    prepare();
    const isNew = ({ metadata }: PodObject) => !before.has(metadata.uid);
    const last = pods().find(isNew) ?? (pods()[0] as PodObject);
    for (const pod of pods().filter(({ metadata }) => metadata.uid !== last.metadata.uid)) {
      store.update(PODS, {
        ...pod,
        metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, written: 'last' } },
      });
    }
    change({ replicas: 2 });
    settle();
    const leaving = pods().filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    expect(leaving.map(({ metadata }) => metadata.name)).toEqual([last.metadata.name]);
  });

  it('counts its pods in its status', () => {
    expect(deployment().status).toMatchObject({
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 0,
      unavailableReplicas: 3,
    });
    makeReady();
    expect(deployment().status).toMatchObject({ readyReplicas: 3, availableReplicas: 3, unavailableReplicas: 0 });
    const available = deployment().status?.conditions?.find((one) => one.type === 'Available');
    expect(available).toMatchObject({ status: 'True' });
  });

  it('with a new template replaces its pods as the new ones become ready', () => {
    makeReady();
    const old = pods();
    roll('new');
    settle();
    const fresh = pods().filter((pod) => !old.some((one) => one.metadata.uid === pod.metadata.uid));
    expect(fresh).toHaveLength(3);
    expect(pods().filter((pod) => pod.metadata.deletionTimestamp !== undefined)).toHaveLength(0);
    makeReady(fresh.slice(0, 1));
    expect(pods().filter((pod) => pod.metadata.deletionTimestamp !== undefined)).toHaveLength(1);
    makeReady(pods().filter((pod) => fresh.some((one) => one.metadata.uid === pod.metadata.uid)));
    expect(pods().filter((pod) => pod.metadata.deletionTimestamp !== undefined)).toHaveLength(3);
    expect(deployment().metadata.annotations).toEqual({ 'deployment.kubernetes.io/revision': '2' });
  });

  it('keeps the three ReplicaSets before the present one for an undo, whatever their names are', () => {
    for (const image of ['v2', 'v3', 'v4', 'v5', 'v6', 'v7']) {
      roll(image);
      makeReady(pods().filter(hasImage(image)));
      for (const pod of pods().filter((one) => !hasImage(image)(one)))
        deleteObject(store, PODS, pod, NOW, { graceSeconds: 0 });
      settle();
    }
    const kept = (store.list(REPLICA_SETS) as Workload[]).map(({ spec }) => spec.template.spec.containers[0]?.image);
    expect(kept.sort()).toEqual(['v4', 'v5', 'v6', 'v7']);
  });

  it('keeps the ready pods of the template before a broken one, not the broken ones', () => {
    makeReady();
    const ready = pods().map(({ metadata }) => metadata.name);
    for (const image of ['broken', 'mended']) {
      roll(image);
      settle();
    }
    const staying = pods().filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    expect(staying.filter((pod) => !hasImage('mended')(pod)).map(({ metadata }) => metadata.name)).toEqual(ready);
  });

  it('keeps its ReplicaSet when a client sends the same template in another order', () => {
    const { spec } = deployment();
    const template = {
      spec: { containers: [{ image: 'i', name: 'c' }] },
      metadata: { labels: { app: 'app' }, annotations: null },
    };
    change({ template: template as unknown as typeof spec.template });
    settle();
    expect(store.list(REPLICA_SETS)).toHaveLength(1);
  });

  it('is deleted together with its ReplicaSets and pods', () => {
    store.remove(DEPLOYMENTS, 'default', 'app');
    settle();
    expect(store.list(REPLICA_SETS)).toHaveLength(0);
    expect(pods().every((pod) => pod.metadata.deletionTimestamp !== undefined)).toBe(true);
  });
});

describe('a node', () => {
  const nodesOf = () => new Set(pods().map(({ spec }) => spec.nodeName));

  it('that is cordoned keeps its pods and gets no new ones', () => {
    const node = store.get(NODES, '', 'n1') as KubeObject;
    store.update(NODES, { ...node, spec: { unschedulable: true } });
    settle();
    expect(nodesOf()).toContain('n1');
    const victim = pods().find(({ spec }) => spec.nodeName === 'n1') as PodObject;
    deleteObject(store, PODS, victim, NOW, { graceSeconds: 0 });
    settle();
    expect(pods()).toHaveLength(3);
    expect(nodesOf()).toEqual(new Set(['n2', 'n3']));
  });

  it('that is deleted takes its pods with it, and others replace them elsewhere', () => {
    store.remove(NODES, '', 'n1');
    settle();
    expect(pods()).toHaveLength(3);
    expect(nodesOf()).toEqual(new Set(['n2', 'n3']));
  });
});

describe('the deletion of a pod', () => {
  const placed = () => pods()[0] as PodObject;

  it('grants the grace period of the spec, which can only be shortened', () => {
    const first = deleteObject(store, PODS, placed(), NOW);
    expect(first.metadata).toMatchObject({ deletionGracePeriodSeconds: 30, deletionTimestamp: '2026-01-01T00:00:30Z' });
    const hurried = deleteObject(store, PODS, first, NOW + 1000, { graceSeconds: 5 });
    expect(hurried.metadata).toMatchObject({
      deletionGracePeriodSeconds: 5,
      deletionTimestamp: '2026-01-01T00:00:05Z',
    });
    const more = deleteObject(store, PODS, hurried, NOW + 1000, { graceSeconds: 60 });
    expect(more).toBe(hurried);
  });

  // As recorded from a real API server (1.33): type, seconds from the request to deletionTimestamp, grace, generation.
  const ended = (seconds: number) => [
    ['MODIFIED', seconds, 0, 2],
    ['DELETED', seconds, 0, 2],
    ['ADDED', undefined, undefined, 1],
  ];
  it.each([
    ['by force', [[0, 0]], ended(0)],
    [
      'with 20 s of grace, of which it takes 6',
      [
        [0, 20],
        [6, 0],
      ],
      [['MODIFIED', 20, 20, 2], ended(0)[2], ...ended(6).slice(0, 2)],
    ],
  ])('%s is told by the events of a real cluster', (_, requests, expected) => {
    const { uid, name } = placed().metadata;
    const events: unknown[] = [];
    const stop = store.subscribe(({ type, resource, object: { metadata } }) => {
      if (resource !== PODS || (type === 'MODIFIED' && metadata.uid !== uid)) return;
      const { deletionTimestamp, deletionGracePeriodSeconds, generation } = metadata;
      const seconds = deletionTimestamp && (Date.parse(deletionTimestamp) - NOW) / 1000;
      events.push([type, seconds, deletionGracePeriodSeconds, generation]);
    });
    for (const [atS = 0, graceSeconds = 0] of requests) {
      const pod = store.get(PODS, 'default', name) as PodObject;
      deleteObject(store, PODS, pod, NOW + atS * 1000, { graceSeconds });
      settle();
    }
    stop();
    expect(events).toEqual(expected);
    expect(store.get(PODS, 'default', name)).toBeUndefined();
  });

  it('is rejected if a precondition fails, and does nothing as a dry run', () => {
    expect(() => deleteObject(store, PODS, placed(), NOW, { uid: 'other' })).toThrow('Precondition failed: UID');
    expect(() => deleteObject(store, PODS, placed(), NOW, { resourceVersion: '1' })).toThrow('ResourceVersion');
    const { version } = store;
    deleteObject(store, PODS, placed(), NOW, { dryRun: true });
    expect(store.version).toBe(version);
  });
});

it('at most 300 events are kept', () => {
  const pod = pods()[0] as PodObject;
  const happening = { type: 'Normal', reason: 'Test', component: 'test' } as const;
  for (let i = 0; i < 400; i++) recordEvent(store, NOW, pod, { ...happening, message: String(i) });
  const messages = store.list(EVENTS).map((event) => event['message']);
  expect(messages).toHaveLength(300);
  expect(messages).toContain('399');
  expect(messages).not.toContain('50');
});
