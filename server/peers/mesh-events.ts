import type { PodLifetimes } from '../events/pod-lifetimes.ts';
import {
  type Events,
  type Journal,
  MAX_EVENTS,
  type MeshEvent,
  type MissingPart,
  newestEvents,
  parseJournalSliced,
} from '../protocol/event.ts';
import { type PingSettings, roundMsOf } from '../protocol/link-state.ts';
import type { MeshSettings } from '../protocol/mesh.ts';
import { intervalWithoutPingsMs, MAX_LIST_AGE_MS } from '../protocol/pod.ts';
import type { PodNamer } from '../protocol/pod-names.ts';
import type { Clock } from '../runtime/clock.ts';
import { runSliced } from '../runtime/concurrency.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { Broadcast, BroadcastResult, PodAnswer } from './broadcast.ts';
import { type MergeWindows, mergeJournals } from './merge-journals.ts';

interface MeshEventsDeps {
  clock: Clock;
  settings: PingSettings & Pick<MeshSettings, 'historyWindowMs'>;
  broadcast: Broadcast;
  /** Our own journal, with the journals that we keep copies of. */
  ownJournal(sinceAgeMs: number, limit?: number): Journal;
  /** The pods as we know them, so that their names do not depend on what other pods say. */
  lifetimes: Pick<PodLifetimes, 'lastKnown' | 'remembersSinceMs'>;
  nameOf: PodNamer;
  podCount(): number;
}

interface EventsQuery extends TimeRange {
  /** The most events that are wanted. If there are more, the newest are given (`newestEvents`). */
  limit: number;
}

/**
 * An entry has at most 14 values and 1000 characters of text. A journal may have two times for each entry (`starved`, `stoodStill`), of
 * 6 values and 60 characters together. The head of a journal takes less than an entry.
 */
const ENTRY_BYTES = 1_260;
const ENTRY_VALUES = 20;
/** The most entries of all other pods together, because more would delay our pings. Each pod may send the same share of them. */
const MAX_ENTRIES = 5000;
/** A pod may always send this many entries, even if its share is less. */
const MIN_ENTRIES_PER_POD = 10;
/** Of the events that only one other pod reports, this many may always be in the list: see `fairShares`. */
const MIN_SHARE = 50;
/** Journals are asked for by whole minutes, so that clients who ask for similar ranges share one broadcast. */
const MINUTE_MS = 60_000;
/** On a busy machine a ping may end this much later than its round. */
const SLACK_MS = 1000;

/**
 * How far apart pods may notice the same event: each pings, probes and hears from the API at its own times. External targets are
 * probed even if REFRESH_INTERVAL is 0, so that there are no pings.
 */
export function windowsOf(settings: PingSettings): MergeWindows {
  const { refreshIntervalMs } = settings;
  const roundMs = roundMsOf(settings);
  const probeMs = roundMsOf({ ...settings, refreshIntervalMs: intervalWithoutPingsMs(refreshIntervalMs) }) + SLACK_MS;
  return {
    linkMs: roundMs + SLACK_MS,
    probeMs,
    apiMs: Math.max(probeMs, MAX_LIST_AGE_MS + SLACK_MS),
    pingTimeoutMs: settings.pingTimeoutMs,
    // A link cannot fail, recover and fail again in less than two intervals.
    sameLinkMs: Math.min(roundMs, 1.9 * refreshIntervalMs),
  };
}

/** The events of the whole mesh, merged from the journals of all pods once for all clients that ask at about one time. */
export class MeshEvents {
  readonly #deps: MeshEventsDeps;
  /** The merged events of each broadcast result. Clients that share a broadcast get the same object: it is merged once. */
  readonly #merged = new WeakMap<BroadcastResult<Journal>, Promise<MeshEvent[]>>();

  constructor(deps: MeshEventsDeps) {
    this.#deps = deps;
  }

