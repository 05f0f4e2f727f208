import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PodLifetimes } from '../../../server/events/pod-lifetimes.ts';
import { type DepartedPod, type Lifecycle, type Pod, parseDepartedPodsSliced } from '../../../server/protocol/pod.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { parsedBy } from '../../support/generator.ts';
import { podOf, snapshotOf } from '../../support/mesh.ts';

const SETTINGS = { historyWindowMs: 3_600_000, goneRetentionMs: 300_000 };
const MINUTE = 60_000;

function start() {
  const clock = new FakeClock();
  const lifetimes = new PodLifetimes(SETTINGS, clock);
  const nowMs = clock.nowMs();
  /** Pod `n`, created ten minutes before the scene began, since now in its stage. */
  const pod = (n: number, lifecycle: Lifecycle = 'ready', change: Partial<Pod> = {}) =>
    podOf(n, { lifecycle, createdMs: nowMs - 10 * MINUTE, sinceMs: clock.nowMs(), ...change });
  const update = (...pods: Pod[]) => lifetimes.update(snapshotOf(pods));
  const at = (agoMs: number, fromAgoMs = agoMs) =>
    lifetimes
      .podsAt(clock.nowMs() - agoMs, clock.nowMs() - fromAgoMs)
      .map(({ name, lifecycle }) => `${name} ${lifecycle}`);
  return { clock, lifetimes, pod, update, at };
}

it('changes of pods are given once, with their time; a pod that disappears without notice is gone from now on', () => {
  const { clock, pod, update, at } = start();
  const first = update(pod(0, 'ready', { sinceMs: clock.nowMs() - MINUTE }), pod(1));
  expect(first).toMatchObject([{ to: 'ready', isNew: true, atMs: clock.monotonicMs() - MINUTE }, { isNew: true }]);
  expect(update(pod(0, 'ready', { labels: 'a=b' }), pod(1))).toEqual([]);
  clock.freeze(MINUTE);
  const atMs = clock.monotonicMs();
  expect(update(pod(0, 'not-ready', { sinceMs: clock.nowMs() + 5_000 }))).toMatchObject([
    { pod: { name: 'pod-0' }, to: 'not-ready', isNew: false, atMs },
    { pod: { name: 'pod-1' }, to: 'gone', isNew: false, atMs },
  ]);
  expect(at(0)).toEqual(['pod-0 not-ready', 'pod-1 gone']);
  expect(update(pod(0, 'not-ready'))).toEqual([]);
});

it('a link is left out if one of its pods is ignored, or was when it left', () => {
  const { lifetimes, pod, update } = start();
  update(pod(0), pod(1, 'ready', { cordon: 'ignored' }), pod(2, 'ready', { cordon: 'cordoned' }));
  const isLeftOut = (from: number, to: number) => lifetimes.isLeftOut(`uid-${from}`, `uid-${to}`);
  expect([isLeftOut(0, 1), isLeftOut(1, 0), isLeftOut(0, 2), isLeftOut(0, 9)]).toEqual([true, true, false, false]);
  update(pod(0), pod(2));
  expect(isLeftOut(0, 1)).toBe(true);
});

