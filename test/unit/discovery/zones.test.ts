import { beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../../../server/discovery/status.ts';
import { ZoneKeeper, type ZoneMap } from '../../../server/discovery/zones.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { keptLog } from './observed.ts';

const MINUTE = 60_000;
let clock: FakeClock;
let nodes: Map<string, string>;
let failure: ApiError | null;
let lists: number;
let told: ZoneMap[];
let keeper: ZoneKeeper;

beforeEach(() => {
  clock = new FakeClock();
  nodes = new Map([['n1', 'east']]);
  failure = null;
  lists = 0;
  told = [];
  const list = async () => {
    lists += 1;
    if (failure) throw failure;
    return new Map(nodes);
  };
  const tuning = { nodesRefreshMs: 10 * MINUTE, nodesPaceMs: MINUTE };
  keeper = new ZoneKeeper({ clock, log: keptLog().log, random: () => 0.5, tuning, list }, (zones) => told.push(zones));
});

describe('nodes are listed', () => {
  test('when the first pod is seen on one, not before', async () => {
    keeper.see(['', '']);
    await clock.advance(20 * MINUTE);
    expect(lists).toBe(0);
    keeper.see(['', 'n1']);
    await clock.advance(0);
    expect(told).toEqual([nodes]);
  });

  test('every ten minutes', async () => {
    keeper.see(['n1']);
    await clock.advance(0);
    for (let i = 0; i < 100; i++) keeper.see(['n1']);
    await clock.advance(10 * MINUTE - 1);
    expect(lists).toBe(1);
    await clock.advance(1);
    expect(lists).toBe(2);
  });

  test('when a pod turns up on an unknown node, once a minute at most', async () => {
    keeper.see(['n1']);
    await clock.advance(10_000);
    nodes.set('n2', 'west');
    keeper.see(['n1', 'n2']);
    await clock.advance(49_999);
    expect(lists).toBe(1);
    await clock.advance(1);
    expect(lists).toBe(2);
    expect(told.at(-1)?.get('n2')).toBe('west');
  });

  test('but not again and again for a node that the list does not hold', async () => {
    keeper.see(['n1', 'ghost']);
    await clock.advance(0);
    for (let i = 0; i < 9; i++) {
      keeper.see(['n1', 'ghost']);
      await clock.advance(MINUTE);
    }
    expect(lists).toBe(1);
  });

  test('soon again after a failure, rarely where it is forbidden', async () => {
    failure = new ApiError('server-error', 'no', 500);
    keeper.see(['n1']);
    await clock.advance(0);
    await clock.advance(MINUTE);
    expect(lists).toBe(2);
    failure = new ApiError('forbidden', 'no', 403);
    await clock.advance(MINUTE);
    expect(lists).toBe(3);
    await clock.advance(10 * MINUTE - 1);
    expect(lists).toBe(3);
    expect(told).toEqual([]);
  });

  test('no more once stopped', async () => {
    keeper.see(['n1']);
    await clock.advance(0);
    await keeper.stop();
    keeper.see(['n2']);
    expect(clock.pending).toBe(0);
  });
});
