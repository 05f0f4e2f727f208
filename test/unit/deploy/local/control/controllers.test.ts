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
import { CONTROLLERS } from '../../../../../deploy/local/control/controllers.ts';
import { newStore, relabel } from '../pod-store.ts';

const NOW = Date.UTC(2026, 0, 1);

let store: Store;
/** The clock of the store. */
let nowMs = NOW;

/** Lets every controller run until nothing changes any more. */
function settle(): void {
  for (let before = -1; before !== store.version; ) {
    before = store.version;
    for (const [, reconcile] of CONTROLLERS) reconcile(store);
  }
}

const pods = () => store.list(PODS) as PodObject[];
const first = () => pods()[0] as PodObject;
const names = (of: PodObject[]) => of.map(({ metadata }) => metadata.name);
const nodesOf = (of: PodObject[]) => of.map(({ spec }) => spec.nodeName).sort();
const imagesOf = (of: { spec: PodObject['spec'] }[]) => of.map(({ spec }) => spec.containers[0]?.image).sort();
const isLeaving = ({ metadata }: PodObject) => metadata.deletionTimestamp !== undefined;
const leaving = () => pods().filter(isLeaving);
const staying = () => pods().filter((pod) => !isLeaving(pod));
const deployment = () => store.get(DEPLOYMENTS, 'default', 'app') as Workload;
const kill = (pod: PodObject) => deleteObject(store, PODS, pod, { graceSeconds: 0 });

/** Changes the spec of the Deployment. */
function change(spec: object): void {
  store.update(DEPLOYMENTS, { ...deployment(), spec: { ...deployment().spec, ...spec } });
  settle();
}

function makeReady(of: PodObject[] = pods()): void {
  for (const pod of of) {
    const conditions = [{ type: 'Ready', status: 'True' as const, lastTransitionTime: kubeTime(nowMs) }];
    store.update(PODS, { ...pod, status: { ...pod.status, phase: 'Running', conditions } });
  }
  settle();
}

function addNode(name: string, spec: object = {}): void {
  store.create(NODES, { metadata: { name }, spec });
}

/** A Deployment or a DaemonSet. */
function workload(kind: string, name: string, image = 'i') {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image }] } };
  const spec = { selector: { matchLabels: labels }, template, ...(kind === 'Deployment' && { replicas: 3 }) };
  return { metadata: { name, namespace: 'default' }, spec };
}

beforeEach(() => {
  nowMs = NOW;
  store = newStore(1000, () => nowMs);
  for (const name of ['n1', 'n2', 'n3']) addNode(name);
});

describe('a DaemonSet', () => {
  const stored = () => store.get(DAEMON_SETS, 'default', 'set') as KubeObject;

  beforeEach(() => {
    store.create(DAEMON_SETS, workload('DaemonSet', 'set'));
    settle();
  });

  it('has one pod on each node, also on a new and on a cordoned one, and counts them', () => {
    expect(nodesOf(pods())).toEqual(['n1', 'n2', 'n3']);
    addNode('n4', { unschedulable: true });
    settle();
    makeReady();
    expect(nodesOf(pods())).toEqual(['n1', 'n2', 'n3', 'n4']);
    expect(stored()['status']).toMatchObject({ desiredNumberScheduled: 4, updatedNumberScheduled: 4, numberReady: 4 });
  });

  it('replaces a pod on its node once it is gone', () => {
    const victim = first();
    deleteObject(store, PODS, victim);
    settle();
    expect(pods()).toHaveLength(3);
    kill(first());
    settle();
    expect(nodesOf(pods())).toEqual(['n1', 'n2', 'n3']);
    expect(names(pods())).not.toContain(victim.metadata.name);
  });

  it('with a new template replaces one pod at a time, when all are ready', () => {
    makeReady();
    store.update(DAEMON_SETS, { ...stored(), spec: workload('DaemonSet', 'set', 'j').spec });
    for (let round = 0; round < 3; round++) {
      settle();
      expect(leaving()).toHaveLength(1);
      kill(leaving()[0] as PodObject);
      settle();
      expect(leaving()).toEqual([]);
      makeReady();
    }
    expect(imagesOf(pods())).toEqual(['j', 'j', 'j']);
    expect(leaving()).toEqual([]);
  });

  it('with a new template replaces at once the pods that never became ready', () => {
    makeReady(pods().slice(0, 1));
    store.update(DAEMON_SETS, { ...stored(), spec: workload('DaemonSet', 'set', 'mended').spec });
    settle();
    expect(leaving()).toHaveLength(2);
    for (const pod of leaving()) kill(pod);
    settle();
    makeReady();
    expect(leaving()).toHaveLength(1);
  });

  it('takes its pods with it when it is deleted', () => {
    deleteObject(store, DAEMON_SETS, stored());
    settle();
    expect(staying()).toEqual([]);
  });
});