  /**
   * Returns the events of a time range. Rejects as `Broadcast.ask` does. `truncated`: journals have dropped events after `fromMs`, or
   * there are more than `limit`, or more of one pod than `fairShares` allows.
   */
  async events({ fromMs, toMs, limit }: EventsQuery): Promise<Events> {
    const { clock, settings, podCount, ownJournal, lifetimes, broadcast } = this.#deps;
    const windows = windowsOf(settings);
    const widestMs = Math.max(windows.linkMs, windows.probeMs, windows.apiMs);
    // Another pod may notice an event of the beginning of the range this much earlier: asked for too, so that the two are merged.
    const minutes = Math.max(1, Math.ceil((clock.nowMs() - fromMs + widestMs) / MINUTE_MS));
    const sinceAgeMs = Math.round(Math.min(minutes * MINUTE_MS, settings.historyWindowMs));
    const share = Math.max(MIN_ENTRIES_PER_POD, Math.floor(MAX_ENTRIES / Math.max(1, podCount())));
    const most = Math.min(share, MAX_EVENTS);
    const journals = await broadcast.ask<Journal>({
      path: `/api/v1/journal?sinceAge=${sinceAgeMs}&limit=${most}`,
      parse: parseJournalSliced,
      own: () => ownJournal(sinceAgeMs),
      // One more entry for the head of the journal. As much again for copies of journals: see `Copies.journals`.
      maxBytes: 2 * (1 + most) * ENTRY_BYTES,
      maxValues: 2 * (1 + most) * ENTRY_VALUES,
    });
    const all = withCopiedJournals(journals, lifetimes);
    const merged = this.#merged.get(journals) ?? runSliced(mergeJournals(all, windows, lifetimes), clock);
    this.#merged.set(journals, merged);
    const inRange = (await merged).filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
    // Our own answer is the first.
    const events = newestEvents(fairShares(inRange, journals.parts[0]?.pod?.uid ?? ''), limit);
    return {
      fromMs,
      toMs,
      nowMs: clock.nowMs(),
      truncated: all.parts.some((part) => lacksEvents(part, fromMs)) || events.length < inRange.length,
      missing: [...journals.missing, ...shortJournals(journals.parts, all.parts, fromMs, this.#deps)],
      events,
    };
  }
}

/**
 * Limits the events that only one pod has observed, so that no pod can fill the list: at most as many as all other events together,
 * or `MIN_SHARE` if that is more. The oldest are left out. Our own are all kept: we trust ourselves.
 */
function fairShares(events: readonly MeshEvent[], selfUid: string): MeshEvent[] {
  const byReporter = new Map<string, MeshEvent[]>();
  for (const event of events) {
    const uid = event.from[0]?.uid ?? '';
    if (event.fromCount !== 1 || uid === selfUid) continue;
    const alone = byReporter.get(uid) ?? [];
    alone.push(event);
    byReporter.set(uid, alone);
  }
  const leftOut = new Set<MeshEvent>();
  for (const alone of byReporter.values()) {
    const share = Math.max(MIN_SHARE, events.length - alone.length);
    for (const event of alone.slice(0, -share)) leftOut.add(event);
  }
  return events.filter((event) => !leftOut.has(event));
}

/** Whether a journal lacks events after `fromMs`, for lack of room. */
function lacksEvents({ value, atMs }: PodAnswer<Journal>, fromMs: number): boolean {
  return value.truncated && atMs - (value.droppedAgeMs ?? 0) >= fromMs;
}

/** Adds the journals that pods keep copies of. Each journal is there once: that of the process itself, else the longest copy. */
function withCopiedJournals(
  { parts, atMs }: BroadcastResult<Journal>,
  lifetimes: Pick<PodLifetimes, 'lastKnown'>,
): Pick<BroadcastResult<Journal>, 'parts' | 'atMs'> {
  const byId = new Map<string, PodAnswer<Journal>>();
  for (const part of parts) {
    for (const { uid, journal } of part.value.copies ?? []) {
      const pod = lifetimes.lastKnown(uid);
      const known = byId.get(journal.id);
      if (pod === null || (known?.value.events.length ?? -1) >= journal.events.length) continue;
      byId.set(journal.id, { ...part, pod, value: journal });
    }
  }
  for (const { value } of parts) byId.delete(value.id);
  return { parts: [...parts, ...byId.values()], atMs };
}

/** Pods whose journals begin after `fromMs` although they ran before: they have restarted, and nobody has a copy. */
function shortJournals(
  parts: readonly PodAnswer<Journal>[],
  all: readonly PodAnswer<Journal>[],
  fromMs: number,
  { lifetimes, nameOf }: Pick<MeshEventsDeps, 'lifetimes' | 'nameOf'>,
): MissingPart[] {
  return parts.flatMap(({ pod, value, atMs }) => {
    if (pod === null || atMs - value.knownAgeMs <= Math.max(fromMs, lifetimes.remembersSinceMs(pod))) return [];
    if (all.some((part) => part.pod?.uid === pod.uid && part.value.id !== value.id)) return [];
    const knownS = Math.round(value.knownAgeMs / 1000);
    return [
      { name: nameOf(pod), reason: 'no-history', detail: `it has restarted and knows only the last ${knownS} s` },
    ];
  });
}
