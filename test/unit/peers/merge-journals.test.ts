import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PodAnswer } from '../../../server/peers/broadcast.ts';
import { mergeJournals } from '../../../server/peers/merge-journals.ts';
import { windowsOf } from '../../../server/peers/mesh-events.ts';
import type { EventKind, Journal, MeshEvent } from '../../../server/protocol/event.ts';
import { intervalWithoutPingsMs, MAX_LIST_AGE_MS } from '../../../server/protocol/pod.ts';
import { runToEnd } from '../../support/generator.ts';
import { NOW_MS } from '../../support/mesh.ts';
import { type Entry, journals } from '../../support/peer-answers.ts';

const WINDOWS = { linkMs: 3_000, probeMs: 3_000, apiMs: 3_000, sameLinkMs: 1_000, pingTimeoutMs: 300 };
const merging = (parts: PodAnswer<Journal>[], windows = WINDOWS) =>
  runToEnd(mergeJournals({ parts, atMs: NOW_MS }, windows, { lastKnown: () => null }));
const merge = (parts: PodAnswer<Journal>[], windows = WINDOWS) => merging(parts, windows).result;
const countsOf = (events: MeshEvent[]) => events.map(({ fromCount }) => fromCount);
const PINGS = { jitterFactor: 0.05, pingTimeoutMs: 300 };

