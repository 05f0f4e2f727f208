import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '../../../server/discovery/api-error.ts';
import { listNodes, NodeKeeper } from '../../../server/discovery/nodes.ts';
import { comparePods } from '../../../server/protocol/pod.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { countedPods } from '../../support/mesh.ts';
import { answering, keptLog } from './discovery-scene.ts';

const MINUTE = 60_000;
const [ZONES, CORDONED] = ['', 'spec.unschedulable=true'];
/** The name and the zone of a node that cannot be read. */
const UNREADABLE: [string, string] = ['', ''];
const forbidden = new ApiError('forbidden', 'no', 403);

let clock: FakeClock;
let zones: Map<string, string>;
let cordoned: Set<string>;
let failure: ApiError | null;
/** The field selectors by which the API server was asked. */
let asked: string[];
/** What the store was told. */
let told: unknown[];
let keeper: NodeKeeper;

beforeEach(() => {
  clock = new FakeClock();
  zones = new Map([
    ['n1', 'east'],
    ['n2', ''],
  ]);
  cordoned = new Set(['n1']);
  failure = null;
  asked = [];
  told = [];
  const tell = (fact: unknown) => told.push(fact) > 0;
  keeper = new NodeKeeper({
    clock,
    log: keptLog().log,
    random: () => 0.5,
    timing: { nodesRefreshMs: 10 * MINUTE, nodesPaceMs: MINUTE },
    list: async (selector) => {
      asked.push(selector);
      if (failure !== null) throw failure;
      const isWanted = (name: string) => [ZONES, `metadata.name=${name || 'n1'}`].includes(selector);
      return [...zones].filter(([name]) => (selector === CORDONED ? cordoned.has(name) : isWanted(name)));
    },
    store: { setZones: tell, setCordoned: tell, nodeDeleted: tell },
    onChange: () => {},
  });
});

/** Sets ready pods on these nodes, and departed ones. */
const setNodes = (nodes: string[], departed: string[] = []) =>
  keeper.setPods([
    ...nodes.map((node, n) => ({ namespace: '', name: 'a', uid: `${n}`, node, lifecycle: 'ready' as const })),
    ...departed.map((node, n) => ({ namespace: '', name: 'b', uid: `${n}`, node, lifecycle: 'gone' as const })),
  ]);
const count = (question: string) => asked.filter((each) => each === question).length;

it('nothing is asked before the first node is named, and nothing after the stop', async () => {
  setNodes(['', '']);
  await clock.advance(20 * MINUTE);
  expect(asked).toEqual([]);
  setNodes(['', 'n1']);
  await clock.advance(0);
  expect(asked).toEqual([ZONES, CORDONED]);
  expect(told).toEqual([zones, cordoned]);
  await keeper.stop();
  setNodes(['n3']);
  expect(clock.pending).toBe(0);
});

it('a node that cannot be read is there: it is not deleted, and its zone is unknown', async () => {
  const metadata = { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'east' } };
  const items = [{ metadata }, { metadata: { name: 'n2' } }, { metadata: { name: 'n3', labels: 7 } }, { metadata: 7 }];
  const { client } = answering(() => ({ body: [{ kind: 'NodeList', metadata: { resourceVersion: '1' }, items }] }));
  const listed = await listNodes(client, clock, ZONES, 1_000, new AbortController().signal);
  expect(listed).toEqual([['n1', 'east'], ['n2', ''], ['n3', ''], UNREADABLE]);
  zones = new Map([UNREADABLE]);
  cordoned = new Set(['']);
  setNodes(['n1']);
  await clock.advance(0);
  setNodes([], ['n1']);
  await clock.advance(MINUTE);
  expect(count('metadata.name=n1')).toBe(1);
  // Nor is a pod without a node on a cordoned one.
  for (const fact of told.slice(1)) expect(fact).toEqual(new Set());
});

it('a pod that has changed among thousands is no reason to look at all of them', () => {
  const { pods, watched, reads } = countedPods(500);
  keeper.setPods(pods.sort(comparePods));
  const before = reads();
  keeper.setPods(pods.toSpliced(250, 1, watched({ ...pods[250]!, lifecycle: 'gone' })));
  expect(reads() - before).toBeLessThan(200);
});

