import { describe, expect, it } from 'vitest';
import type { Broadcast, BroadcastQuery, BroadcastResult, PodAnswer } from '../../../server/peers/broadcast.ts';
import { MeshEvents } from '../../../server/peers/mesh-events.ts';
import { type EventKind, type Journal, parseEvents } from '../../../server/protocol/event.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { podNamer } from '../../../server/protocol/pod-names.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { NOW_MS, podOf } from '../../support/mesh.ts';
import { type Entry, journals } from '../../support/peer-answers.ts';

const HOUR = 3_600_000;

/** The events of a mesh whose journals are given. */
function start(
  parts: Partial<BroadcastResult<Journal>>,
  remembersSinceMs = (_: unknown) => 0,
  lastKnown: (uid: string) => Pod | null = () => null,
  historyWindowMs = HOUR,
) {
  const clock = new FakeClock(NOW_MS);
  const paths: string[] = [];
  const answers = { parts: [], missing: [], missingPods: [], atMs: NOW_MS, ...parts };
  const broadcast: Broadcast = {
    ask: async <T>({ path }: BroadcastQuery<T>) => {
      paths.push(path);
      return answers as unknown as BroadcastResult<T>;
    },
    tell: () => Promise.reject(new Error('not in this test')),
  };
  const settings = { refreshIntervalMs: 2_000, jitterFactor: 0, pingTimeoutMs: 300, historyWindowMs };
  const mesh = new MeshEvents({
    clock,
    settings,
    broadcast,
    ownJournal: () => journals(1, [])[0]!.value,
    lifetimes: { lastKnown, remembersSinceMs },
    nameOf: podNamer([]),
    podCount: () => 3,
  });
  return { events: mesh.events.bind(mesh), paths };
}

const all = { fromMs: NOW_MS - HOUR, toMs: NOW_MS, limit: 1_000 };

