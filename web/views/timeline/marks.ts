import type { Annotation } from '../../../server/protocol/annotation.ts';
import { type MeshEvent, successorName } from '../../../server/protocol/event.ts';
import type { PodNamer } from '../../../server/protocol/pod-names.ts';
import type { Round } from '../../../server/protocol/rounds.ts';
import { countText, plural } from '../../../server/runtime/count-text.ts';
import { latencyText } from '../../../server/runtime/measure-text.ts';
import { shownName } from '../../model/names.ts';
import { roundWords } from '../../model/rounds.ts';
import type { TimelineStep } from '../../model/timeline.ts';

/** One mark on the axis: one event, or several that are close together. */
export interface EventMark {
  x: number;
  /** Time of the first event, ms since the epoch. */
  atMs: number;
  tone: MarkTone;
  lines: { id: string; atMs: number; text: string }[];
}

/** Marks closer than this are merged, px. */
const APART = 24;
/** Tones by severity. A merged mark has the most severe one. */
const RANK: readonly MarkTone[] = ['up', 'good', 'down', 'suspect', 'lossy', 'slow', 'failed'];

/**
 * Creates marks from left to right. `x` maps a time to px. Events outside `0..width` are left out. The end of a failed round
 * is marked as failed; links to the pod of a good round are not, because they fail only while it starts and leaves.
 */
export function eventMarks(
  events: readonly MeshEvent[],
  x: (atMs: number) => number,
  width: number,
  rounds: readonly Round[],
  nameOf: PodNamer,
): EventMark[] {
  const marks: EventMark[] = [];
  const roundByUid = new Map(rounds.map((round) => [round.uid, round]));
  for (const event of [...events].sort((a, b) => a.atMs - b.atMs)) {
    const at = x(event.atMs);
    if (at < 0 || at > width) continue;
    const round = roundByUid.get(event.pod?.uid ?? '');
    const tone = eventTone(event, round);
    const line = { id: event.id, atMs: event.atMs, text: eventWords(event, nameOf, round) };
    const last = marks.at(-1);
    if (last !== undefined && at - last.x < APART) {
      last.lines.push(line);
      if (RANK.indexOf(tone) > RANK.indexOf(last.tone)) last.tone = tone;
    } else marks.push({ x: at, atMs: event.atMs, tone, lines: [line] });
  }
  return marks;
}

/** How long before the end of its pod a round may lose its links: the pod terminates. */
const LEAVING_MS = 5_000;

/** Whether the pod of a round was up at an event. */
function wasUp({ createdMs, readyAfterMs, goneMs }: Round, { atMs }: MeshEvent): boolean {
  if (readyAfterMs === null || atMs < createdMs + readyAfterMs) return false;
  return goneMs === null || atMs < goneMs - LEAVING_MS;
}

/** An annotation on the timeline. */
export interface Flag {
  id: string;
  x: number;
  /** End of its range, px; `x` if it has none. */
  endX: number;
  atMs: number;
  text: string;
  /** Width for its text, px; 0 = no room. The text is left of the flag if `isLeft`. */
  room: number;
  isLeft: boolean;
}

const FLAG = 24;
const LEAST_ROOM = 56;
const MOST_ROOM = 260;

/** Creates flags. Texts are cut before the next flag, and placed on the left near the right edge. */
export function flagsOf(annotations: readonly Annotation[], x: (atMs: number) => number, width: number): Flag[] {
  const seen = annotations.filter(({ fromMs, toMs }) => x(toMs ?? fromMs) >= 0 && x(fromMs) <= width);
  const places = seen.map(({ fromMs }) => Math.max(0, x(fromMs)));
  let takenTo = 0;
  return seen.map((annotation, i) => {
    const { id, fromMs, toMs } = annotation;
    const text = annotationWords(annotation);
    const at = places[i] ?? 0;
    const right = Math.min(places[i + 1] ?? width, width) - at - FLAG;
    const left = at - takenTo - FLAG;
    const isLeft = right < MOST_ROOM / 2 && left > right;
    const free = isLeft ? left : right;
    const room = free < LEAST_ROOM ? 0 : Math.min(MOST_ROOM, free);
    takenTo = isLeft || room === 0 ? at : at + Math.min(room, text.length * 7 + 4) + FLAG;
    return {
      id,
      x: at,
      endX: Math.min(width, Math.max(at, x(toMs ?? fromMs))),
      atMs: fromMs,
      text,
      room,
      isLeft,
    };
  });
}

/** The text of an annotation with its tags. Safe to show. */
export function annotationWords({ text, tags }: Pick<Annotation, 'text' | 'tags'>): string {
  return shownName([text, ...tags.map((tag) => `#${tag}`)].join(' '));
}

/** The style of an event's mark. `up`, `down`: a pod joined or left. */
export type MarkTone = 'failed' | 'slow' | 'lossy' | 'suspect' | 'good' | 'up' | 'down';

/** What the text of an event is made of. Safe to show. */
interface EventParts {
  name: string;
  detail: string;
  /** "a → chaos", "chaos from 3 pods". */
  link: string;
  /** " from a", " from 3 pods"; '' = nobody in particular. */
  by: string;
  outcome: string;
  latency: string;
  starved: string;
}

