import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { PULL_MS } from '../../../server/peers/copies.ts';
import { CopySource, isKeeper, KEEPERS, Keeper, keepersOf } from '../../../server/peers/keeper.ts';
import { PeerCallError, type PeerRequest } from '../../../server/peers/peer-client.ts';
import { type CopyAnswer, NO_CURSOR } from '../../../server/protocol/copy.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { podOf, podsOf, snapshotOf } from '../../support/mesh.ts';
import { journals } from '../../support/peer-answers.ts';

const FIRST_LOOK_MS = 2_500;
const uidsOf = (pods: readonly Pod[]) => pods.map(({ uid }) => uid);
const meshes = fc
  .uniqueArray(fc.uuid(), { minLength: 1, maxLength: 40 })
  .map((uids) => uids.map((uid, i) => podOf(i, { uid })));

describe('the keepers of a pod', () => {
  it('are two others, the same whoever chooses, and each knows that it is one', () => {
    fc.assert(
      fc.property(meshes, (pods) => {
        for (const { uid } of pods) {
          const keepers = keepersOf(uid, pods);
          expect(uidsOf(keepers)).not.toContain(uid);
          expect(keepers).toHaveLength(Math.min(KEEPERS, pods.length - 1));
          expect(uidsOf(keepersOf(uid, pods.toReversed()))).toEqual(uidsOf(keepers));
          const known = pods.filter((pod) => isKeeper(pod, uid, pods));
          expect(uidsOf(known).sort()).toEqual(uidsOf(keepers).sort());
        }
      }),
    );
  });

  it('stay when another pod leaves or joins, unless that is chosen itself', () => {
    fc.assert(
      fc.property(meshes, fc.nat(), (pods, which) => {
        const other = pods[which % pods.length]!;
        const without = pods.filter((pod) => pod !== other);
        for (const { uid } of without) {
          const before = uidsOf(keepersOf(uid, pods));
          const after = uidsOf(keepersOf(uid, without));
          expect(after).toEqual(expect.arrayContaining(before.filter((keeper) => keeper !== other.uid)));
        }
      }),
    );
  });

  it('are spread: of 300 pods none keeps more than a dozen copies', () => {
    const pods = podsOf(300);
    const counts = new Map<string, number>();
    for (const { uid } of pods)
      for (const keeper of keepersOf(uid, pods)) counts.set(keeper.uid, (counts.get(keeper.uid) ?? 0) + 1);
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(12);
  });

  it.each(['gone', 'terminating', 'starting'] as const)('are no pods that are %s', (lifecycle) => {
    const pods = [podOf(0), podOf(1), podOf(2, { lifecycle }), podOf(3)];
    expect(uidsOf(keepersOf(podOf(0).uid, pods)).sort()).toEqual([podOf(1).uid, podOf(3).uid]);
  });
});

/**
 * A keeper, pod 0 of three, and what it asks: `pod path-and-query` of each call. `answers`: whether the first calls about a
 * pod that has departed have more, or fail; the others have no more.
 */
function start(pods: Pod[], departed: string[] = [], answers: ('more' | 'fails')[] = []) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const taken: string[] = [];
  const state = { pods, selfUid: podOf(0).uid, hasCopies: true };
  const keeper = new Keeper({
    clock,
    client: {
      request: async <T>(pod: Pod, { path }: PeerRequest<T>) => {
        const of = new URLSearchParams(path.split('?')[1]).get('of') ?? '';
        asked.push(`${pod.name} ${of}`);
        const answer = departed.includes(of) ? answers.shift() : undefined;
        if (pod.name === 'pod-2' || answer === 'fails') throw new PeerCallError('refused', 'connection refused');
        const value = { hasMore: answer === 'more', copies: [] } as T;
        return { value, atMs: clock.nowMs(), errorMs: 1 };
      },
    },
    snapshot: () => snapshotOf(state.pods),
    selfUid: () => state.selfUid,
    departed: () => departed,
    otherKeepers: (uid) =>
      keepersOf(
        uid,
        state.pods.filter((pod) => pod.uid !== state.selfUid),
      ),
    copies: {
      cursorOf: (uid) => (taken.includes(uid) ? { ...NO_CURSOR, process: 'p' } : null),
      take: (uid: string, _answer: CopyAnswer) => {
        if (state.hasCopies) taken.push(uid);
      },
    },
  });
  const set = (...now: Pod[]) => {
    state.pods = now;
  };
  onTestFinished(() => keeper.stop());
  return { clock, keeper, asked, state, set };
}