describe('a Deployment', () => {
  const roll = (image: string) => change({ template: workload('Deployment', 'app', image).spec.template });
  const hasImage = (image: string) => (pod: PodObject) => pod.spec.containers[0]?.image === image;

  beforeEach(() => {
    store.create(DEPLOYMENTS, workload('Deployment', 'app'));
    settle();
  });

  it('gets a ReplicaSet and pods, one per node, with names and owners as in Kubernetes', () => {
    const { name = '', uid } = store.list(REPLICA_SETS)[0]?.metadata ?? {};
    expect(name).toMatch(/^app-[bcdfghjklmnpqrstvwxz2456789]{10}$/);
    expect(nodesOf(pods())).toEqual(['n1', 'n2', 'n3']);
    for (const { metadata } of pods()) {
      expect(metadata.name).toMatch(new RegExp(`^${name}-[bcdfghjklmnpqrstvwxz2456789]{5}$`));
      expect(metadata.ownerReferences).toMatchObject([{ kind: 'ReplicaSet', uid, controller: true }]);
      expect(metadata.labels).toEqual({ app: 'app', 'pod-template-hash': name.slice(4) });
    }
  });

  it('replaces a terminating pod before it is gone', () => {
    deleteObject(store, PODS, first());
    settle();
    expect([leaving().length, staying().length]).toEqual([1, 3]);
  });

  it('replaces a pod whose labels it does not select any more, and takes it back when it does', () => {
    makeReady();
    const { name, labels = {} } = first().metadata;
    const victim = () => store.get(PODS, 'default', name) as PodObject;
    relabel(store, name, { ...labels, app: 'other' });
    settle();
    expect([staying().length, victim().metadata.ownerReferences]).toEqual([4, []]);
    relabel(store, name, labels);
    settle();
    expect(victim().metadata.ownerReferences).toMatchObject([{ kind: 'ReplicaSet', controller: true }]);
    expect(staying()).toHaveLength(3);
  });

  it('grows and shrinks, and deletes pods that are not ready first', () => {
    makeReady();
    const old = names(pods());
    change({ replicas: 5 });
    expect(pods()).toHaveLength(5);
    change({ replicas: 3 });
    expect(names(staying())).toEqual(old);
  });

  it('shrinks by its youngest pod', () => {
    const before = names(pods());
    kill(first());
    nowMs += 1_000;
    settle();
    makeReady();
    change({ replicas: 2 });
    expect(names(leaving())).toEqual(names(pods()).filter((name) => !before.includes(name)));
  });

  it('counts its pods in its status', () => {
    const counts = { replicas: 3, updatedReplicas: 3, readyReplicas: 0, unavailableReplicas: 3 };
    const conditions = () => Object.fromEntries(deployment().status!.conditions!.map((one) => [one.type, one.status]));
    expect(deployment().status).toMatchObject(counts);
    expect(conditions()).toEqual({ Available: 'False', Progressing: 'True' });
    makeReady();
    expect(deployment().status).toMatchObject({ readyReplicas: 3, availableReplicas: 3, unavailableReplicas: 0 });
    expect(conditions()).toEqual({ Available: 'True', Progressing: 'True' });
  });

  it('with a new template replaces its pods as the new ones become ready', () => {
    makeReady();
    roll('new');
    const fresh = () => pods().filter(hasImage('new'));
    expect([fresh().length, leaving().length]).toEqual([3, 0]);
    makeReady(fresh().slice(0, 1));
    expect(leaving()).toHaveLength(1);
    makeReady(fresh());
    expect(leaving()).toHaveLength(3);
    for (const pod of leaving()) kill(pod);
    settle();
    expect(store.list(REPLICA_SETS)).toHaveLength(1);
  });

  it('keeps the ready pods of the template before a broken one, not the broken ones', () => {
    makeReady();
    const ready = names(pods());
    for (const image of ['broken', 'mended']) roll(image);
    expect(names(staying().filter((pod) => !hasImage('mended')(pod)))).toEqual(ready);
  });

  it('keeps its ReplicaSet when a client sends the same template in another order', () => {
    const spec = { containers: [{ image: 'i', name: 'c' }] };
    change({ template: { spec, metadata: { labels: { app: 'app' } } } });
    expect(store.list(REPLICA_SETS)).toHaveLength(1);
  });

  it.each([{ labels: {} }, { ownerReferences: [] }])(
    'gives its ReplicaSet back what a client has taken away: %j',
    (taken) => {
      const set = store.list(REPLICA_SETS)[0] as KubeObject;
      store.update(REPLICA_SETS, { ...set, metadata: { ...set.metadata, ...taken } });
      settle();
      const { resourceVersion: _, ...before } = set.metadata;
      expect(store.list(REPLICA_SETS)).toMatchObject([{ metadata: before }]);
      expect(staying()).toHaveLength(3);
      expect(leaving()).toEqual([]);
    },
  );

  it('is deleted together with its ReplicaSets and pods', () => {
    store.remove(DEPLOYMENTS, 'default', 'app');
    settle();
    expect(store.list(REPLICA_SETS)).toHaveLength(0);
    expect(staying()).toEqual([]);
  });

  it('leaves a cordoned node to the pods that are there, and gives it no new ones', () => {
    const node = store.get(NODES, '', 'n1') as KubeObject;
    store.update(NODES, { ...node, spec: { unschedulable: true } });
    settle();
    expect(nodesOf(pods())).toContain('n1');
    kill(pods().find(({ spec }) => spec.nodeName === 'n1') as PodObject);
    settle();
    expect(pods()).toHaveLength(3);
    expect(new Set(nodesOf(pods()))).toEqual(new Set(['n2', 'n3']));
  });

  it('replaces the pods of a deleted node elsewhere', () => {
    store.remove(NODES, '', 'n1');
    settle();
    expect(pods()).toHaveLength(3);
    expect(new Set(nodesOf(pods()))).toEqual(new Set(['n2', 'n3']));
  });
});

