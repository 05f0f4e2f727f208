import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type EventKind,
  type EventPod,
  type Journal,
  type JournalEntry,
  parseEvents,
} from '../../../server/contract/event.ts';
import type { AllParts, AskAll, PodPart, Question } from '../../../server/mesh/ask-all.ts';
import { createEventsReader, mergeJournals } from '../../../server/mesh/events.ts';
import { FakeClock } from '../../fake-clock.ts';
import { NOW_MS, podOf } from './scene.ts';

const HOUR = 3_600_000;
const spans = { eachTurnMs: 3_000, sameTurnMs: 1_000 };

/** What a test wants to be told: an entry of pod `by`, `agoMs` ago, about pod `of`. */
interface Wish {
  by: number;
  agoMs: number;
  kind: EventKind;
  of?: number | null;
  outcome?: JournalEntry['outcome'];
  totalUs?: number;
  toldMs?: number;
  detail?: string;
}

const eventPod = (n: number): EventPod => {
  const { uid, name, namespace, node } = podOf(n);
  return { uid, name, namespace, node };
};

/** The journals of `count` pods, asked at `NOW_MS` by one that is `offMs` off in dating them. */
function journals(count: number, wishes: readonly Wish[], offMs = 0): PodPart<Journal>[] {
  return Array.from({ length: count }, (_, by) => {
    const events = wishes
      .filter((wish) => wish.by === by)
      .map(({ agoMs, kind, of = null, outcome = null, totalUs = -1, toldMs = 0, detail = '' }, seq) => {
        return {
          seq,
          ageMs: agoMs,
          toldMs,
          kind,
          pod: of === null ? null : eventPod(of),
          outcome,
          phase: null,
          totalUs,
          detail,
        };
      });
    const value: Journal = {
      format: 'goldpinger-ts/journal/1',
      id: `j${by}`,
      knownAgeMs: HOUR,
      truncated: false,
      events,
    };
    return { pod: podOf(by), value, atMs: NOW_MS + offMs, errorMs: 1 };
  });
}

const merge = (parts: PodPart<Journal>[]) =>
  mergeJournals({ parts, atMs: NOW_MS }, spans, { clock: new FakeClock(NOW_MS), podOf: () => null });

