import { describe, expect, it } from 'vitest';
import type { BroadcastQuery, BroadcastResult, PodAnswer } from '../../../server/peers/broadcast.ts';
import { MeshHistories } from '../../../server/peers/mesh-history.ts';
import { PeerCallError } from '../../../server/peers/peer-client.ts';
import {
  type AgeRange,
  LATENCY_BINS_US,
  type PodHistory,
  parseMeshHistory,
  parsePodHistory,
} from '../../../server/protocol/history.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { podNamer } from '../../../server/protocol/pod-names.ts';
import { noneSkipped } from '../../../server/protocol/validators.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { NOW_MS, podOf } from '../../support/mesh.ts';

const HOUR_MS = 3_600_000;
const NO_SLOW = LATENCY_BINS_US.map(() => 0);

/** A pod's history in which `failed` of its 3 links fail in each step that its memory covers. */
function podHistory(
  { fromAgeMs, toAgeMs }: AgeRange,
  stepMs: number,
  failed: number,
  knownAgeMs = HOUR_MS,
): PodHistory {
  const count = Math.ceil((fromAgeMs - toAgeMs) / stepMs);
  const covers = (step: number) => fromAgeMs - (step + 0.5) * stepMs <= knownAgeMs;
  const of = (value: number) => Array.from({ length: count }, (_, step) => (covers(step) ? value : 0));
  const byLatency = of(3 - failed).map((good) => [good, ...NO_SLOW]);
  const head = { fromAgeMs, toAgeMs, stepMs, resolutionMs: 0, knownAgeMs };
  return { format: 'goldpinger-ts/pod-history/1', ...head, links: of(3), failed: of(failed), byLatency };
}

interface Scene {
  /** How far back the results of the third pod go, how old it is, and how much later than the others it answers. */
  thirdKnownMs?: number;
  thirdAgeMs?: number;
  lateMs?: number;
  /** The pod that we have a copy of, and how long ago that ended. */
  copyOf?: number;
  copyUntilAgeMs?: number;
  /** The pods that have left; they had been unseen before for `goneUnseenMs`. */
  gone?: number[];
  goneUnseenMs?: number;
  passive?: number;
  silentKeeper?: number;
  /** How many links of two pods are lossy, in all steps but the oldest one. */
  lossy?: number;
  resolutionMs?: number;
  refreshIntervalMs?: number;
}

/** A mesh of three pods that answer, and one that does not. */
function start({ thirdKnownMs = HOUR_MS, thirdAgeMs = 2 * HOUR_MS, lateMs = 0, gone = [9], ...scene }: Scene = {}) {
  const { copyOf, copyUntilAgeMs = 0, goneUnseenMs = 0, lossy = 0, resolutionMs = 0, refreshIntervalMs = 0 } = scene;
  const clock = new FakeClock(NOW_MS);
  const paths: string[] = [];
  const askedKeepers: string[] = [];
  const copyEndsMs: number[] = [];
  const ask = async <T>({ path, own, parse }: BroadcastQuery<T>): Promise<BroadcastResult<T>> => {
    paths.push(path);
    const query = new URLSearchParams(path.split('?')[1]);
    const [fromAgeMs = 0, toAgeMs = 0, stepMs = 0] = ['fromAge', 'toAge', 'step'].map((name) =>
      Number(query.get(name)),
    );
    const answer = (pod: Pod, failed: number, knownMs?: number): PodAnswer<T> => {
      const history = podHistory({ fromAgeMs, toAgeMs }, stepMs, failed, knownMs);
      const lossyByLatency = history.links.map((_, step) => (step === 0 ? [] : [lossy, ...NO_SLOW]));
      const wire = { ...history, ...(lossy > 0 && { lossyByLatency }) };
      const written = { atMs: clock.nowMs(), errorMs: 0 };
      return { pod, value: parse(JSON.parse(JSON.stringify(wire)), noneSkipped(), written) as T, ...written };
    };
    const parts = [{ pod: podOf(0), value: await own(), atMs: NOW_MS, errorMs: 0 }, answer(podOf(1), 1)];
    await clock.advance(lateMs);
    parts.push(answer(podOf(2, { createdMs: NOW_MS - thirdAgeMs }), 0, thirdKnownMs));
    const missing = [{ name: 'pod-3', reason: 'timeout', detail: 'no whole answer' }];
    return { parts, missing, missingPods: [podOf(3, { namespace: 'b' })], atMs: NOW_MS };
  };
  const reader = new MeshHistories({
    clock,
    broadcast: { ask, tell: () => Promise.reject(new Error('not here')) },
    client: {
      request: ({ name }) => {
        askedKeepers.push(name);
        return Promise.reject(new PeerCallError(name === `pod-${scene.silentKeeper}` ? 'timeout' : 'http-status', 'x'));
      },
    },
    ownHistory: async (range, stepMs) => podHistory(range, stepMs, 0),
    copies: {
      podHistory: async (uid, range, stepMs) => {
        if (uid !== `uid-${copyOf}`) return null;
        copyEndsMs.push(clock.nowMs() - range.toAgeMs);
        return { ...podHistory(range, stepMs, 0), untilAgeMs: copyUntilAgeMs };
      },
    },
    // Pod 3 does not answer.
    otherKeepers: () => [podOf(3), podOf(1), podOf(2)],
    isPassive: ({ uid }) => uid === `uid-${scene.passive}`,
    nameOf: podNamer([]),
    resolutionMs: () => resolutionMs,
    settings: { refreshIntervalMs, jitterFactor: 0.05, pingTimeoutMs: 300, historyWindowMs: HOUR_MS },
    lifetimes: {
      countAlive: (_from, _step, steps) => new Array(steps).fill(4),
      departedSince: () => gone.map((n) => podOf(n, { lifecycle: 'gone', sinceMs: NOW_MS, unseenMs: goneUnseenMs })),
      remembersSinceMs: ({ createdMs }) => createdMs + 30_000,
    },
  });
  const history = (agoMs = 60_000, stepMs = 10_000) => reader.history({ fromMs: NOW_MS - agoMs, toMs: NOW_MS, stepMs });
  return { clock, reader, history, paths, askedKeepers, copyEndsMs };
}

