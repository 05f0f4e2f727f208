import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '../../../server/discovery/api-error.ts';
import { NodeKeeper } from '../../../server/discovery/nodes.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { discoveryOfFile, until } from './discovery-scene.ts';

describe('the keeper of nodes', () => {
  let clock: FakeClock;
  let cordoned: Set<string>;
  let existing: Set<string>;
  let failure: ApiError | null;
  let lists: number;
  let lookUps: string[];
  let deleted: string[];
  let found: ReadonlySet<string>[];
  let keeper: NodeKeeper;

  beforeEach(() => {
    clock = new FakeClock();
    cordoned = new Set(['n1']);
    existing = new Set(['n1', 'n2']);
    failure = null;
    lists = 0;
    lookUps = [];
    deleted = [];
    found = [];
    keeper = new NodeKeeper({
      clock,
      random: () => 0.5,
      listCordoned: async () => {
        lists += 1;
        if (failure !== null) throw failure;
        return new Set(cordoned);
      },
      exists: async (node) => {
        lookUps.push(node);
        if (failure !== null) throw failure;
        return existing.has(node);
      },
      onCordoned: (nodes) => found.push(nodes),
      onDeleted: (node) => deleted.push(node),
    });
  });

  it('lists the cordoned nodes when the first node is named, then every 15 s', async () => {
    await clock.advance(60_000);
    expect(lists).toBe(0);
    keeper.setNodes(['n1', 'n2']);
    await clock.advance(0);
    expect(found).toEqual([new Set(['n1'])]);
    cordoned.clear();
    await clock.advance(15_000);
    expect(found).toEqual([new Set(['n1']), new Set()]);
  });

  it('lists less often in a large cluster: all pods together ask 17 times a second', async () => {
    keeper.setNodes(Array.from({ length: 5000 }, (_, i) => `n${i}`));
    await clock.advance(0);
    await clock.advance(299_999);
    expect(lists).toBe(1);
    await clock.advance(1);
    expect(lists).toBe(2);
  });

  it('is content without the right to read nodes, and tries again after 10 minutes', async () => {
    failure = new ApiError('forbidden', 'no', 403);
    keeper.setNodes(['n1']);
    await clock.advance(0);
    await clock.advance(599_999);
    expect([lists, found]).toEqual([1, []]);
    failure = null;
    await clock.advance(1);
    expect(found).toHaveLength(1);
  });

  it('looks a node up once, 10 s after its last pod has left, and tells if it was deleted', async () => {
    keeper.setNodes(['n1', 'n2']);
    await clock.advance(0);
    existing.delete('n2');
    keeper.setNodes(['n1']);
    await clock.advance(9_999);
    expect(lookUps).toEqual([]);
    await clock.advance(1);
    expect([lookUps, deleted]).toEqual([['n2'], ['n2']]);
    await clock.advance(120_000);
    expect(lookUps).toEqual(['n2']);
  });

  it('looks up no node that has a pod again, as in a rollout, and accuses none that is there or cannot be read', async () => {
    keeper.setNodes(['n1', 'n2']);
    await clock.advance(0);
    keeper.setNodes(['n1']);
    await clock.advance(5_000);
    keeper.setNodes(['n1', 'n2']);
    await clock.advance(60_000);
    expect(lookUps).toEqual([]);
    keeper.setNodes(['n1']);
    await clock.advance(10_000);
    failure = new ApiError('forbidden', 'no', 403);
    keeper.setNodes([]);
    await clock.advance(60_000);
    expect([lookUps, deleted]).toEqual([['n2', 'n1'], []]);
  });

  it('ends with its timers', async () => {
    keeper.setNodes(['n1']);
    await clock.advance(0);
    await keeper.stop();
    keeper.setNodes(['n2']);
    expect(clock.pending).toBe(0);
  });
});

describe('discovery', () => {
  const file = discoveryOfFile();

  it.each([
    [false, 'cordoned'],
    [true, 'ignored'],
  ] as const)('with IGNORE_CORDONED=%s marks pods on cordoned nodes as %s', async (ignoreCordoned, cordon) => {
    file.stub.putNode('n1', '', true);
    file.stub.putNode('n2', '');
    for (const n of [1, 2]) file.stub.putPod({ name: `p${n}`, ip: `10.1.0.${n}`, node: `n${n}` });
    const discovery = await file.synced([], { ignoreCordoned });
    await until(() => expect(discovery.snapshot().pods.map((pod) => pod.cordon)).toEqual([cordon, '']));
    const selectors = file.stub.requests
      .filter(({ kind }) => kind === 'nodes')
      .map(({ query }) => query.get('fieldSelector'));
    expect(selectors).toContain('spec.unschedulable=true');
  });
});
