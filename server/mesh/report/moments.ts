import type { Annotation } from '../../contract/annotation.ts';
import type { EventKind, MeshEvent } from '../../contract/event.ts';
import type { ReportMoment } from '../../contract/report.ts';
import { clock, span } from './times.ts';

/** What times to detect and to recover are read from. */
export interface MomentSigns {
  /** Where the range before ends (or "during" begins), where "during" begins and ends, where the last range ends. */
  beforeEndMs: number;
  fromMs: number;
  toMs: number;
  endMs: number;
  /** Oldest first. */
  events: readonly MeshEvent[];
  annotations: readonly Annotation[];
  /** uids of the targets; empty where there are none. */
  targets: ReadonlySet<string>;
  affected: { links: number; stillBad: number; unprobed: number };
}

/** When the fault began and ended, as far as anybody has said. */
interface Fault {
  beginMs: number;
  endMs: number;
  /** What `beginMs` and `endMs` are, in words. */
  beginWords: string;
  endWords: string;
}

const BAD: ReadonlySet<EventKind> = new Set(['link-failed', 'link-slow']);
const GOOD: ReadonlySet<EventKind> = new Set(['link-recovered', 'link-normal']);

/**
 * How long it took from the fault's beginning until a link was seen to fail or to be slow, and from its end until the last
 * link was well. The fault begins with the first annotation since the range before (else with the range "during") and
 * ends with that annotation (else with the range). Links of targets count; where none of those has an event, all do.
 */
export function momentsOf(signs: MomentSigns): { timeToDetect: ReportMoment; timeToRecover: ReportMoment } {
  const fault = faultOf(signs);
  const events = relevant(signs);
  const seen = events.find(({ kind, atMs }) => BAD.has(kind) && atMs >= firstMs(signs, fault) && atMs <= signs.toMs);
  return { timeToDetect: detected(signs, fault, seen), timeToRecover: recovered(signs, fault, seen, events) };
}

function faultOf({ beforeEndMs, fromMs, toMs, endMs, annotations }: MomentSigns): Fault {
  const within = annotations.filter((mark) => mark.fromMs >= beforeEndMs && mark.fromMs <= toMs);
  const mark = within.reduce<Annotation | null>(
    (first, one) => (first && first.fromMs <= one.fromMs ? first : one),
    null,
  );
  const isEnded = mark !== null && mark.toMs !== null && mark.toMs > mark.fromMs && mark.toMs <= endMs;
  return {
    beginMs: mark?.fromMs ?? fromMs,
    beginWords: mark === null ? 'the beginning of the range' : 'the annotation',
    endMs: isEnded ? (mark.toMs ?? toMs) : toMs,
    endWords: isEnded ? 'the end of the annotation' : 'the end of the range',
  };
}

/** A range that was drawn by hand may begin a little after what it is about. */
function firstMs({ beforeEndMs }: MomentSigns, { beginMs, beginWords }: Fault): number {
  return beginWords === 'the annotation' ? beginMs : beforeEndMs;
}

/** Events of links that touch a target; all events of links where none of those tells of a fault. */
function relevant({ events, targets }: MomentSigns): MeshEvent[] {
  const links = events.filter(({ kind }) => BAD.has(kind) || GOOD.has(kind));
  const touches = ({ pod, from }: MeshEvent) =>
    (pod !== null && targets.has(pod.uid)) || from.some(({ uid }) => targets.has(uid));
  const ofTargets = links.filter(touches);
  return ofTargets.some(({ kind }) => BAD.has(kind)) ? ofTargets : links;
}

function detected(signs: MomentSigns, fault: Fault, seen: MeshEvent | undefined): ReportMoment {
  const { beginMs, beginWords } = fault;
  if (seen === undefined) {
    const words =
      signs.affected.links === 0
        ? 'Nothing to detect: no link became worse'
        : 'Links became worse, but no event of a link tells when';
    return { ms: null, sinceMs: beginMs, atMs: 0, words };
  }
  const what = `${seen.pod?.name ?? 'a link'} ${seen.kind === 'link-slow' ? 'slow' : 'failing'} at ${clock(seen.atMs)}`;
  if (seen.atMs < beginMs) {
    const words = `${what}, ${span(beginMs - seen.atMs)} before ${beginWords}`;
    return { ms: null, sinceMs: beginMs, atMs: seen.atMs, words };
  }
  const words = `${what}, ${span(seen.atMs - beginMs)} after ${beginWords}`;
  return { ms: seen.atMs - beginMs, sinceMs: beginMs, atMs: seen.atMs, words };
}

function recovered(
  signs: MomentSigns,
  { endMs, endWords }: Fault,
  seen: MeshEvent | undefined,
  events: readonly MeshEvent[],
): ReportMoment {
  const { links, stillBad, unprobed } = signs.affected;
  const never = (words: string) => ({ ms: null, sinceMs: endMs, atMs: 0, words });
  if (links === 0 && seen === undefined) return never('Nothing to recover from: no link became worse');
  if (stillBad > 0)
    return never(`Not recovered: ${stillBad} of ${links} affected links still bad at ${clock(signs.endMs)}`);
  const sinceMs = seen?.atMs ?? endMs;
  const good = events.filter(({ kind, atMs }) => GOOD.has(kind) && atMs >= sinceMs && atMs <= signs.endMs);
  const heirs = successors(signs, sinceMs);
  const last = [...good, ...heirs].reduce((latest, { atMs }) => Math.max(latest, atMs), 0);
  if (last === 0 && unprobed > 0) {
    return never(`Not recovered: ${unprobed} of ${links} affected links are no longer probed, their pod has gone`);
  }
  if (last === 0) return never('The affected links are well at the end, but no event tells since when');
  // Without a successor nobody can say of those that they are well.
  const but =
    unprobed > 0 && heirs.length === 0 ? `; but ${unprobed} of ${links} affected links are no longer probed` : '';
  if (last < endMs) {
    const words = `Recovered at ${clock(last)}, ${span(endMs - last)} before ${endWords}${but}`;
    return { ms: null, sinceMs: endMs, atMs: last, words };
  }
  const words = `Recovered at ${clock(last)}, ${span(last - endMs)} after ${endWords}${but}`;
  return { ms: last - endMs, sinceMs: endMs, atMs: last, words };
}

/** A target that has gone has recovered when the pod that took its place is ready. */
function successors({ events, targets }: MomentSigns, sinceMs: number): MeshEvent[] {
  const isOfTarget = ({ kind, pod }: MeshEvent) => kind === 'pod-replaced' && pod !== null && targets.has(pod.uid);
  const names = new Set(events.filter(isOfTarget).map(({ detail }) => detail));
  return events.filter(({ kind, pod, atMs }) => kind === 'pod-ready' && atMs >= sinceMs && names.has(pod?.name ?? ''));
}
