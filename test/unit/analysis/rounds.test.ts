import { describe, expect, it } from 'vitest';
import { roundsOf } from '../../../server/analysis/rounds.ts';
import type { MeshEvent } from '../../../server/protocol/event.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { MAX_ROUNDS, parseRounds, type Round } from '../../../server/protocol/rounds.ts';
import { NOW_MS, podOf } from '../../support/mesh.ts';
import { eventOf, eventsOf } from '../../support/report-scene.ts';

const START_MS = NOW_MS - 600_000;

/** The pod of round `n`; a round begins every minute. */
function roundPod(n: number, change: Partial<Pod> = {}): Pod {
  const createdMs = START_MS + n * 60_000;
  return podOf(0, { uid: `round-${n}`, name: 'goldpinger-slo', createdMs, ...change });
}

/** What is seen of a round: the pod is ready after `readyS` (null = never) and gone after 40 s, for the API's `reason`. */
function seen(pod: Pod, readyS: number | null, reason = ''): MeshEvent[] {
  const at = (s: number) => pod.createdMs + s * 1000;
  const ready = readyS === null ? [] : [eventOf('pod-ready', at(readyS), pod)];
  const gone = eventOf('pod-gone', at(40), pod, [], { detail: reason });
  return [eventOf('pod-seen', at(0), pod), ...ready, eventOf('pod-terminating', at(39), pod), gone];
}

const ALL = { fromMs: 0, toMs: Number.POSITIVE_INFINITY };

/** The rounds of a range, as a client reads them. */
function rounds(events: MeshEvent[], pods: Pod[] = [], withinMs: number | null = null, range = ALL): Round[] {
  const found = roundsOf(eventsOf(events), { range, pods, selfUid: 'self', withinMs });
  return parseRounds(JSON.parse(JSON.stringify({ ...found, toMs: NOW_MS }))).rounds;
}

const said = (list: Round[]) => list.map(({ uid, state, readyAfterMs, why }) => [uid, state, readyAfterMs, why]);

