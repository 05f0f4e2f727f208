import { beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../../../server/discovery/api-error.ts';
import { ZoneKeeper, type ZoneMap } from '../../../server/discovery/zones.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { keptLog } from './discovery-scene.ts';

const MINUTE = 60_000;
let clock: FakeClock;
let nodes: Map<string, string>;
let failure: ApiError | null;
let lists: number;
let found: ZoneMap[];
let keeper: ZoneKeeper;

beforeEach(() => {
  clock = new FakeClock();
  nodes = new Map([['n1', 'east']]);
  failure = null;
  lists = 0;
  found = [];
  const list = async () => {
    lists += 1;
    if (failure) throw failure;
    return new Map(nodes);
  };
  keeper = new ZoneKeeper({
    clock,
    log: keptLog().log,
    random: () => 0.5,
    timing: { nodesRefreshMs: 10 * MINUTE, nodesPaceMs: MINUTE },
    list,
    onZones: (zones) => found.push(zones),
  });
});

describe('nodes are listed', () => {
  test('when the first node is named, not before', async () => {
    keeper.setNodes(['', '']);
    await clock.advance(20 * MINUTE);
    expect(lists).toBe(0);
    keeper.setNodes(['', 'n1']);
    await clock.advance(0);
    expect(found).toEqual([nodes]);
  });

  test('every ten minutes', async () => {
    keeper.setNodes(['n1']);
    await clock.advance(0);
    for (let i = 0; i < 100; i++) keeper.setNodes(['n1']);
    await clock.advance(10 * MINUTE - 1);
    expect(lists).toBe(1);
    await clock.advance(1);
    expect(lists).toBe(2);
  });

  test('when a pod appears on an unknown node, at most once a minute', async () => {
    keeper.setNodes(['n1']);
    await clock.advance(10_000);
    nodes.set('n2', 'west');
    keeper.setNodes(['n1', 'n2']);
    await clock.advance(49_999);
    expect(lists).toBe(1);
    await clock.advance(1);
    expect(lists).toBe(2);
    expect(found.at(-1)?.get('n2')).toBe('west');
  });

  test('once for a node that the list does not hold', async () => {
    keeper.setNodes(['n1', 'ghost']);
    await clock.advance(0);
    for (let i = 0; i < 9; i++) {
      keeper.setNodes(['n1', 'ghost']);
      await clock.advance(MINUTE);
    }
    expect(lists).toBe(1);
  });

  test('again within a minute after a failure, but only at the refresh if it is forbidden', async () => {
    failure = new ApiError('server-error', 'no', 500);
    keeper.setNodes(['n1']);
    await clock.advance(0);
    await clock.advance(MINUTE);
    expect(lists).toBe(2);
    failure = new ApiError('forbidden', 'no', 403);
    await clock.advance(MINUTE);
    expect(lists).toBe(3);
    await clock.advance(10 * MINUTE - 1);
    expect(lists).toBe(3);
    expect(found).toEqual([]);
  });

  test('no more after the stop', async () => {
    keeper.setNodes(['n1']);
    await clock.advance(0);
    await keeper.stop();
    keeper.setNodes(['n2']);
    expect(clock.pending).toBe(0);
  });
});