describe('journals of many pods', () => {
  it('tell of a pod once: at the time of the API, else the earliest', async () => {
    const toldMs = NOW_MS - 40_000;
    const events = await merge(
      journals(3, [
        ...[0, 1, 2].map((by) => ({ by, agoMs: 30_000 + by * 1_500, kind: 'pod-seen' as const, of: 5, toldMs })),
        ...[0, 1, 2].map((by) => ({ by, agoMs: 20_000 + by * 9_000, kind: 'pod-gone' as const, of: 5 })),
      ]),
    );
    expect(events).toMatchObject([
      { id: 'pod-seen/uid-5', atMs: toldMs, fromCount: 3, pod: { name: 'pod-5' } },
      { id: 'pod-gone/uid-5', atMs: NOW_MS - 38_000, from: [{ name: 'pod-0' }, { name: 'pod-1' }, { name: 'pod-2' }] },
    ]);
  });

  it('tell each turn of readiness on its own', async () => {
    const turns = [NOW_MS - 9_000, NOW_MS - 7_000];
    const wishes = turns.flatMap((toldMs) =>
      [0, 1].map((by) => ({ by, agoMs: NOW_MS - toldMs - by * 300, kind: 'pod-ready' as const, of: 1, toldMs })),
    );
    expect((await merge(journals(2, wishes))).map(({ atMs, fromCount }) => [atMs, fromCount])).toEqual([
      [turns[0], 2],
      [turns[1], 2],
    ]);
  });

  it('make one event of all links into a pod that fail within about a round, with at most five names', async () => {
    const failing = Array.from({ length: 8 }, (_, by) => {
      const outcome = by < 3 ? ('refused' as const) : ('timeout' as const);
      return { by, agoMs: 10_000 - by * 300, kind: 'link-failed' as const, of: 9, outcome, detail: `from ${by}` };
    });
    const later = { by: 0, agoMs: 2_000, kind: 'link-failed' as const, of: 9, outcome: 'reset' as const };
    const [first, second, ...others] = await merge(journals(8, [...failing, later]));
    expect(first).toMatchObject({ atMs: NOW_MS - 10_000, fromCount: 8, outcome: 'timeout', detail: 'from 3' });
    expect(first?.from.map(({ name }) => name)).toEqual(['pod-0', 'pod-1', 'pod-2', 'pod-3', 'pod-4']);
    expect(second).toMatchObject({ atMs: NOW_MS - 2_000, fromCount: 1, outcome: 'reset' });
    expect(others).toEqual([]);
  });

  it('keep a link that fails again within the round apart, but not its two IP families', async () => {
    const failed = (agoMs: number) => ({ by: 0, agoMs, kind: 'link-failed' as const, of: 9 });
    expect(await merge(journals(1, [failed(5_000), failed(4_500)]))).toHaveLength(1);
    expect(await merge(journals(1, [failed(5_000), failed(3_500)]))).toHaveLength(2);
  });

  it('tell rows by pod, the API and external probes together', async () => {
    const kinds = ['row-starved', 'api-lost', 'probe-failed'] as const;
    const wishes = kinds.flatMap((kind) => [0, 1].map((by) => ({ by, agoMs: 5_000 + by, kind, detail: `of ${kind}` })));
    const events = await merge(journals(2, wishes));
    expect(events.map(({ kind, pod, fromCount }) => `${kind} ${pod?.name} ${fromCount}`).sort()).toEqual([
      'api-lost undefined 2',
      'probe-failed undefined 2',
      'row-starved pod-0 1',
      'row-starved pod-1 1',
    ]);
  });

  it('leave others their turns after each journal and each event, also where all are about one pod', async () => {
    const wishes = Array.from({ length: 200 }, (_, n) => {
      return { by: n % 20, agoMs: n * 10_000, kind: 'link-failed' as const, of: 9 };
    });
    // Each look at this clock takes longer than a turn may.
    const slow = new FakeClock(NOW_MS);
    const monotonicMs = () => {
      slow.freeze(2);
      return 5_000 + slow.nowMs() - NOW_MS;
    };
    const clock = { nowMs: () => NOW_MS, monotonicMs, setTimer: slow.setTimer.bind(slow) };
    let turns = 0;
    let isDone = false;
    const count = () => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    setImmediate(count);
    const events = await mergeJournals({ parts: journals(20, wishes), atMs: NOW_MS }, spans, {
      clock,
      podOf: () => null,
    });
    isDone = true;
    expect(events).toHaveLength(200);
    expect(turns).toBeGreaterThan(200);
  });

  it('are the same whoever is asked, and in whatever order they come in', async () => {
    const kinds = fc.constantFrom<EventKind>(
      'pod-gone',
      'pod-ready',
      'link-failed',
      'link-slow',
      'api-lost',
      'row-starved',
    );
    const wish = fc.record({
      by: fc.nat(4),
      // Not next to the end of a span: there the clocks' error decides.
      agoMs: fc.nat(600).map((n) => n * 100 + 50),
      kind: kinds,
      of: fc.nat(3),
      totalUs: fc.nat(500_000),
      toldMs: fc.constantFrom(0, NOW_MS - 30_000, NOW_MS - 9_000),
    });
    const seen = (events: Awaited<ReturnType<typeof merge>>) =>
      events.map(({ atMs: _, ...event }) => JSON.stringify(event)).sort();
    await fc.assert(
      fc.asyncProperty(fc.array(wish, { maxLength: 40 }), fc.nat(40), async (wishes, shift) => {
        const asked = await merge(journals(5, wishes));
        const parts = journals(5, wishes, 7);
        const elsewhere = await merge([...parts.slice(shift % 5), ...parts.slice(0, shift % 5)].reverse());
        expect(seen(elsewhere)).toEqual(seen(asked));
        expect(new Set(asked.map(({ id }) => id)).size).toBe(asked.length);
      }),
      { numRuns: 200 },
    );
  });
});