describe('the pods at a moment', () => {
  it('are those that existed then, with their lifecycle of then, and those that had left within GONE_RETENTION or the range', () => {
    const { clock, lifetimes, pod, update, at } = start();
    update(pod(0, 'ready', { sinceMs: clock.nowMs() - 5 * MINUTE }), pod(1, 'starting'));
    for (const lifecycle of ['ready', 'terminating', 'gone'] as const) {
      clock.freeze(MINUTE);
      update(pod(0), pod(1, lifecycle));
    }
    clock.freeze(MINUTE);
    expect(at(0)).toEqual(['pod-0 ready', 'pod-1 gone']);
    expect(at(1.5 * MINUTE)).toEqual(['pod-0 ready', 'pod-1 terminating']);
    expect(at(2.5 * MINUTE)).toEqual(['pod-0 ready', 'pod-1 ready']);
    expect(at(3.5 * MINUTE)).toEqual(['pod-0 ready', 'pod-1 starting']);
    expect(at(12 * MINUTE)).toEqual(['pod-0 starting', 'pod-1 starting']);
    expect(at(15 * MINUTE)).toEqual([]);
    // It left 11 minutes ago.
    clock.freeze(10 * MINUTE);
    update(pod(0));
    expect(at(6.5 * MINUTE)).toEqual(['pod-0 ready', 'pod-1 gone']);
    expect(at(0)).toEqual(['pod-0 ready']);
    expect(at(0, 12 * MINUTE)).toEqual(['pod-0 ready', 'pod-1 gone']);
    expect(at(0, 10 * MINUTE)).toEqual(['pod-0 ready']);
    // It is known for the history window and GONE_RETENTION.
    clock.freeze(56 * MINUTE);
    update(pod(0));
    expect(lifetimes.lastKnown('uid-1')).toBeNull();
  });

  it('have the reason of their stage, as far as it is known', () => {
    const { clock, lifetimes, pod, update } = start();
    update(pod(0, 'starting', { reason: 'ImagePullBackOff' }));
    clock.freeze(MINUTE);
    update(pod(0, 'gone', { reason: 'Evicted' }));
    const reasonAt = (agoMs: number) => lifetimes.podsAt(clock.nowMs() - agoMs)[0]?.reason;
    expect([reasonAt(0), reasonAt(30_000)]).toEqual(['Evicted', '']);
  });

  it('name the replacement from its creation on', async () => {
    const { clock, lifetimes, pod, update } = start();
    update(pod(0));
    await clock.advance(MINUTE);
    update(pod(0, 'gone'));
    await clock.advance(MINUTE);
    const next = pod(1, 'starting', { createdMs: clock.nowMs() });
    const gone = pod(0, 'gone', { sinceMs: clock.nowMs() - MINUTE, replacedBy: 'uid-1' });
    const changes = update(gone, next);
    expect(changes.map(({ to, replacement, isNew }) => [to, replacement?.name, isNew])).toEqual([
      ['replaced', 'pod-1', false],
      ['starting', undefined, true],
    ]);
    expect(lifetimes.podsAt(clock.nowMs())[0]).toEqual(gone);
    expect(lifetimes.podsAt(clock.nowMs() - 1)[0]?.replacedBy).toBe('');
  });

  it('do not change when the wall clock is set', async () => {
    const { clock, pod, update, at } = start();
    update(pod(0, 'starting'));
    await clock.advance(MINUTE);
    update(pod(0, 'ready'));
    clock.jumpWall(-3_600_000);
    await clock.advance(MINUTE);
    expect(at(0.5 * MINUTE)).toEqual(['pod-0 ready']);
    expect(at(1.5 * MINUTE)).toEqual(['pod-0 starting']);
  });

  it('are the pods of discovery, for the present moment', () => {
    const { clock, lifetimes, pod } = start();
    const pods = [pod(0), pod(1, 'not-ready'), pod(2, 'starting', { podIPs: [] }), pod(3, 'gone')];
    lifetimes.update(snapshotOf(pods));
    expect(lifetimes.podsAt(clock.nowMs())).toEqual(pods);
  });
});

it('a pod remembers from 30 s after it was first ready, however long it was pending, and whatever came after', async () => {
  const { clock, lifetimes, pod, update } = start();
  const sinceReadyMs = (n: number) => Math.round(lifetimes.remembersSinceMs(pod(n)) - clock.nowMs());
  update(pod(0, 'starting'));
  expect(sinceReadyMs(0)).toBe(Number.POSITIVE_INFINITY);
  update(pod(0, 'ready'));
  await clock.advance(MINUTE);
  update(pod(0, 'not-ready'));
  expect(sinceReadyMs(0)).toBe(30_000 - MINUTE);
  for (let i = 0; i < 40; i++) update(pod(0, i % 2 === 0 ? 'ready' : 'not-ready'));
  expect(sinceReadyMs(0)).toBe(30_000 - MINUTE);
  // One that leaves without ever having been ready remembers nothing.
  for (const lifecycle of ['starting', 'terminating', 'gone'] as const) update(pod(0), pod(2, lifecycle));
  expect(sinceReadyMs(2)).toBe(Number.POSITIVE_INFINITY);
  // A pod that was never seen.
  expect(sinceReadyMs(1)).toBe(30_000 - 11 * MINUTE);
});