describe('the events of a time range', () => {
  it('are those within it, with the pods that are missing and those that have restarted', async () => {
    const parts = journals(2, [
      { by: 0, agoMs: 60_000, kind: 'api-lost' },
      { by: 0, agoMs: 10_000, kind: 'api-back' },
    ]);
    (parts[1] as PodAnswer<Journal>).value.knownAgeMs = 40_000;
    const missing = [{ name: 'pod-7', reason: 'timeout', detail: 'late' }];
    const { events } = start({ parts, missing });
    const answer = parseEvents(JSON.parse(JSON.stringify(await events({ ...all, fromMs: NOW_MS - 90_000 }))));
    expect(answer.events.map(({ kind }) => kind)).toEqual(['api-lost', 'api-back']);
    expect(answer.missing).toEqual([
      ...missing,
      { name: 'pod-1', reason: 'no-history', detail: expect.stringContaining('40 s') },
    ]);
    const later = await events({ ...all, fromMs: NOW_MS - 30_000, toMs: NOW_MS - 10_000 });
    expect(later.events.map(({ kind }) => kind)).toEqual(['api-back']);
    expect(later.missing).toEqual(missing);
  });

  it('are the newest if there are too many, and links leave room for the others', async () => {
    const entries = (length: number, kind: EventKind, agoMs: number) =>
      Array.from({ length }, (_, i): Entry => ({ by: 0, agoMs: agoMs - i, kind, of: i }));
    const all53 = [...entries(3, 'pod-gone', 60_000), ...entries(50, 'link-failed', 10_000)];
    const { events } = start({ parts: journals(1, all53) });
    const answer = await events({ ...all, limit: 5 });
    expect(answer.truncated).toBe(true);
    expect(answer.events.map(({ id }) => id)).toEqual([
      ...['pod-gone/uid-0', 'pod-gone/uid-1', 'pod-gone/uid-2', 'link-failed/j0-51', 'link-failed/j0-52'],
    ]);
    expect((await events({ ...all, limit: 53 })).truncated).toBe(false);
  });

  it('are also those of journals that are known from copies, each once', async () => {
    const [first, second, gone] = journals(3, [
      { by: 0, agoMs: 9_000, kind: 'link-failed', of: 1, outcome: 'refused' },
      { by: 2, agoMs: 9_500, kind: 'link-failed', of: 1, outcome: 'refused' },
      { by: 2, agoMs: 50_000, kind: 'api-lost' },
    ]) as [PodAnswer<Journal>, PodAnswer<Journal>, PodAnswer<Journal>];
    const copies = [{ uid: podOf(2).uid, journal: gone.value }];
    for (const part of [first, second]) part.value = { ...part.value, copies };
    const podOfUid = (uid: string) => (uid === podOf(2).uid ? podOf(2, { lifecycle: 'gone' }) : null);
    const { events, truncated } = await start({ parts: [first, second] }, undefined, podOfUid).events(all);
    expect(truncated).toBe(false);
    expect(events.map(({ kind, from }) => [kind, from.map(({ name }) => name)])).toEqual([
      ['api-lost', ['pod-2']],
      ['link-failed', ['pod-0', 'pod-2']],
    ]);
    Object.assign(gone.value, { truncated: true, droppedAgeMs: 1_000 });
    expect((await start({ parts: [first, second] }, undefined, podOfUid).events(all)).truncated).toBe(true);
  });

  it('are not missing where a pod was pending for long before it ran', async () => {
    const parts = journals(1, []);
    (parts[0] as PodAnswer<Journal>).value.knownAgeMs = 40_000;
    const restarted = await start({ parts }, () => NOW_MS - 60_000).events(all);
    const pending = await start({ parts }, () => NOW_MS - 20_000).events(all);
    expect([restarted.missing.length, pending.missing.length]).toEqual([1, 0]);
  });

  it.each([
    ['within it', 30_000, true],
    ['as it began', 60_000, true],
    ['before it', 90_000, false],
  ])('are truncated if a journal has dropped events %s', async (_, droppedAgeMs, truncated) => {
    const parts = journals(1, [{ by: 0, agoMs: 10_000, kind: 'pod-gone', of: 1 }]);
    Object.assign((parts[0] as PodAnswer<Journal>).value, { truncated: true, droppedAgeMs });
    expect((await start({ parts }).events({ ...all, fromMs: NOW_MS - 60_000 })).truncated).toBe(truncated);
  });

  it('of one reporter alone are no more than 50, or than all others; our own and confirmed ones are all kept', async () => {
    const invented = Array.from({ length: 900 }, (_, i) => ({ agoMs: 900 - i, kind: 'pod-gone' as const, of: i }));
    const countOf = async (...entries: Entry[]) => {
      const { events, truncated } = await start({ parts: journals(3, entries) }).events(all);
      return [events.length, truncated];
    };
    const by = (reporter: number, entries: Omit<Entry, 'by'>[] = invented): Entry[] =>
      entries.map((entry) => ({ ...entry, by: reporter }));
    const others = by(
      0,
      invented.slice(800).map((entry) => ({ ...entry, kind: 'pod-seen' as const })),
    );
    expect(await countOf(...by(1))).toEqual([50, true]);
    expect(await countOf(...by(1), ...others)).toEqual([200, true]);
    expect(await countOf(...by(0))).toEqual([900, false]);
    expect(await countOf(...by(1), ...by(2))).toEqual([900, false]);
  });

  it('are asked for with few different ages, so that clients share the broadcast', async () => {
    // A pod accepts whole milliseconds.
    const { events, paths } = start({}, undefined, undefined, HOUR + 0.4);
    for (const agoMs of [1_000, 40_000, 70_000, HOUR, 9 * HOUR]) await events({ ...all, fromMs: NOW_MS - agoMs });
    expect(paths.map((path) => /sinceAge=(\d+)&limit=1000$/.exec(path)?.[1])).toEqual([
      ...['60000', '60000', '120000', '3600000', '3600000'],
    ]);
  });
});