const KINDS: Record<MeshEvent['kind'], [tone: MarkTone, words: (parts: EventParts) => string]> = {
  'pod-seen': ['up', ({ name }) => `${name} joined`],
  'pod-ready': ['good', ({ name }) => `${name} is ready`],
  'pod-not-ready': ['suspect', ({ name }) => `${name} is not ready`],
  'pod-terminating': ['down', ({ name }) => `${name} is terminating`],
  'pod-gone': ['down', ({ name }) => `${name} is gone`],
  'pod-replaced': ['up', ({ name, detail }) => `${name} is replaced${detail && ` by ${detail}`}`],
  'link-failed': ['failed', ({ link, outcome, starved }) => `${link}: ${outcome}${starved}`],
  'link-recovered': ['good', ({ link }) => `${link}: recovered`],
  'link-slow': ['slow', ({ link, latency }) => `${link}: slow${latency}`],
  'link-normal': ['good', ({ link }) => `${link}: no longer slow`],
  'link-lossy': [
    'lossy',
    ({ link, detail, starved }) => `${link}: loses datagrams${detail && `, about ${detail}`}${starved}`,
  ],
  'link-loss-over': ['good', ({ link }) => `${link}: no longer loses datagrams`],
  'api-lost': ['suspect', () => 'Kubernetes API unreachable'],
  'api-back': ['good', () => 'Kubernetes API reachable again'],
  'cpu-starved': ['suspect', ({ name }) => `${name} is CPU-starved`],
  'cpu-recovered': ['good', ({ name }) => `${name}: CPU recovered`],
  'probe-failed': ['failed', ({ detail, by, starved }) => `${detail} fails${by}${starved}`],
  'probe-recovered': ['good', ({ detail, by }) => `${detail} recovered${by}`],
};

/** The style of an event's mark. `round`: that of its pod. */
function eventTone(event: MeshEvent, round?: Round): MarkTone {
  if (isEndOfFailed(event, round)) return 'failed';
  // As its link, which is unreliable.
  if (event.starved !== undefined) return 'suspect';
  return round !== undefined && event.kind === 'link-failed' && !wasUp(round, event) ? 'down' : KINDS[event.kind][0];
}

function isEndOfFailed({ kind }: MeshEvent, round?: Round): boolean {
  return kind === 'pod-gone' && round?.state === 'failed';
}

/**
 * The text of an event without its time: "goldpinger-2 from 3 pods: timeout in connect". If only one other pod claims
 * something about a pod, the text names it: a pod may be wrong, or lie. `round`: that of its pod. Safe to show.
 */
export function eventWords(event: MeshEvent, nameOf: PodNamer, round?: Round): string {
  const { kind, pod, from, fromCount, phase, outcome, totalUs } = event;
  const only = fromCount === 1 ? from[0] : undefined;
  const name = shownName(nameOf(pod));
  const other = shownName(nameOf(only));
  const by = from.length === 0 ? '' : ` from ${only === undefined ? plural(fromCount, 'pod') : other}`;
  const isClaim = kind.startsWith('pod-') && only !== undefined && only.uid !== pod?.uid;
  const parts = {
    name,
    detail: shownName(kind === 'pod-replaced' ? successorName(event, nameOf) : event.detail),
    link: only === undefined ? `${name}${by}` : `${other} → ${name}`,
    by,
    outcome: `${outcome ?? 'failed'}${phase === null || outcome === 'refused' ? '' : ` in ${phase.replace('-', ' ')}`}`,
    latency: totalUs >= 0 ? `, ${latencyText(totalUs)}` : '',
    starved: starvedWords(event.starved, name, other),
  };
  const words =
    round !== undefined && isEndOfFailed(event, round)
      ? `${shownName(nameOf(round))}: round ${roundWords(round)}`
      : KINDS[kind][1](parts);
  return `${words}${isClaim ? `, only ${other} says` : ''}`;
}

/** Who was short of CPU, so that the link looked bad: the pinged pod, or who pinged; '' = nobody. */
function starvedWords(starved: MeshEvent['starved'], name: string, other: string): string {
  if (starved === undefined) return '';
  const were = starved === 'destination' ? `${name} was` : other === '' ? 'they were' : `${other} was`;
  return ` while ${were} short of CPU`;
}

/** The text of a step: "2 failed, 4 slow, 1 lossy", "no data". */
export function stepWords(step: TimelineStep | null): string {
  if (step === null || step.known === 0) return 'no data';
  const { failed, slow, lossy, known } = step;
  const bad = Object.entries({ failed, slow, lossy }).filter(([, count]) => count > 0);
  const words = bad.map(([word, count]) => `${countText(count)} ${word}`).join(', ') || 'no failed or slow links';
  // Some pods are missing and some are not, however few.
  const percent = Math.max(1, Math.min(99, Math.round(known * 100)));
  return known < 1 ? `${words}; data from ${percent} % of the pods` : words;
}