describe('rounds of an ongoing experiment', () => {
  it('have one entry each, with the time until the pod was ready', () => {
    const events = [...seen(roundPod(1), 3), ...seen(roundPod(0), 2)];
    const [first, second] = rounds(events);
    const times = { createdMs: START_MS, readyAfterMs: 2_000, goneMs: START_MS + 40_000 };
    expect(first).toMatchObject({ uid: 'round-0', name: 'goldpinger-slo', node: 'node-0', ...times, state: 'ready' });
    expect(second).toMatchObject({ uid: 'round-1', readyAfterMs: 3_000 });
  });

  it('have failed if the pod left without having been ready: with the reason of the API, else with the time that it had', () => {
    const events = [...seen(roundPod(0), null, 'ImagePullBackOff'), ...seen(roundPod(1), null)];
    expect(said(rounds(events))).toEqual([
      ['round-0', 'failed', null, 'ImagePullBackOff'],
      ['round-1', 'failed', null, 'not ready within 40 s'],
    ]);
  });

  it('have failed if the pod was ready later than wanted', () => {
    const events = [...seen(roundPod(0), 31), ...seen(roundPod(1), 30)];
    expect(said(rounds(events, [], 30_000))).toEqual([
      ['round-0', 'failed', 31_000, 'ready after 31 s'],
      ['round-1', 'ready', 30_000, ''],
    ]);
  });

  it('have failed if the pod is still not ready when it should be', () => {
    const stuck = (reason: string, withinMs: number) => {
      const pod = roundPod(0, { lifecycle: 'starting', reason });
      return said(rounds(seen(pod, null).slice(0, 1), [pod], withinMs))[0]?.slice(1);
    };
    const why = 'ImagePullBackOff';
    expect(stuck('', 30_000)).toEqual(['failed', null, 'not ready within 30 s']);
    expect(stuck(why, 599_999)).toEqual(['failed', null, why]);
    expect(stuck(why, 600_000)).toEqual(['starting', null, why]);
  });

  it('are under way while the pod is there: starting, with the reason if it cannot start, or ready', () => {
    const [starting, ready] = [roundPod(0, { lifecycle: 'starting', reason: 'ErrImagePull' }), roundPod(1)];
    const events = [...seen(starting, null).slice(0, 1), ...seen(ready, 2).slice(0, 2)];
    expect(rounds(events, [starting, ready])).toMatchObject([
      { uid: 'round-0', state: 'starting', why: 'ErrImagePull', goneMs: null },
      { uid: 'round-1', state: 'ready', why: '', goneMs: null },
    ]);
  });

  it('go on if the pod left and came back, as with a label that was taken away for a while', () => {
    const [left, stale] = [roundPod(0), roundPod(1)];
    const goneMs = (pod: Pod) => pod.createdMs + 40_000;
    const pods = [
      { ...left, sinceMs: goneMs(left) + 5_000 },
      { ...stale, sinceMs: goneMs(stale) - 5_000 },
    ];
    expect(rounds([...seen(left, 2), ...seen(stale, 2)], pods).map((round) => round.goneMs)).toEqual([
      null,
      goneMs(stale),
    ]);
  });

  it('began when the pod was seen if that was before its creation: the clock of the API is ahead', () => {
    const pod = roundPod(0, { lifecycle: 'gone' });
    const ahead = { ...pod, createdMs: pod.createdMs + 50_000 };
    expect(rounds(seen(pod, null), [ahead])).toMatchObject([
      { createdMs: pod.createdMs, state: 'failed', why: 'not ready within 40 s' },
    ]);
  });

  it('are pods without an owner; of a pod that is no longer known, another one must have had its name', () => {
    const owned = podOf(7, { owner: 'rs' });
    const bare = podOf(8);
    const unknown = podOf(9);
    const events = [owned, bare, unknown].flatMap((pod) => seen(pod, 1));
    expect(rounds(events, [owned, bare]).map(({ name }) => name)).toEqual(['pod-8']);
    expect(rounds([...events, ...seen({ ...unknown, uid: 'other' }, 1)], [owned, bare])).toHaveLength(3);
  });

  it('of which the creation is no longer known are left out: the pod may have been ready long ago', () => {
    const old = roundPod(0, { createdMs: NOW_MS - 7_200_000 });
    const flap = [eventOf('pod-not-ready', NOW_MS - 9_000, old), eventOf('pod-ready', NOW_MS - 5_000, old)];
    const gone = eventOf('pod-gone', NOW_MS, old);
    const left = { ...old, lifecycle: 'gone' as const };
    const idsOf = (events: MeshEvent[], pods: Pod[], withinMs: number | null = null) =>
      rounds([...events, ...seen(roundPod(1), 2)], pods, withinMs).map(({ uid }) => uid);
    expect(idsOf(flap, [old], 30_000)).toEqual(['round-1']);
    expect(idsOf(flap.slice(0, 1), [old])).toEqual(['round-1']);
    expect(idsOf([gone], [left])).toEqual(['round-1']);
    expect(idsOf([gone], [])).toEqual(['round-1']);
  });

  it('are the same whatever the range is: it only chooses those of which any part lies in it', () => {
    const [first, second] = [roundPod(0), roundPod(1)];
    const events = [...seen(first, 2), ...seen(second, 3)];
    const at = (s: number) => START_MS + s * 1_000;
    const idsIn = (fromS: number, toS: number) =>
      rounds(events, [], null, { fromMs: at(fromS), toMs: at(toS) }).map(({ uid, state }) => `${uid} ${state}`);
    expect(idsIn(30, 50)).toEqual(['round-0 ready']);
    expect(idsIn(1, 60)).toEqual(['round-0 ready', 'round-1 ready']);
    expect(idsIn(41, 59)).toEqual([]);
    expect(idsIn(60, 61)).toEqual(['round-1 ready']);
    expect(rounds(events.slice(0, 2), [first], null, { fromMs: at(500), toMs: NOW_MS })).toHaveLength(1);
  });

  describe('of which a single other pod tells', () => {
    const [self, liar, witness] = ['self', 'liar', 'witness'].map((uid, i) => podOf(i + 20, { uid, name: uid }));
    const [other, pod] = [roundPod(0), roundPod(1)];
    const at = (s: number) => pod.createdMs + s * 1000;
    const by = (events: MeshEvent[], ...from: (Pod | undefined)[]) =>
      events.map((event) => ({
        ...event,
        from: from.flatMap((one) => (one === undefined ? [] : [one])),
        fromCount: from.length,
      }));
    /** The round of `pod`; another one makes it a round. */
    const told = (events: MeshEvent[], pods: Pod[] = []) => rounds([...seen(other, 2), ...events], pods)[1];

    it('say which pod claims them, unless it is the asked pod or the pod of the round', () => {
      expect(told(by(seen(pod, 3), liar))).toMatchObject({ state: 'ready', claimedBy: 'liar' });
      expect(told(by(seen(pod, 3), self))?.claimedBy).toBe('');
      const namesake = podOf(9, { uid: 'liar-2', name: 'liar', namespace: 'other' });
      expect(told(by(seen(pod, 3), namesake), [podOf(21, { name: 'liar' })])?.claimedBy).toBe('other/liar');
      expect(told(by(seen(pod, 3), pod))?.claimedBy).toBe('');
      expect(told(by(seen(pod, 3), liar, witness))?.claimedBy).toBe('');
    });

    it('do not change by a claim what several pods have told', () => {
      const claims = by([eventOf('pod-ready', at(1), pod), eventOf('pod-gone', at(2), pod)], liar);
      const truth = by(seen(pod, 9), self, witness);
      const expected = { readyAfterMs: 9_000, goneMs: at(40), claimedBy: '' };
      expect(told([...claims, ...truth])).toMatchObject(expected);
      expect(told([...truth, ...claims])).toMatchObject(expected);
    });

    it('have not ended by a claim while the asked pod sees the pod', () => {
      const truth = by(seen(pod, null).slice(0, 1), self, witness);
      const claim = by([eventOf('pod-gone', at(5), pod, [], { detail: 'Evicted' })], liar);
      const there = { ...pod, lifecycle: 'starting' as const };
      expect(told([...truth, ...claim], [there])).toMatchObject({ state: 'starting', goneMs: null, claimedBy: '' });
    });
  });

  it('are the newest ones if there are too many', () => {
    const events = Array.from({ length: MAX_ROUNDS + 1 }, (_, n) => seen(roundPod(n), 2)).flat();
    const context = { range: ALL, pods: [], selfUid: '', withinMs: null };
    const { truncated, rounds: kept } = roundsOf(eventsOf(events), context);
    expect([truncated, kept.length, kept[0]?.uid]).toEqual([true, MAX_ROUNDS, 'round-1']);
  });
});