describe('pod lifetimes', () => {
  it('count the pods that are alive in each step', async () => {
    const { clock, lifetimes, pod, update } = start();
    const bornMs = clock.nowMs();
    update(pod(0), pod(1, 'ready', { createdMs: bornMs }));
    await clock.advance(5 * MINUTE);
    update(pod(0), pod(1, 'gone', { createdMs: bornMs }));
    await clock.advance(5 * MINUTE);
    expect(lifetimes.countAlive(clock.nowMs() - 12 * MINUTE, 2 * MINUTE, 6, () => true)).toEqual([1, 2, 2, 2, 1, 1]);
    expect(lifetimes.countAlive(clock.nowMs() - 12 * MINUTE, 2 * MINUTE, 6, () => false)).toEqual(Array(6).fill(0));
  });

  it('stay bounded under any sequence of snapshots, and never forget a present pod', () => {
    const stages: Lifecycle[] = ['starting', 'ready', 'not-ready', 'terminating', 'gone'];
    const some = fc.array(fc.tuple(fc.nat(400), fc.constantFrom(...stages)), { maxLength: 400 });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 12 }), fc.nat(5 * MINUTE), (rounds, stepMs) => {
        const { clock, lifetimes, pod } = start();
        for (const [round, stagesOfRound] of rounds.entries()) {
          const pods = new Map(stagesOfRound.map(([n, lifecycle]) => [n, pod(n + 400 * (round % 3), lifecycle)]));
          lifetimes.update(snapshotOf([...pods.values()]));
          clock.freeze(stepMs);
          const there = [...pods.values()].filter(({ lifecycle }) => lifecycle !== 'gone');
          const known = new Set(lifetimes.podsAt(clock.nowMs()).map(({ uid }) => uid));
          expect(there.every(({ uid }) => known.has(uid))).toBe(true);
          expect(lifetimes.size).toBeLessThanOrEqual(5000);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('drop the pods that departed first', async () => {
    const { clock, lifetimes, pod, update } = start();
    for (let round = 0; round < 6; round++) {
      update(...Array.from({ length: 1000 }, (_, n) => pod(round * 1000 + n)));
      await clock.advance(1000);
    }
    expect(lifetimes.size).toBe(5000);
    expect(lifetimes.lastKnown('uid-0')).toBeNull();
    expect(lifetimes.lastKnown('uid-1999')).not.toBeNull();
    expect(lifetimes.lastKnown('uid-5999')).not.toBeNull();
  });
});

describe('the pods that left before a process started', () => {
  const gone = (n: number) => ({
    pod: podOf(n, { lifecycle: 'gone' }),
    stages: [['gone', 5_000]] as DepartedPod['stages'],
  });
  const goneFrom = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => gone(from + i));

  it('are known from another process, with their lives, also if they left before GONE_RETENTION', () => {
    const { clock, lifetimes, pod, update, at } = start();
    for (const lifecycle of ['ready', 'terminating', 'gone'] as const) {
      update(pod(0), pod(1, lifecycle));
      clock.freeze(MINUTE);
    }
    clock.freeze(7 * MINUTE);
    const told = JSON.parse(JSON.stringify({ pods: lifetimes.departedLives() }));
    const newcomer = start();
    newcomer.update(newcomer.pod(0));
    newcomer.lifetimes.addLives(parsedBy(parseDepartedPodsSliced, told).value);
    expect(newcomer.at(8.5 * MINUTE)).toContain('pod-1 terminating');
    expect(newcomer.at(9.5 * MINUTE)).toContain('pod-1 ready');
    expect(newcomer.at(7 * MINUTE)).toContain('pod-1 gone');
    expect(at(0)).toEqual(['pod-0 ready']);
  });

  it('are gone for GONE_RETENTION and no longer, also if another process claims that a stage begins in the future', () => {
    const { clock, lifetimes } = start();
    const stages: DepartedPod['stages'] = [['ready', -SETTINGS.historyWindowMs], ...gone(1).stages];
    lifetimes.addLives([{ pod: gone(1).pod, stages }]);
    expect(lifetimes.gone().map(({ uid }) => uid)).toEqual(['uid-1']);
    clock.freeze(SETTINGS.goneRetentionMs);
    expect(lifetimes.gone()).toEqual([]);
  });

  it('do not change what the process has seen itself, before or after, and are bounded', () => {
    const { lifetimes, pod, update } = start();
    update(pod(0));
    lifetimes.addLives([
      gone(0),
      { ...gone(1), stages: [['ready', 5_000]] },
      { ...gone(2), stages: [['gone', 2 * SETTINGS.historyWindowMs]] },
    ]);
    expect([lifetimes.lastKnown('uid-0')?.lifecycle, lifetimes.size]).toEqual(['ready', 1]);
    // Known ones again need no further room.
    for (const [from, to] of [
      [1, 301],
      [1, 301],
      [201, 701],
      [701, 1_001],
    ] as const)
      lifetimes.addLives(goneFrom(from, to));
    expect(lifetimes.size).toBe(501);
    update(pod(0), pod(1));
    expect(lifetimes.lastKnown('uid-1')?.lifecycle).toBe('ready');
  });
});