const namesOf = (missing: { name: string }[]) => missing.map(({ name }) => name);

describe('the history of the mesh', () => {
  it('is the sum of all pods, with the number of pods in each step', async () => {
    const history = await start({ thirdKnownMs: 20_000 }).history();
    expect(parseMeshHistory(JSON.parse(JSON.stringify(history)))).toEqual(history);
    expect([history.fromMs, history.toMs, history.stepMs]).toEqual([NOW_MS - 60_000, NOW_MS, 10_000]);
    expect(history.links).toEqual([6, 6, 6, 6, 9, 9]);
    expect(history.failed).toEqual([1, 1, 1, 1, 1, 1]);
    expect(history.byLatency.map(([first]) => first)).toEqual([5, 5, 5, 5, 8, 8]);
    expect(history.reports).toEqual([2, 2, 2, 2, 3, 3]);
    expect(history.pods).toEqual([4, 4, 4, 4, 4, 4]);
    expect(history.missing.map(({ name, reason }) => [name, reason])).toEqual([
      ['pod-3', 'timeout'],
      ['pod-2', 'no-history'],
      ['pod-9', 'no-history'],
    ]);
  });

  it('has the lossy links of the pods that know of any, and no list without any', async () => {
    const history = await start({ lossy: 2, lateMs: 10_000 }).history(40_000);
    expect(parseMeshHistory(JSON.parse(JSON.stringify(history)))).toEqual(history);
    expect(history.lossyByLatency?.map(([first]) => first)).toEqual([undefined, 2, 4, 4]);
    expect(await start().history()).not.toHaveProperty('lossyByLatency');
  });

  it('misses nothing of a pod on a passive node that has left, nor of the time before a pod was created', async () => {
    const missing = async (scene: Scene) => namesOf((await start(scene).history(120_000)).missing);
    expect(await missing({ passive: 9 })).toEqual(['pod-3']);
    expect(await missing({ thirdKnownMs: 60_000, thirdAgeMs: 80_000 })).toEqual(['pod-3', 'pod-9']);
    expect(await missing({ thirdKnownMs: 20_000, thirdAgeMs: 80_000 })).toEqual(['pod-3', 'pod-2', 'pod-9']);
  });

  it('asks the keepers for a copy, one after the other, and none again that does not answer, which would take a time limit each', async () => {
    const asked = async (scene: Scene) => {
      const { history, askedKeepers } = start(scene);
      await history();
      return askedKeepers.join(' ');
    };
    expect(await asked({ copyOf: 3, copyUntilAgeMs: 1_000 })).toBe('pod-1 pod-2');
    expect(await asked({ gone: [9, 10, 11], silentKeeper: 1 })).toBe('pod-1 pod-2 pod-2 pod-2 pod-2');
  });

  it('adds the copy of a pod that has left, up to its end, and says what the copy lacks', async () => {
    const history = await start({ copyOf: 9, copyUntilAgeMs: 30_000 }).history();
    expect(history.reports).toEqual([4, 4, 4, 3, 3, 3]);
    expect(history.links).toEqual(new Array(6).fill(12));
    const detail = `the copy of its memory ends at ${new Date(NOW_MS - 30_000).toISOString()}`;
    expect(history.missing).toEqual([
      { name: 'pod-3', reason: 'timeout', detail: 'no whole answer' },
      { name: 'pod-9', reason: 'no-history', detail },
    ]);
  });

  it('does not say that a copy lacks its end if the pod may have left then, as lists show only later', async () => {
    const missing = async (goneUnseenMs: number) =>
      namesOf((await start({ copyOf: 9, copyUntilAgeMs: 30_000, goneUnseenMs }).history()).missing);
    expect(await missing(28_000)).toEqual(['pod-3']);
    expect(await missing(20_000)).toEqual(['pod-3', 'pod-9']);
  });

  // The copies of two processes of a pod are told apart by their times: those of the answers may be seconds old.
  it.each([
    [0, [9, 9, 9]],
    [2_500, [9, 9, 9]],
    [12_500, [9, 6, 9]],
  ])(
    'adds the copy of a pod that has restarted up to its own results, and counts nothing twice, %i ms late',
    async (lateMs, links) => {
      const scene = start({ thirdKnownMs: 32_000 + lateMs, lateMs, copyOf: 2, copyUntilAgeMs: 1_000 });
      const history = await scene.history(60_000, 20_000);
      expect(history.links).toEqual(links);
      expect(history.reports).toEqual([3, 3, 3]);
      expect(scene.copyEndsMs).toEqual([NOW_MS - 40_000]);
      expect(namesOf(history.missing)).toEqual(['pod-3', 'pod-9']);
    },
  );

  it.each([
    ['answered', 2, 9],
    ['did not answer', 3, 12],
  ])('adds a pod once that %s, also if it has left before all others had answered', async (_, n, links) => {
    for (const gone of [[9, n], [9]]) {
      expect((await start({ copyOf: n, copyUntilAgeMs: 5_000, gone }).history()).links).toEqual(
        new Array(6).fill(links),
      );
    }
  });

  it('adds a late answer to the right steps', async () => {
    const { links, failed } = await start({ thirdKnownMs: 20_000, lateMs: 9_000 }).history();
    expect([links, failed]).toEqual([
      [6, 6, 6, 6, 6, 9],
      [1, 1, 1, 1, 1, 1],
    ]);
  });

  it.each<[string, number, number, number, number, number, number]>([
    ['the whole window', HOUR_MS, 0, 0, 0, 15_000, 240],
    ['a minute', 60_000, 0, 0, 0, 1_000, 60],
    ['the shortest possible steps', HOUR_MS, 0, 5_007, 0, 5_007, 719],
    ['shorter steps than that', HOUR_MS, 0, 5_001, 0, 5_007, 719],
    ['shorter steps than the resolution', 600_000, 0, 1_000, 30_000, 30_000, 20],
    ['more than is kept', 9 * HOUR_MS, 0, 60_000, 0, 60_000, 60],
    ['a range beyond now', 60_000, HOUR_MS, 10_000, 0, 10_000, 6],
  ])('of %s has steps of a possible length', async (_, agoMs, aheadMs, askedMs, resolutionMs, stepMs, steps) => {
    const query = { fromMs: NOW_MS - agoMs, toMs: NOW_MS + aheadMs, stepMs: askedMs };
    const history = await start({ resolutionMs }).reader.history(query);
    expect(history.stepMs).toBe(stepMs);
    expect(Math.abs(history.links.length - steps)).toBeLessThanOrEqual(1);
    expect(history.links.length).toBeLessThanOrEqual(720);
    expect(history.fromMs % stepMs).toBe(0);
  });

  it.each([
    [1_000, 2_000],
    [30_000, 40_000],
    [300_000, 600_000],
  ])('of pings each %i ms has by default steps of %i ms, in which all links are pinged', async (interval, stepMs) => {
    const { history } = start({ refreshIntervalMs: interval });
    expect((await history(600_000, 0)).stepMs).toBe(stepMs);
    expect((await history(600_000, 1_000)).stepMs).toBe(1_000);
  });

  it('is collected once for all clients who ask for the same steps', async () => {
    const { clock, reader, history, paths } = start();
    await Promise.all([history(), history()]);
    expect(paths).toHaveLength(1);
    // Another range has a path of its own, although its ages are the same: no other query may share what is added up for this one.
    await clock.advance(10_000);
    await reader.history({ fromMs: NOW_MS - 50_000, toMs: NOW_MS + 10_000, stepMs: 10_000 });
    expect(new Set(paths).size).toBe(2);
    reader.stop();
    expect(clock.pending).toBe(0);
  });
});

describe('a history from another process', () => {
  const good = podHistory({ fromAgeMs: 30_000, toAgeMs: 0 }, 10_000, 1);

  it.each([
    ['another format', { format: 'x' }],
    ['no lists', { links: 3 }],
    ['lists of different lengths', { failed: [1] }],
    ['a negative count', { links: [1, -1, 1] }],
    ['a fraction', { failed: [0.5, 0, 0] }],
    ['too few bins', { byLatency: [[1], [1], [1]] }],
    ['too many steps', { links: new Array(721).fill(0), failed: new Array(721).fill(0) }],
    ['an age that is no number', { knownAgeMs: 'x' }],
    ['a negative age', { knownAgeMs: -1 }],
    ['a copy that ended before the oldest time that can be asked for', { untilAgeMs: 1e300 }],
  ])('is refused with %s', (_, change) => {
    expect(() => parsePodHistory({ ...good, ...change })).toThrow();
    expect(parsePodHistory(good)).toEqual(good);
  });
});