describe('zones are listed', () => {
  it('every ten minutes', async () => {
    setNodes(['n1']);
    await clock.advance(0);
    for (let i = 0; i < 100; i++) setNodes(['n1']);
    await clock.advance(10 * MINUTE - 1);
    expect(count(ZONES)).toBe(1);
    await clock.advance(1);
    expect(count(ZONES)).toBe(2);
  });

  it('when a pod appears on an unknown node, at most once a minute', async () => {
    setNodes(['n1']);
    await clock.advance(10_000);
    zones.set('n3', 'west');
    setNodes(['n1'], ['n3']);
    await clock.advance(49_999);
    expect(count(ZONES)).toBe(1);
    await clock.advance(1);
    expect(count(ZONES)).toBe(2);
    expect(told).toContainEqual(zones);
  });

  it('once for a node that the list does not hold', async () => {
    for (let i = 0; i < 9; i++) {
      setNodes(['n1', 'ghost']);
      await clock.advance(MINUTE);
    }
    expect(count(ZONES)).toBe(1);
  });

  it('again within a minute after a failure, but only at the refresh if it is forbidden', async () => {
    failure = new ApiError('server-error', 'no', 500);
    setNodes(['n1']);
    await clock.advance(0);
    await clock.advance(MINUTE);
    expect(count(ZONES)).toBe(2);
    failure = forbidden;
    await clock.advance(MINUTE);
    await clock.advance(10 * MINUTE - 1);
    expect(count(ZONES)).toBe(3);
    expect(told).toEqual([]);
  });
});

describe('cordoned nodes are listed', () => {
  it('every 15 s', async () => {
    setNodes(['n1', 'n2']);
    await clock.advance(0);
    cordoned.clear();
    await clock.advance(15_000);
    expect(told.slice(1)).toEqual([new Set(['n1']), new Set()]);
  });

  it('less often in a large cluster: all pods together ask 17 times a second', async () => {
    setNodes(Array.from({ length: 5000 }, (_, i) => `n${i}`));
    await clock.advance(0);
    await clock.advance(299_999);
    expect(count(CORDONED)).toBe(1);
    await clock.advance(1);
    expect(count(CORDONED)).toBe(2);
  });

  it('again after 10 minutes without the right to read nodes', async () => {
    failure = forbidden;
    setNodes(['n1']);
    await clock.advance(0);
    await clock.advance(10 * MINUTE - 1);
    expect([count(CORDONED), told]).toEqual([1, []]);
    failure = null;
    await clock.advance(1);
    expect(told).toContainEqual(cordoned);
  });
});

describe('a node is looked up', () => {
  it('once, 10 s after its last pod has left, to tell whether it was deleted', async () => {
    setNodes(['n1', 'n2']);
    await clock.advance(0);
    zones.delete('n2');
    setNodes(['n1'], ['n2']);
    await clock.advance(9_999);
    expect(count('metadata.name=n2')).toBe(0);
    await clock.advance(1);
    expect([count('metadata.name=n2'), told.at(-1)]).toEqual([1, 'n2']);
    await clock.advance(2 * MINUTE);
    expect(count('metadata.name=n2')).toBe(1);
  });

  it('not if it has a pod again, as in a rollout; and not accused if it is there or cannot be read', async () => {
    setNodes(['n1', 'n2']);
    await clock.advance(0);
    setNodes(['n1']);
    await clock.advance(5_000);
    setNodes(['n1', 'n2']);
    await clock.advance(MINUTE);
    expect(count('metadata.name=n2')).toBe(0);
    setNodes(['n1']);
    await clock.advance(10_000);
    failure = forbidden;
    setNodes([]);
    await clock.advance(MINUTE);
    expect([count('metadata.name=n2'), count('metadata.name=n1')]).toEqual([1, 1]);
    expect(told.filter((fact) => typeof fact === 'string')).toEqual([]);
  });
});
