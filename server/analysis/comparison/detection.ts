import type { Annotation } from '../../protocol/annotation.ts';
import type { ElapsedTime, LostPodFacts } from '../../protocol/comparison.ts';
import type { EventKind, MeshEvent } from '../../protocol/event.ts';
import type { PodNamer } from '../../protocol/pod-names.ts';
import { countText } from '../../runtime/count-text.ts';
import { durationText } from '../../runtime/measure-text.ts';
import { timeText } from '../text.ts';
import { lostPodText } from './messages.ts';

/** What the times to detect and to recover are derived from. Times in ms since the epoch. */
export interface DetectionInput {
  /** When the fault can have begun at the earliest; see `earliestFaultMs`. */
  earliestMs: number;
  /** The range "during". */
  fromMs: number;
  toMs: number;
  /** The end of the last range. */
  endMs: number;
  /** Oldest first. */
  events: readonly MeshEvent[];
  annotations: readonly Annotation[];
  nameOf: PodNamer;
  /** uids of the targets; empty if none is known. */
  targets: ReadonlySet<string>;
  affected: { links: number; stillBad: number; unprobed: number; notKnown: number };
  /** In this time "after" will be as long as a round of pings, ms; 0 = it is. */
  askAgainMs: number;
  /** Pods that left since `earliestMs` until `toMs`, in the order in which they left. */
  lost: readonly LostPodFacts[];
}

/** The kinds of event that say that a link became worse, and how it is then. */
const BAD_EVENTS: ReadonlyMap<EventKind, string> = new Map([
  ['link-failed', 'failing'],
  ['link-slow', 'slow'],
  ['link-lossy', 'loses datagrams'],
]);
/** The kinds of event that say that a link is well again. */
const GOOD_EVENTS: ReadonlySet<EventKind> = new Set(['link-recovered', 'link-normal', 'link-loss-over']);

/** The annotation of a fault may be written this long after the fault began, by hand often a moment too late. */
const LATE_ANNOTATION_MS = 5_000;

/** The time to detect and the time to recover, as docs/reports.md defines them. */
export function detectionTimes(input: DetectionInput): { timeToDetect: ElapsedTime; timeToRecover: ElapsedTime } {
  const fault = faultOf(input);
  const annotatedMs = fault.begin === 'annotation' ? fault.beginMs - LATE_ANNOTATION_MS : 0;
  const earliestMs = Math.max(input.earliestMs, annotatedMs);
  // What the pinging pod only saw because it was short of CPU is no fault that was aimed at the other one.
  const isOfFault = ({ kind, atMs, starved }: MeshEvent) =>
    BAD_EVENTS.has(kind) && starved !== 'source' && atMs >= earliestMs && atMs <= input.toMs;
  const events = relevantEvents(input, isOfFault);
  const first = events.find(isOfFault);
  return {
    timeToDetect: timeToDetect(input, fault, first),
    timeToRecover: timeToRecover(input, fault, first, events),
  };
}

/** When the fault began and ended, as far as that is known, and what says so. */
function faultOf({ earliestMs, fromMs, toMs, endMs, annotations }: DetectionInput) {
  const [annotation] = annotations
    .filter((one) => one.fromMs >= earliestMs && one.fromMs <= toMs)
    .sort((a, b) => a.fromMs - b.fromMs);
  if (annotation === undefined) return { beginMs: fromMs, begin: 'range', endMs: toMs, end: 'range' } as const;
  const annotatedEndMs = annotation.toMs ?? annotation.fromMs;
  const hasEnded = annotatedEndMs > annotation.fromMs && annotatedEndMs <= endMs;
  return {
    beginMs: annotation.fromMs,
    begin: 'annotation',
    endMs: hasEnded ? annotatedEndMs : toMs,
    end: hasEnded ? 'annotation' : 'range',
  } as const;
}

type Fault = ReturnType<typeof faultOf>;

/** Events of links that touch a target; events of all links if `isOfFault` accepts none of those. */
function relevantEvents({ events, targets }: DetectionInput, isOfFault: (event: MeshEvent) => boolean): MeshEvent[] {
  const ofLinks = events.filter(({ kind }) => BAD_EVENTS.has(kind) || GOOD_EVENTS.has(kind));
  const ofTargets = ofLinks.filter((event) => touches(event, targets));
  return ofTargets.some(isOfFault) ? ofTargets : ofLinks;
}

/** Whether an event is about a link from or to one of the targets. */
function touches({ pod, from }: MeshEvent, targets: ReadonlySet<string>): boolean {
  return (pod !== null && targets.has(pod.uid)) || from.some(({ uid }) => targets.has(uid));
}

/**
 * `firstOfLinks`: the first event of a link that became worse. Unless it touches a target, a pod that was lost before counts instead:
 * the link may have nothing to do with the fault.
 */
