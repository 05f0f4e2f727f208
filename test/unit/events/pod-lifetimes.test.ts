import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PodLifetimes } from '../../../server/events/pod-lifetimes.ts';
import type { Lifecycle, Pod } from '../../../server/protocol/pod.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { podOf, snapshotOf } from '../../support/mesh.ts';

const SETTINGS = { historyWindowMs: 3_600_000, goneRetentionMs: 300_000 };
const MINUTE = 60_000;

function start() {
  const clock = new FakeClock();
  const book = new PodLifetimes(SETTINGS, clock);
  const nowMs = clock.nowMs();
  /** Pod `n`, created ten minutes before the scene began, since now in its stage. */
  const pod = (n: number, lifecycle: Lifecycle = 'ready', change: Partial<Pod> = {}) =>
    podOf(n, { lifecycle, createdMs: nowMs - 10 * MINUTE, sinceMs: clock.nowMs(), ...change });
  const take = (...pods: Pod[]) => book.update(snapshotOf(pods));
  const at = (agoMs: number) => book.podsAt(clock.nowMs() - agoMs).map(({ name, lifecycle }) => `${name} ${lifecycle}`);
  return { clock, book, pod, take, at };
}

describe('the pods of a moment', () => {
  it('are those that were there then, in the stage they were in', async () => {
    const { clock, pod, take, at } = start();
    take(pod(0, 'ready', { sinceMs: clock.nowMs() - 5 * MINUTE }), pod(1, 'starting'));
    await clock.advance(MINUTE);
    take(pod(0), pod(1, 'ready'));
    await clock.advance(MINUTE);
    take(pod(0), pod(1, 'terminating'));
    await clock.advance(MINUTE);
    take(pod(0), pod(1, 'gone'));
    await clock.advance(MINUTE);
    expect(at(0)).toEqual(['pod-0 ready', 'pod-1 gone']);
    expect(at(1.5 * MINUTE)).toEqual(['pod-0 ready', 'pod-1 terminating']);
    expect(at(2.5 * MINUTE)).toEqual(['pod-0 ready', 'pod-1 ready']);
    expect(at(3.5 * MINUTE)).toEqual(['pod-0 ready', 'pod-1 starting']);
    expect(at(12 * MINUTE)).toEqual(['pod-0 starting', 'pod-1 starting']);
    expect(at(15 * MINUTE)).toEqual([]);
  });

  it('keep a departed one as gone for the retention, and know it for the window after', async () => {
    const { clock, book, pod, take, at } = start();
    take(pod(0), pod(1));
    await clock.advance(MINUTE);
    take(pod(0), pod(1, 'gone'));
    await clock.advance(10 * MINUTE);
    take(pod(0));
    expect(at(0)).toEqual(['pod-0 ready']);
    expect(at(6 * MINUTE)).toEqual(['pod-0 ready', 'pod-1 gone']);
    expect(at(11 * MINUTE)).toEqual(['pod-0 ready', 'pod-1 ready']);
    await clock.advance(56 * MINUTE);
    take(pod(0));
    expect(book.lastKnown('uid-1')).toBeNull();
  });

  it('name the replacement once it was there', async () => {
    const { clock, book, pod, take } = start();
    take(pod(0));
    await clock.advance(MINUTE);
    take(pod(0, 'gone'));
    await clock.advance(MINUTE);
    const next = pod(1, 'starting', { createdMs: clock.nowMs() });
    const gone = pod(0, 'gone', { sinceMs: clock.nowMs() - MINUTE, replacedBy: 'uid-1' });
    const changes = take(gone, next);
    expect(changes.map(({ kind, by, first }) => [kind, by?.name, first])).toEqual([
      ['replaced', 'pod-1', false],
      ['starting', undefined, true],
    ]);
    expect(book.podsAt(clock.nowMs())[0]).toEqual(gone);
    expect(book.podsAt(clock.nowMs() - 1)[0]?.replacedBy).toBe('');
  });

  it('take one that left unseen as gone now', async () => {
    const { clock, pod, take, at } = start();
    take(pod(0), pod(1));
    await clock.advance(MINUTE);
    expect(take(pod(0)).map(({ kind, pod: { name } }) => `${name} ${kind}`)).toEqual(['pod-1 gone']);
    expect(at(0)).toEqual(['pod-0 ready', 'pod-1 gone']);
    expect(take(pod(0))).toEqual([]);
  });

  it('are not torn apart by a wall clock that is put right', async () => {
    const { clock, pod, take, at } = start();
    take(pod(0, 'starting'));
    await clock.advance(MINUTE);
    take(pod(0, 'ready'));
    clock.jumpWall(-3_600_000);
    await clock.advance(MINUTE);
    expect(at(0.5 * MINUTE)).toEqual(['pod-0 ready']);
    expect(at(1.5 * MINUTE)).toEqual(['pod-0 starting']);
  });

  it('are what discovery tells, at this moment', () => {
    const { clock, book, pod } = start();
    const pods = [pod(0), pod(1, 'not-ready'), pod(2, 'starting', { podIPs: [] }), pod(3, 'gone')];
    book.update(snapshotOf(pods));
    expect(book.podsAt(clock.nowMs())).toEqual(pods);
  });
});