describe('merged journals', () => {
  it('have one event for each change of a pod: at the time of the API, or else the earliest time', () => {
    const apiTimeMs = NOW_MS - 40_000;
    const events = merge(
      journals(3, [
        ...[0, 1, 2].map((by) => ({ by, agoMs: 30_000 + by * 1_500, kind: 'pod-seen' as const, of: 5, apiTimeMs })),
        ...[0, 1, 2].map((by) => ({ by, agoMs: 20_000 + by * 9_000, kind: 'pod-gone' as const, of: 5 })),
      ]),
    );
    expect(events).toMatchObject([
      { id: 'pod-seen/uid-5', atMs: apiTimeMs, fromCount: 3, pod: { name: 'pod-5' } },
      { id: 'pod-gone/uid-5', atMs: NOW_MS - 38_000, from: [{ name: 'pod-0' }, { name: 'pod-1' }, { name: 'pod-2' }] },
    ]);
  });

  it('have the time on which others agree, whatever one reporter claims', () => {
    const timesMs = [1, NOW_MS - 40_000, NOW_MS - 40_000];
    const seen = timesMs.map((apiTimeMs, by) => ({ by, agoMs: 30_000, kind: 'pod-seen' as const, of: 5, apiTimeMs }));
    const again = { by: 0, agoMs: 29_000, kind: 'pod-seen' as const, of: 5, apiTimeMs: 2 };
    expect(merge(journals(3, [...seen, again]))).toMatchObject([{ atMs: NOW_MS - 40_000, fromCount: 3 }]);
  });

  it('have one event for each change of readiness', () => {
    const readyMs = [NOW_MS - 9_000, NOW_MS - 7_000];
    const entries = readyMs.flatMap((apiTimeMs) =>
      [0, 1].map((by) => ({ by, agoMs: NOW_MS - apiTimeMs - by * 300, kind: 'pod-ready' as const, of: 1, apiTimeMs })),
    );
    expect(merge(journals(2, entries)).map(({ atMs, fromCount }) => [atMs, fromCount])).toEqual([
      [readyMs[0], 2],
      [readyMs[1], 2],
    ]);
  });

  it('have one event for a change of readiness also if the clock of one pod is behind, so that it takes no time of the API', () => {
    const readyMs = [NOW_MS - 20_000, NOW_MS - 16_000];
    const kind = 'pod-ready' as const;
    const entries = readyMs.flatMap((apiTimeMs) => [
      ...[0, 1].map((by) => ({ by, agoMs: NOW_MS - apiTimeMs, kind, of: 5, apiTimeMs })),
      { by: 2, agoMs: NOW_MS - apiTimeMs - 700, kind, of: 5, apiTimeMs: 0 },
    ]);
    // The same pod tells a further change between them, and one long after them, which nobody else tells.
    for (const agoMs of [18_000, 9_000]) entries.push({ by: 2, agoMs, kind, of: 5, apiTimeMs: 0 });
    const expected = [
      [readyMs[0], 3],
      [NOW_MS - 18_000, 1],
      [readyMs[1], 3],
      [NOW_MS - 9_000, 1],
    ];
    expect(merge(journals(3, entries)).map(({ atMs, fromCount }) => [atMs, fromCount])).toEqual(expected);
  });

  it('have one event for all links into a pod that fail within a round, with at most five names', () => {
    const failing = Array.from({ length: 8 }, (_, by) => {
      const outcome = by < 3 ? ('refused' as const) : ('timeout' as const);
      return { by, agoMs: 10_000 - by * 300, kind: 'link-failed' as const, of: 9, outcome, detail: `from ${by}` };
    });
    const later = { by: 0, agoMs: 2_000, kind: 'link-failed' as const, of: 9, outcome: 'reset' as const };
    const [first, second, ...others] = merge(journals(8, [...failing, later]));
    expect(first).toMatchObject({ atMs: NOW_MS - 10_000, fromCount: 8, outcome: 'timeout', detail: 'from 3' });
    expect(first?.from.map(({ name }) => name)).toEqual(['pod-0', 'pod-1', 'pod-2', 'pod-3', 'pod-4']);
    expect(second).toMatchObject({ atMs: NOW_MS - 2_000, fromCount: 1, outcome: 'reset' });
    expect(others).toEqual([]);
  });

  it('have ids that differ, even if a journal gives all its entries one number', () => {
    const failed = (of: number, agoMs: number) => ({ by: 0, agoMs, kind: 'link-failed' as const, of });
    const [journal] = journals(1, [failed(5, 50_000), failed(5, 5_000), failed(6, 5_000)]);
    for (const entry of journal?.value.events ?? []) entry.seq = 1;
    const ids = merge(journal === undefined ? [] : [journal]).map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each([1_000, 2_000, 30_000])(
    'have one event for an outage seen over both IP families, at any moment of a round of %i ms',
    (refreshIntervalMs) => {
      const windows = windowsOf({ refreshIntervalMs, ...PINGS });
      const outage = (kind: EventKind, apart: number) => {
        const at = (by: number, round: number) => ({ by, agoMs: 100_000 - round * refreshIntervalMs, kind, of: 5 });
        return countsOf(merge(journals(2, [at(0, 0), at(0, apart), at(1, 0.4)]), windows));
      };
      for (const apart of [0.1, 0.6, 1]) expect(outage('link-failed', apart)).toEqual([2]);
      expect(outage('link-failed', 2)).toEqual([2, 1]);
      // Only links have two families.
      expect(outage('probe-failed', 0.6)).toEqual([2, 1]);
    },
  );

  it.each([0, 1_000, 2_000, 30_000])(
    'have one event for the API and one for a target that all pods lose, with REFRESH_INTERVAL of %i ms',
    (refreshIntervalMs) => {
      const windows = windowsOf({ refreshIntervalMs, ...PINGS });
      const lost = (kind: EventKind, withinMs: number) => {
        const entries = [0, 0.5, 1].map((part, by) => ({ by, agoMs: 100_000 - part * withinMs, kind, detail: 'x' }));
        return countsOf(merge(journals(3, entries), windows));
      };
      expect(lost('api-lost', MAX_LIST_AGE_MS)).toEqual([3]);
      expect(lost('probe-failed', intervalWithoutPingsMs(refreshIntervalMs))).toEqual([3]);
    },
  );

  it('have one event per pod for starvation', () => {
    const entries = [0, 1].map((by): Entry => ({ by, agoMs: 5_000 + by, kind: 'cpu-starved' }));
    const events = merge(journals(2, entries)).map(({ pod, fromCount }) => `${pod?.name} ${fromCount}`);
    expect(events.sort()).toEqual(['pod-0 1', 'pod-1 1']);
  });

  describe('about bad links while a pod was starved', () => {
    const [source, destination] = [0, 1];
    const failed = (agoMs: number, change: Partial<Entry> = {}): Entry => {
      return { by: 0, agoMs, kind: 'link-failed', of: 1, outcome: 'timeout', ...change };
    };
    const ok = (agoMs: number, change: Partial<Entry> = {}): Entry => {
      return { by: 0, agoMs, kind: 'link-recovered', of: 1, ...change };
    };
    const lossy = (agoMs: number): Entry => ({ by: 0, agoMs, kind: 'link-lossy', of: 1 });
    const probe = (change: Partial<Entry> = {}) => {
      return failed(49_000, { kind: 'probe-failed', of: null, detail: 'dns x', ...change });
    };
    const probeOk = (detail: string) => ok(46_000, { kind: 'probe-recovered', of: null, detail });
    const cpuOk = ok(47_000, { kind: 'cpu-recovered', of: 0 });
    const seenBy = (by: number) => [failed(49_000, { by }), ok(47_000, { by })];
    /** The journals of three pods; pod `pod` was starved from 50 s to 48 s ago. */
    const starvedJournals = (pod: number, entries: Entry[]) => {
      const parts = journals(3, entries);
      for (const part of parts) part.value.starved = part === parts[pod] ? [[50_000, 48_000]] : [];
      return parts;
    };
    const explanationOf = (parts: PodAnswer<Journal>[]) => {
      const bad = merge(parts).filter(({ kind }) => !/recovered/.test(kind));
      expect(bad).toHaveLength(1);
      return bad[0]?.starved;
    };

    it.each<[string, Entry[], bySource: boolean, byDestination: boolean]>([
      ['for however short a time, if the link is ok in the next round', [failed(49_000), ok(47_000)], true, true],
      ['at the end of the ping only', [failed(47_100), ok(45_500)], true, true],
      ['after the ping', [failed(51_500), ok(46_000)], false, false],
      ['before the ping', [failed(46_600), ok(45_500)], false, false],
      ['when datagrams were lost, however long that goes on', [lossy(49_000)], true, true],
      ['before datagrams were lost', [lossy(40_000)], false, false],
      ['for less long than the link failed', [failed(49_000), ok(44_000)], false, false],
      ['when a failure began that goes on', [failed(49_000)], false, false],
      ['when another link recovered', [failed(49_000), ok(47_000, { of: 2 })], false, false],
      ['while its link to itself failed, and did not recover', [failed(49_000, { of: 0 }), cpuOk], false, false],
      ['when the link was refused', [failed(49_000, { outcome: 'refused' }), ok(47_000)], false, false],
      ['when nothing could connect', [failed(49_000, { phase: 'connect' }), ok(47_000)], true, false],
      ['while a pod that was not starved saw the same', [...seenBy(0), ...seenBy(2)], false, true],
      ['when an external target timed out', [probe(), probeOk('dns x')], true, false],
      ['when another target recovered', [probe(), probeOk('dns y')], false, false],
      ['when a target failed in another way', [probe({ outcome: 'dns' }), probeOk('dns x')], false, false],
    ])('explain them by a pod that was starved %s', (_, entries, bySource, byDestination) => {
      expect(explanationOf(starvedJournals(source, entries))).toBe(bySource ? 'source' : undefined);
      expect(explanationOf(starvedJournals(destination, entries))).toBe(byDestination ? 'destination' : undefined);
    });

    it('do not take this process, while it does not know which pod it is, for what others probe', () => {
      const parts = starvedJournals(source, [probe({ by: 1 }), { ...probeOk('dns x'), by: 1 }]);
      parts[0]!.pod = null;
      expect(explanationOf(parts)).toBeUndefined();
    });

    it('call it failed if the destination stood still, as it gave no report then', () => {
      const found = [source, destination].map((pod) => {
        const parts = starvedJournals(pod, [failed(49_000), ok(47_000)]);
        parts[pod]!.value.stoodStill = [[49_900, 48_000]];
        return explanationOf(parts);
      });
      expect(found).toEqual(['source', undefined]);
    });

    it('explain nothing by an older version, which does not say when it was starved', () => {
      expect(explanationOf(journals(3, [failed(49_000), ok(47_000)]))).toBeUndefined();
    });
  });

  it('are made with a pause after each journal and each event, also if all are about one pod', () => {
    const entries = Array.from({ length: 200 }, (_, n) => {
      return { by: n % 20, agoMs: n * 10_000, kind: 'link-failed' as const, of: 9 };
    });
    const { result, steps } = merging(journals(20, entries));
    expect(result).toHaveLength(200);
    expect(steps).toBeGreaterThan(220);
  });

  it('tell the cause first of what happens at the same time, in whatever order the journals and their entries come', () => {
    const apiTimeMs = NOW_MS - 20_000;
    const kinds = ['pod-terminating', 'link-failed', 'pod-gone', 'pod-seen', 'pod-replaced', 'pod-ready'] as const;
    const entries = kinds.map((kind, by) => ({ by: by % 3, agoMs: 20_000, kind, of: 5, apiTimeMs }));
    for (const order of [entries, [...entries].reverse()]) {
      for (const parts of [journals(3, order), journals(3, order).reverse()]) {
        expect(merge(parts).map(({ kind }) => kind)).toEqual(kinds);
      }
    }
  });

  it('are the same on all pods, in whatever order the journals arrive', () => {
    const pods = ['pod-gone', 'pod-ready'] as const;
    const others = ['link-failed', 'link-slow', 'link-lossy', 'api-lost', 'cpu-starved'] as const;
    const entry = fc.record({
      by: fc.nat(4),
      // Not close to the end of a window, where the error of the clocks decides.
      agoMs: fc.nat(600).map((n) => n * 100 + 50),
      kind: fc.constantFrom<EventKind>(...pods, ...others),
      of: fc.nat(3),
      totalUs: fc.nat(500_000),
      apiTimeMs: fc.constantFrom(0, NOW_MS - 30_000, NOW_MS - 9_000),
    });
    const seen = (events: MeshEvent[]) => events.map(({ atMs: _, ...event }) => JSON.stringify(event)).sort();
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 40 }), fc.nat(40), (entries, shift) => {
        const asked = merge(journals(5, entries));
        const parts = journals(5, entries, 7);
        const elsewhere = merge([...parts.slice(shift % 5), ...parts.slice(0, shift % 5)].reverse());
        expect(seen(elsewhere)).toEqual(seen(asked));
        expect(new Set(asked.map(({ id }) => id)).size).toBe(asked.length);
      }),
      { numRuns: 200 },
    );
  });
});
