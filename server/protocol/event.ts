import { podNameSchema } from './pod.ts';
import type { PodNamer } from './pod-names.ts';
import { OUTCOMES, PHASES } from './sample.ts';
import * as v from './validators.ts';

/** Kinds of events, causes before effects. The first word says what it is about: a pod, a link, the Kubernetes API, our CPU, a probe. */
export const EVENT_KINDS = [
  'cpu-starved',
  'api-lost',
  'pod-terminating',
  'pod-not-ready',
  'link-failed',
  'link-slow',
  'link-lossy',
  'probe-failed',
  'pod-gone',
  'pod-seen',
  'pod-replaced',
  'pod-ready',
  'link-recovered',
  'link-normal',
  'link-loss-over',
  'probe-recovered',
  'api-back',
  'cpu-recovered',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Compares events of the same time: the cause comes first, then the smaller id. */
export function compareCauses(a: { kind: EventKind; id: string }, b: typeof a): number {
  return EVENT_KINDS.indexOf(a.kind) - EVENT_KINDS.indexOf(b.kind) || (a.id < b.id ? -1 : 1);
}

/** Whether an event is about a link. When all links fail at once, such events must not displace all others. */
export function isLinkEvent(kind: EventKind): boolean {
  return kind.startsWith('link-');
}

/** The newest `limit` of some events, sorted oldest first. If there are more, link events leave half of the room to the others. */
export function newestEvents<T extends { kind: EventKind }>(events: readonly T[], limit: number): T[] {
  const others = events.filter(({ kind }) => !isLinkEvent(kind)).length;
  const links = events.length - others;
  const keptOthers = Math.min(others, Math.max(Math.ceil(limit / 2), limit - links));
  let othersToDrop = others - keptOthers;
  let linksToDrop = links - (limit - keptOthers);
  return events.filter(({ kind }) => (isLinkEvent(kind) ? linksToDrop-- : othersToDrop--) <= 0);
}

/** The most events, and copied journals, in one answer, and the most probing pods that one link event names. */
export const MAX_EVENTS = 1000;
export const MAX_COPIED_JOURNALS = 100;
export const MAX_EVENT_PODS = 5;

export type EventPod = v.InferOutput<typeof podNameSchema>;

/** What events name of a pod or of a target. */
export function eventPodOf({ uid, name, namespace, node }: EventPod): EventPod {
  return { uid, name, namespace, node };
}

/** The pods that events name, in no order: of which they are, and who noticed them. A pod may be there several times. */
export function podsOfEvents(events: readonly Pick<MeshEvent, 'pod' | 'from'>[]): (EventPod | null)[] {
  return events.flatMap(({ pod, from }) => [pod, ...from]);
}

/** The name of the new pod of a `pod-replaced`: it is in the namespace of the old one. */
export function successorName({ pod, detail }: Pick<MeshEvent, 'pod' | 'detail'>, nameOf: PodNamer): string {
  return nameOf({ namespace: pod?.namespace ?? '', name: detail });
}

/** What an entry of a journal and a merged event say of what happened. */
const happenedEntries = {
  kind: v.picklist(EVENT_KINDS),
  /** The pod that it is about; for links the probed pod; null for the API and external probes. */
  pod: v.nullable(podNameSchema),
  outcome: v.nullable(v.picklist(OUTCOMES)),
  phase: v.nullable(v.picklist(PHASES)),
  /** The latency with which a link has become slow or normal, or has recovered; -1 without one. */
  totalUs: v.finiteNumber,
  /** For `pod-gone` the API's reason, for `pod-replaced` the new pod's name, for probes the target, for `link-lossy` the share. */
  detail: v.boundedText(300),
};

/** One entry of a pod's journal. */
const journalEntrySchema = v.object({
  /** Number of the entry in this journal. */
  seq: v.wholeNumber,
  /** How long ago it was, by the pod's monotonic clock. */
  ageMs: v.finiteNumber,
  /** When it was according to the Kubernetes API, ms since the epoch: the same on all pods. 0 = the API does not say. */
  apiTimeMs: v.finiteNumber,
  ...happenedEntries,
});
export type JournalEntry = v.InferOutput<typeof journalEntrySchema>;

/** The most times at which its process was starved that a journal has, the newest. */
export const MAX_JOURNAL_STARVED_TIMES = 128;

/** From and until how long ago, ms; oldest first. */
const pastTimes = v.boundedArray(v.tuple([v.finiteNumber, v.finiteNumber]), MAX_JOURNAL_STARVED_TIMES);

export const JOURNAL_FORMAT = 'goldpinger-ts/journal/1';

/** Validates a journal: see `parseJournalSliced`. */
export const journalSchema = v.object({
  format: v.literal(JOURNAL_FORMAT),
  /** A new one for each start of the process. With `seq` it identifies an entry on all pods. */
  id: v.pipe(v.string(), v.regex(/^[\w-]{1,40}$/)),
  /** Ms since this pod's journal began. */
  knownAgeMs: v.finiteNumber,
  /** Whether older events of the requested range have been dropped for lack of room. */
  truncated: v.boolean(),
  /** If `truncated`: how long ago the newest event was that has been dropped. */
  droppedAgeMs: v.exactOptional(v.finiteNumber),
  events: v.eachOf(journalEntrySchema, MAX_EVENTS),
  /** When the process was starved (`isStarved`), and when it stood still, so that it answered nobody. */
  starved: v.exactOptional(pastTimes),
  stoodStill: v.exactOptional(pastTimes),
  copies: v.exactOptional(
    v.boundedArray(v.object({ uid: v.boundedText(128), journal: v.unknown() }), MAX_COPIED_JOURNALS),
  ),
});

/** A process's own journal, oldest first: `/api/v1/journal?sinceAge=` answers with it. */
export interface Journal extends Omit<v.Parsed<typeof journalSchema>, 'copies'> {
  /** Journals of pods that have left, or of earlier processes of a pod: this pod keeps copies of them. */
  copies?: CopiedJournal[];
}

export interface CopiedJournal {
  uid: string;
  journal: Journal;
}

/**
 * Validates a journal from another pod. An invalid copied journal is left out: it is as the copied pod gave it, and the pod that
 * keeps the copy is not to blame.
 */
export function* parseJournalSliced(wire: unknown, skipped: v.Skipped): Generator<void, Journal> {
  const { copies: list, ...journal } = yield* v.parseSliced(journalSchema, wire, skipped);
  if (list === undefined) return journal;
  const copies: CopiedJournal[] = [];
  for (const { uid, journal: wireCopy } of list) {
    try {
      const { copies: _, ...copy } = yield* v.parseSliced(journalSchema, wireCopy, skipped);
      copies.push({ uid, journal: copy });
    } catch (error) {
      v.skip(error, skipped);
    }
  }
  return { ...journal, copies };
}

/** A pod whose part is missing from a merged answer, and why (`MISSING_REASONS`). */
const missingSchema = v.object({ name: v.boundedText(600), reason: v.boundedText(32), detail: v.boundedText(400) });
export type MissingPart = v.InferOutput<typeof missingSchema>;

export const missingPartsSchema = v.boundedArray(missingSchema, 65_535);

/** One merged event on the wire. */
export const meshEventSchema = v.object({
  /** The same for the same event, whichever pod merges it. */
  id: v.boundedText(200),
  atMs: v.finiteNumber,
  /** Pods that observed it, for links the probing pods; at most `MAX_EVENT_PODS`. */
  from: v.boundedArray(podNameSchema, MAX_EVENT_PODS),
  /** How many pods observed it. */
  fromCount: v.wholeNumber,
  /** Which end was starved of CPU, which explains a timeout or loss. Findings and health do not count it either. */
  starved: v.exactOptional(v.picklist(['source', 'destination'])),
  ...happenedEntries,
});

/** Events merged over all pods, oldest first. Times are by the serving pod's clock: `/api/v1/events`. */
const eventsSchema = v.object({
  fromMs: v.finiteNumber,
  toMs: v.finiteNumber,
  nowMs: v.finiteNumber,
  truncated: v.boolean(),
  missing: missingPartsSchema,
  events: v.boundedArray(meshEventSchema, MAX_EVENTS),
});
export type Events = v.InferOutput<typeof eventsSchema>;

export type MeshEvent = Events['events'][number];
export const parseEvents = (wire: unknown) => v.validate(eventsSchema, wire);