/** A reader of journals that are there already. */
function reader(parts: Partial<AllParts<Journal>>) {
  const clock = new FakeClock(NOW_MS);
  const paths: string[] = [];
  const all = { parts: [], missing: [], atMs: NOW_MS, ...parts };
  const askAll: AskAll = {
    ask: async <T>({ path }: Question<T>) => {
      paths.push(path);
      return all as unknown as AllParts<T>;
    },
    tell: () => Promise.reject(new Error('not in this test')),
    stop: () => {},
  };
  const settings = { refreshIntervalMs: 2_000, jitterFactor: 0, pingTimeoutMs: 300, historyWindowMs: HOUR };
  const ownJournal = () => Promise.reject(new Error('not in this test')) as never;
  let merges = 0;
  const podOf = () => {
    merges += 1;
    return null;
  };
  const { events, stop } = createEventsReader(settings, { clock, askAll, ownJournal, podOf, podCount: () => 3 });
  return { events, stop, paths, clock, merges: () => merges };
}

const all = { fromMs: NOW_MS - HOUR, toMs: NOW_MS, limit: 1_000 };

describe('events of a stretch', () => {
  it('are those within it, and name who is missing and who has started again', async () => {
    const parts = journals(2, [
      { by: 0, agoMs: 60_000, kind: 'api-lost' },
      { by: 0, agoMs: 10_000, kind: 'api-back' },
    ]);
    (parts[1] as PodPart<Journal>).value.knownAgeMs = 40_000;
    const missing = [{ name: 'pod-7', reason: 'timeout', detail: 'late' }];
    const { events } = reader({ parts, missing });
    const answer = parseEvents(JSON.parse(JSON.stringify(await events({ ...all, fromMs: NOW_MS - 90_000 }))));
    expect(answer.events.map(({ kind }) => kind)).toEqual(['api-lost', 'api-back']);
    expect(answer.missing).toEqual([
      ...missing,
      { name: 'pod-1', reason: 'no-history', detail: expect.stringContaining('40 s') },
    ]);
    const later = await events({ ...all, fromMs: NOW_MS - 50_000, toMs: NOW_MS - 10_000 });
    expect(later.events.map(({ kind }) => kind)).toEqual(['api-back']);
    expect(later.missing).toEqual(missing);
  });

  it('are the newest where there are too many, and links leave room for the others', async () => {
    const wishes: Wish[] = Array.from({ length: 50 }, (_, i) => ({
      by: 0,
      agoMs: 10_000 - i,
      kind: 'link-failed',
      of: i,
    }));
    const early: Wish[] = Array.from({ length: 3 }, (_, i) => ({ by: 0, agoMs: 60_000 - i, kind: 'pod-gone', of: i }));
    const { events } = reader({ parts: journals(1, [...early, ...wishes]) });
    const answer = await events({ ...all, limit: 5 });
    expect(answer.truncated).toBe(true);
    expect(answer.events.map(({ id }) => id)).toEqual([
      ...['pod-gone/uid-0', 'pod-gone/uid-1', 'pod-gone/uid-2', 'link-failed/j0-51', 'link-failed/j0-52'],
    ]);
    expect((await events({ ...all, limit: 53 })).truncated).toBe(false);
  });

  it('are merged once for all who ask at once, and let go of soon after and at a stop', async () => {
    const parts = journals(1, [{ by: 0, agoMs: 10_000, kind: 'pod-gone', of: 1 }]);
    const { events, stop, clock, merges } = reader({ parts });
    for (const ask of [events(all), events(all)]) expect((await ask).events).toHaveLength(1);
    expect([merges(), clock.pending]).toEqual([1, 1]);
    await clock.advance(1_000);
    expect(clock.pending).toBe(0);
    expect((await events(all)).events).toHaveLength(1);
    expect([merges(), clock.pending]).toEqual([2, 1]);
    stop();
    expect(clock.pending).toBe(0);
    // Also what comes to its end after the stop.
    await events(all);
    expect(clock.pending).toBe(0);
  });

  it('are asked for in few different stretches', async () => {
    const { events, paths } = reader({});
    for (const agoMs of [1_000, 50_000, 70_000, HOUR, 9 * HOUR]) await events({ ...all, fromMs: NOW_MS - agoMs });
    expect(paths.map((path) => /sinceAge=(\d+)&limit=1000$/.exec(path)?.[1])).toEqual([
      ...['60000', '60000', '120000', '3600000', '3600000'],
    ]);
  });
});
