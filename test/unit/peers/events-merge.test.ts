import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeJournals } from '../../../server/peers/events.ts';
import type { EventKind } from '../../../server/protocol/event.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { NOW_MS } from '../../support/mesh.ts';
import { journals, merge, spans } from './events-scene.ts';

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

  it('tell reports by pod, the API and external probes together', async () => {
    const kinds = ['cpu-starved', 'api-lost', 'probe-failed'] as const;
    const wishes = kinds.flatMap((kind) => [0, 1].map((by) => ({ by, agoMs: 5_000 + by, kind, detail: `of ${kind}` })));
    const events = await merge(journals(2, wishes));
    expect(events.map(({ kind, pod, fromCount }) => `${kind} ${pod?.name} ${fromCount}`).sort()).toEqual([
      'api-lost undefined 2',
      'cpu-starved pod-0 1',
      'cpu-starved pod-1 1',
      'probe-failed undefined 2',
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
      'cpu-starved',
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