function timeToDetect(
  { affected, lost, targets, nameOf }: DetectionInput,
  { beginMs, begin }: Fault,
  firstOfLinks?: MeshEvent,
): ElapsedTime {
  const base = { sinceMs: beginMs, since: begin };
  const [gone] = lost;
  const isLossFirst =
    gone !== undefined &&
    firstOfLinks !== undefined &&
    !touches(firstOfLinks, targets) &&
    gone.lostMs < firstOfLinks.atMs;
  const first = isLossFirst ? undefined : firstOfLinks;
  const atMs = first?.atMs ?? gone?.lostMs;
  if (atMs === undefined) {
    const message =
      affected.links === 0
        ? 'Nothing to detect: no link became worse'
        : 'Links became worse, but there is no event of a link that says when';
    return { ...base, ms: null, atMs: 0, message };
  }
  const who = first === undefined ? (gone?.name ?? '') : nameOf(first.pod) || 'a link';
  const what = first === undefined ? 'gone' : BAD_EVENTS.get(first.kind);
  const when = begin === 'annotation' ? 'the annotation' : 'the start of the range';
  const message = `${who} ${what} at ${timeText(atMs)}, ${offsetText(beginMs, atMs)} ${when}`;
  return { ...base, ...elapsed(beginMs, atMs), message };
}

/** `first`: the first event of a link that became worse. `events`: those of links, `relevantEvents`. */
function timeToRecover(
  input: DetectionInput,
  { endMs, end }: Fault,
  first: MeshEvent | undefined,
  events: readonly MeshEvent[],
): ElapsedTime {
  const { links, stillBad, unprobed, notKnown } = input.affected;
  const base = { sinceMs: endMs, since: end };
  const unknown = (message: string): ElapsedTime => ({ ...base, ms: null, atMs: 0, message });
  const lost = input.lost.filter(({ needsReplacement }) => needsReplacement);
  if (stillBad > 0) {
    return unknown(
      `Not recovered: ${countText(stillBad)} of ${countText(links)} affected links are still bad at ${timeText(input.endMs)}`,
    );
  }
  if (lost.length > 0) return recoveredFromLoss(lost);
  if (notKnown > 0) {
    const again = input.askAgainMs > 0 ? `; ask again after ${durationText(input.askAgainMs)}` : '';
    return unknown(
      `Not known: ${countText(notKnown)} of ${countText(links)} affected links have no ping in the range "after"${again}`,
    );
  }
  if (links === 0 && first === undefined) return unknown('Nothing to recover from: no link became worse');
  const sinceMs = first?.atMs ?? endMs;
  const good = events.filter(({ kind, atMs }) => GOOD_EVENTS.has(kind) && atMs >= sinceMs && atMs <= input.endMs);
  const lastMs = Math.max(0, ...good.map(({ atMs }) => atMs));
  const notProbed = `${countText(unprobed)} of ${countText(links)} affected links are no longer probed`;
  if (lastMs === 0) {
    if (unprobed > 0) return unknown(`Not recovered: ${notProbed}, because their pod is gone`);
    return unknown('The affected links are well at the end, but there is no event that says since when');
  }
  const when = end === 'annotation' ? 'the end of the annotation' : 'the end of the range';
  const restriction = unprobed > 0 ? `; but ${notProbed}` : '';
  const message = `Recovered at ${timeText(lastMs)}, ${offsetText(endMs, lastMs)} ${when}${restriction}`;
  return { ...base, ...elapsed(endMs, lastMs), message };
}

/** `lost`: at least one pod. */
function recoveredFromLoss(lost: readonly LostPodFacts[]): ElapsedTime {
  const tookMs = ({ earliestMs, healthyMs }: LostPodFacts) => (healthyMs ?? Number.POSITIVE_INFINITY) - earliestMs;
  const slowest = lost.reduce((a, b) => (tookMs(b) > tookMs(a) ? b : a));
  const { earliestMs, healthyMs } = slowest;
  const base = { sinceMs: earliestMs, since: 'loss' } as const;
  if (healthyMs === null) return { ...base, ms: null, atMs: 0, message: `Not recovered: ${lostPodText(slowest)}` };
  return { ...base, ...elapsed(earliestMs, healthyMs), message: lostPodText(slowest) };
}

function elapsed(sinceMs: number, atMs: number): Pick<ElapsedTime, 'ms' | 'atMs'> {
  return { ms: atMs < sinceMs ? null : atMs - sinceMs, atMs };
}

/** `3.1 s after`, `1.0 s before`. */
function offsetText(sinceMs: number, atMs: number): string {
  return atMs < sinceMs ? `${durationText(sinceMs - atMs)} before` : `${durationText(atMs - sinceMs)} after`;
}