describe('changes of pods', () => {
  it('are told once, with when they were', async () => {
    const { clock, pod, take } = start();
    const first = take(pod(0, 'ready', { sinceMs: clock.nowMs() - MINUTE }));
    expect(first).toMatchObject([{ kind: 'ready', first: true, atMs: clock.monotonicMs() - MINUTE }]);
    expect(take(pod(0, 'ready', { labels: 'a=b' }))).toEqual([]);
    await clock.advance(MINUTE);
    expect(take(pod(0, 'not-ready', { sinceMs: clock.nowMs() + 5_000 }))).toMatchObject([
      { kind: 'not-ready', first: false, atMs: clock.monotonicMs() },
    ]);
  });
});

describe('a book', () => {
  it('counts those alive in each step', async () => {
    const { clock, book, pod, take } = start();
    const bornMs = clock.nowMs();
    take(pod(0), pod(1, 'ready', { createdMs: bornMs }));
    await clock.advance(5 * MINUTE);
    take(pod(0), pod(1, 'gone', { createdMs: bornMs }));
    await clock.advance(5 * MINUTE);
    expect(book.countAlive(clock.nowMs() - 12 * MINUTE, 2 * MINUTE, 6)).toEqual([1, 2, 2, 2, 1, 1]);
  });

  it('has its bounds under any sequence of snapshots, and forgets no pod that is there', () => {
    const stages: Lifecycle[] = ['starting', 'ready', 'not-ready', 'terminating', 'gone'];
    const some = fc.array(fc.tuple(fc.nat(400), fc.constantFrom(...stages)), { maxLength: 400 });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 12 }), fc.nat(5 * MINUTE), (rounds, stepMs) => {
        const { clock, book, pod } = start();
        for (const [round, told] of rounds.entries()) {
          const pods = new Map(told.map(([n, lifecycle]) => [n, pod(n + 400 * (round % 3), lifecycle)]));
          book.update(snapshotOf([...pods.values()]));
          clock.freeze(stepMs);
          const there = [...pods.values()].filter(({ lifecycle }) => lifecycle !== 'gone');
          const known = new Set(book.podsAt(clock.nowMs()).map(({ uid }) => uid));
          expect(there.every(({ uid }) => known.has(uid))).toBe(true);
          expect(book.size).toBeLessThanOrEqual(5000);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('lets the first departed make room for others', async () => {
    const { clock, book, pod, take } = start();
    for (let round = 0; round < 6; round++) {
      take(...Array.from({ length: 1000 }, (_, n) => pod(round * 1000 + n)));
      await clock.advance(1000);
    }
    expect(book.size).toBe(5000);
    expect(book.lastKnown('uid-0')).toBeNull();
    expect(book.lastKnown('uid-1999')).not.toBeNull();
    expect(book.lastKnown('uid-5999')).not.toBeNull();
  });
});