describe('the deletion of a pod', () => {
  beforeEach(() => {
    store.create(DEPLOYMENTS, workload('Deployment', 'app'));
    settle();
  });

  it('grants the grace period of the spec, which can only be shortened', () => {
    const asked = deleteObject(store, PODS, first());
    expect(asked.metadata).toMatchObject({ deletionGracePeriodSeconds: 30, deletionTimestamp: kubeTime(NOW + 30_000) });
    nowMs += 1000;
    const hurried = deleteObject(store, PODS, asked, { graceSeconds: 5 });
    expect(hurried.metadata).toMatchObject({ deletionGracePeriodSeconds: 5, deletionTimestamp: kubeTime(NOW + 5000) });
    expect(deleteObject(store, PODS, hurried, { graceSeconds: 60 })).toBe(hurried);
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
    const { uid, name } = first().metadata;
    const events: unknown[] = [];
    const stop = store.subscribe(({ type, resource, object: { metadata } }) => {
      if (resource !== PODS || (type === 'MODIFIED' && metadata.uid !== uid)) return;
      const { deletionTimestamp, deletionGracePeriodSeconds, generation } = metadata;
      const seconds = deletionTimestamp && (Date.parse(deletionTimestamp) - NOW) / 1000;
      events.push([type, seconds, deletionGracePeriodSeconds, generation]);
    });
    for (const [atS = 0, graceSeconds = 0] of requests) {
      nowMs = NOW + atS * 1000;
      deleteObject(store, PODS, store.get(PODS, 'default', name) as PodObject, { graceSeconds });
      settle();
    }
    stop();
    expect(events).toEqual(expected);
    expect(store.get(PODS, 'default', name)).toBeUndefined();
  });

  it('does nothing as a dry run', () => {
    const { version } = store;
    deleteObject(store, PODS, first(), { dryRun: true });
    expect(store.version).toBe(version);
  });

  it('at most 300 events are kept', () => {
    for (let i = 0; i < 400; i++) recordEvent(store, first(), 'test', 'Test', String(i));
    const messages = store.list(EVENTS).map((event) => event['message']);
    expect(messages).toHaveLength(300);
    expect(messages).toContain('399');
    expect(messages).not.toContain('50');
  });
});