describe('a keeper', () => {
  it('asks other keepers for a copy first, then the pod itself, and every 10 s from then on', async () => {
    const { clock, keeper, asked, state } = start(podsOf(3));
    // Nobody, before it knows which pod it is.
    state.selfUid = '';
    await keeper.tick();
    expect(asked).toEqual([]);
    state.selfUid = podOf(0).uid;
    await keeper.tick();
    expect(asked).toEqual(['pod-2 uid-1', 'pod-1 uid-1', 'pod-1 uid-2', 'pod-2 uid-2']);
    asked.length = 0;
    await keeper.tick();
    expect(asked).toEqual([]);
    clock.freeze(PULL_MS);
    await keeper.tick();
    expect(asked).toEqual(['pod-1 uid-1', 'pod-2 uid-2']);
  });

  it('chooses whose copies it keeps in time slices, because it hashes all pods', async () => {
    const { clock, keeper, asked } = start(podsOf(200));
    // Each look at the clock takes 0.5 ms.
    vi.spyOn(clock, 'monotonicMs').mockImplementation(() => {
      clock.freeze(0.5);
      return clock.nowMs();
    });
    const done = keeper.tick();
    let turns = 0;
    while (asked.length === 0) {
      await nextTurn();
      turns++;
    }
    await done;
    expect(turns).toBeGreaterThan(20);
  });

  it('leaves the first pings alone: it looks 2.5 s after its start for the first time, then every second until it is stopped', async () => {
    const { clock, keeper, asked, set } = start([podOf(0)]);
    keeper.start();
    set(podOf(0), podOf(1));
    await clock.advance(FIRST_LOOK_MS - 1);
    expect(asked).toEqual([]);
    await clock.advance(1);
    expect(asked).toEqual(['pod-1 uid-1']);
    set(podOf(0), podOf(1), podOf(3));
    await clock.advance(1_000);
    expect(asked).toContain('pod-3 uid-3');
    keeper.stop();
    expect(clock.pending).toBe(0);
  });

  it('asks a pod soon again that had nothing to give, because it does not know itself yet', async () => {
    const { clock, keeper, asked, state } = start([podOf(0), podOf(1)]);
    state.hasCopies = false;
    await keeper.tick();
    state.hasCopies = true;
    clock.freeze(3_000);
    await keeper.tick();
    expect(asked).toEqual(['pod-1 uid-1', 'pod-1 uid-1']);
    clock.freeze(PULL_MS - 1);
    await keeper.tick();
    expect(asked).toHaveLength(2);
  });

  it('asks a pod that is leaving at each look until it is gone, and then other keepers for what they have of it', async () => {
    const { clock, keeper, asked, set } = start([podOf(0), podOf(1), podOf(3)]);
    await keeper.tick();
    set(podOf(0), podOf(1, { lifecycle: 'terminating' }), podOf(3));
    asked.length = 0;
    for (let i = 0; i < 3; i++) {
      clock.freeze(1_000);
      await keeper.tick();
    }
    expect(asked).toEqual(new Array(3).fill('pod-1 uid-1'));
    set(podOf(0), podOf(1, { lifecycle: 'gone' }), podOf(3));
    asked.length = 0;
    clock.freeze(PULL_MS);
    await keeper.tick();
    expect(asked).toEqual(['pod-3 uid-1', 'pod-3 uid-3']);
  });

  it('asks others about a pod that had left before it came three times, and goes on with a copy of which it got a part', async () => {
    const { clock, keeper, asked } = start([podOf(0), podOf(1)], ['uid-9'], ['more', 'more', 'fails']);
    const counts: number[] = [];
    for (let i = 0; i < 5; i++) {
      await keeper.tick();
      counts.push(asked.splice(0).filter((call) => call === 'pod-1 uid-9').length);
      clock.freeze(30_000);
    }
    expect(counts).toEqual([3, 1, 1, 0, 0]);
  });
});

it('a pod that ends waits until both keepers have asked for the rest, but no longer than it may', async () => {
  const clock = new FakeClock();
  const nothing = { sinceMs: 0, untilMs: 0, links: 0, targets: [], pieces: [] };
  const source = new CopySource({
    clock,
    snapshot: () => snapshotOf(podsOf(3)),
    selfUid: () => 'uid-1',
    copySince: async () => ({ part: { nowMs: clock.monotonicMs(), ...nothing }, hasMore: false }),
    journal: { id: 'a', read: () => journals(1, [])[0]!.value },
    copies: { answer: () => ({ hasMore: false, copies: [] }) },
  });
  const answer = (by: string) => source.answer('uid-1', by, NO_CURSOR);
  let isDone = false;
  const waits = () => {
    isDone = false;
    void source.keepersHaveAsked(2_000).then(() => {
      isDone = true;
    });
  };
  await answer('uid-0');
  clock.freeze(10);
  waits();
  for (const by of ['uid-9', 'uid-0', 'uid-0']) {
    await answer(by);
    await clock.advance(200);
    expect(isDone).toBe(false);
  }
  await answer('uid-2');
  await clock.advance(100);
  expect(isDone).toBe(true);
  waits();
  await clock.advance(1_900);
  expect(isDone).toBe(false);
  await clock.advance(200);
  expect(isDone).toBe(true);
});
