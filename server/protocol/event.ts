import * as v from 'valibot';
import { OUTCOMES, PHASES } from './sample.ts';
import { boundedText, finiteNumber, wholeNumber } from './validators.ts';

/** What happens and is worth remembering. The names say of what: a pod, a link, the Kubernetes API, a report, a probe. */
export const EVENT_KINDS = [
  'pod-seen',
  'pod-ready',
  'pod-not-ready',
  'pod-terminating',
  'pod-gone',
  'pod-replaced',
  'link-failed',
  'link-recovered',
  'link-slow',
  'link-normal',
  'api-lost',
  'api-back',
  'cpu-starved',
  'cpu-recovered',
  'probe-failed',
  'probe-recovered',
] as const;

/** What happened; see `EVENT_KINDS`. */
export type EventKind = (typeof EVENT_KINDS)[number];

/** The most events that one answer has. */
export const MAX_EVENTS = 1000;
/** The most probing pods that an event of many links names. */
export const MAX_EVENT_PODS = 5;

const eventPodSchema = v.object({
  uid: boundedText(128),
  name: boundedText(253),
  namespace: boundedText(63),
  node: boundedText(253),
});

/** A pod as events name it: it may be gone from every list by now. */
export type EventPod = v.InferOutput<typeof eventPodSchema>;

const kinds = v.picklist(EVENT_KINDS);
const eventPod = v.nullable(eventPodSchema);
const outcome = v.nullable(v.picklist(OUTCOMES));
const phase = v.nullable(v.picklist(PHASES));

/** `format` of a journal. */
export const JOURNAL_FORMAT = 'goldpinger-ts/journal/1';

const journalSchema = v.object({
  format: v.literal(JOURNAL_FORMAT),
  /** Another one for each start of the process: `id` and `seq` name an entry everywhere. */
  id: v.pipe(v.string(), v.regex(/^[\w-]{1,40}$/)),
  /** Ms since this pod's journal began. */
  knownAgeMs: finiteNumber,
  /** Whether older events in the time range asked for had to make room. */
  truncated: v.boolean(),
  /** Each is validated on its own: see `parsingJournal`. */
  events: v.pipe(v.array(v.unknown()), v.maxLength(MAX_EVENTS)),
});

const journalEntrySchema = v.object({
  /** Counts the entries of this journal. */
  seq: wholeNumber,
  /** How long ago it was, by this pod's clock that never jumps. */
  ageMs: finiteNumber,
  /** When it was as the Kubernetes API tells it, ms since the epoch: the same from every pod. 0 = it does not. */
  toldMs: finiteNumber,
  kind: kinds,
  /** The pod it is about; of a link the one that is probed; null for the API and for external targets. */
  pod: eventPod,
  outcome,
  phase,
  /** The latency that a link has become slow or normal with, or has after it recovered; -1 without one. */
  totalUs: finiteNumber,
  /** In words, or of `pod-replaced` the new pod's name, of a probe its target. */
  detail: boundedText(300),
});

/** One entry of a pod's journal. */
export type JournalEntry = v.InferOutput<typeof journalEntrySchema>;

/** One pod's own journal, oldest first: `/api/v1/journal?sinceAge=` answers with it. */
export type Journal = Omit<v.InferOutput<typeof journalSchema>, 'events'> & { events: JournalEntry[] };

/** So many entries are validated at once: each takes some ten microseconds. */
const ENTRIES = 16;

/**
 * Validates a journal from another process. Throws an Error that says what is wrong. Yields after each few entries: a
 * thousand at once take longer than our own pings may wait.
 */
export function* parsingJournal(wire: unknown): Generator<void, Journal> {
  const journal = v.parse(journalSchema, wire);
  const events: JournalEntry[] = [];
  for (const entry of journal.events) {
    events.push(v.parse(journalEntrySchema, entry));
    if (events.length % ENTRIES === 0) yield;
  }
  return { ...journal, events };
}

const missingSchema = v.object({ name: boundedText(253), reason: boundedText(32), detail: boundedText(400) });

/** A pod that did not tell its part, and why (`MISSING_REASONS`). */
export type MissingPart = v.InferOutput<typeof missingSchema>;

/** Pods that did not tell their part on the wire. */
export const missingPartsSchema = v.pipe(v.array(missingSchema), v.maxLength(65_535));

/** One merged event on the wire. */
export const meshEventSchema = v.object({
  /** The same for the same event, whichever pod is asked. */
  id: boundedText(200),
  atMs: finiteNumber,
  kind: kinds,
  pod: eventPod,
  /** The probing pods of a link event, at most 5, and how many there are; of others who told it. */
  from: v.pipe(v.array(eventPodSchema), v.maxLength(MAX_EVENT_PODS)),
  fromCount: wholeNumber,
  outcome,
  phase,
  totalUs: finiteNumber,
  detail: boundedText(300),
});

const eventsSchema = v.object({
  fromMs: finiteNumber,
  toMs: finiteNumber,
  nowMs: finiteNumber,
  truncated: v.boolean(),
  missing: missingPartsSchema,
  events: v.pipe(v.array(meshEventSchema), v.maxLength(MAX_EVENTS)),
});

/** What happened, merged over all pods, oldest first, times by the serving pod's clock: `/api/v1/events`. */
export type Events = v.InferOutput<typeof eventsSchema>;

/** One merged event. */
export type MeshEvent = Events['events'][number];

/** Validates merged events from a server. Throws an Error that says what is wrong. */
export function parseEvents(wire: unknown): Events {
  return v.parse(eventsSchema, wire);
}
