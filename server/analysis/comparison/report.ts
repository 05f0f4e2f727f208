import type { HeatmapLimits } from '../../heatmap-png/cells.ts';
import type { DrawnMesh } from '../../heatmap-png/heatmap.ts';
import type { Annotation, Annotations } from '../../protocol/annotation.ts';
import {
  MAX_REPORT_ANNOTATIONS,
  MAX_REPORT_EVENTS,
  REPORT_FORMAT,
  type ReportData,
  type ReportMoment,
  type ReportRange,
} from '../../protocol/comparison.ts';
import type { EventKind, Events, MeshEvent, MissingPart } from '../../protocol/event.ts';
import type { Finding } from '../../protocol/finding.ts';
import type { Mesh } from '../../protocol/mesh.ts';
import type { VerdictAnswer } from '../../protocol/verdict.ts';
import type { Clock } from '../../runtime/clock.ts';
import { runSliced, SerialQueue } from '../../runtime/concurrency.ts';
import type { TimeRange } from '../../runtime/time-range.ts';
import { selectPods } from '../verdict/evaluate-clause.ts';
import { type Clause, parseClauses } from '../verdict/parse-clause.ts';
import { judge } from '../verdict/verdict.ts';
import { type ByRange, compare, RANGES, targetsOf, toldTargets, touchingOf } from './compare.ts';
import {
  type ComparedRanges,
  comparedRangesOf,
  drawnRangeOf,
  type RangeView,
  type RequestedRanges,
  rangeViewOf,
} from './ranges.ts';
import { REPORT_POLICY, type ReportPictures, reportPage } from './report-page.ts';
import { clock, counted, listed, namesOf, PodTable, span, titleOf } from './tables.ts';

/** What making reports needs of the other parts. */
export interface ReporterDeps {
  clock: Clock;
  /** The mesh of a time range of the past. */
  past(stretch: TimeRange): Promise<Mesh>;
  events(query: TimeRange & { limit: number }): Promise<Events>;
  annotations(): Promise<Annotations>;
  paint(mesh: DrawnMesh, limits: HeatmapLimits): Promise<Uint8Array>;
}

/** Judges a hypothesis. */
export interface Hypothesis {
  /** Whether it holds in a mesh. */
  judge(mesh: Mesh): Promise<VerdictAnswer>;
  /** The pods that its clauses name: indexes in `Mesh.pods`. */
  named(mesh: Mesh): Promise<number[]>;
}

/** What is reported. */
export interface ReportOptions {
  ranges: RequestedRanges;
  hypothesis: Hypothesis;
  /** '' = one that is made of the findings. */
  title: string;
  /** Whether pictures are wanted: they are most of the work. */
  pictures: boolean;
}

/** A report as it is asked for: the hypothesis in its clauses' words. */
export type ReportQuery = Omit<ReportOptions, 'hypothesis'> & { expect: readonly string[] };

/** A report, ready to be sent. */
export interface Report {
  data: ReportData;
  /** As one HTML file, in pieces. */
  page(): Iterable<string>;
  /** What that file may load: its Content-Security-Policy. */
  policy: string;
}

/** Makes reports. */
interface Reporter {
  /** Rejects with a BusyError if too many are wanted at once, and as the parts it asks reject. */
  report(wish: ReportOptions): Promise<Report>;
}

/** A report of 1000 pods holds a mesh and 45 MB besides while it is made. */
const MAX_REPORTS = 4;
/** All pictures of a report together, bytes: base64 makes a third more of them. */
const MAX_PICTURE_BYTES = 1_350_000;

/** Makes the one who reports. One report at a time, and within it one mesh at a time. */
export function createReporter({ historyWindowMs }: { historyWindowMs: number }, deps: ReporterDeps): Reporter {
  const turn = new SerialQueue(MAX_REPORTS, 'too many reports at once, try again in a few seconds');
  return {
    report: (wish) =>
      turn.run(() => make(wish, comparedRangesOf(wish.ranges, deps.clock.nowMs(), historyWindowMs), deps)),
  };
}

async function make(wish: ReportOptions, ranges: ComparedRanges, deps: ReporterDeps): Promise<Report> {
  const { clock } = deps;
  const table = new PodTable();
  const pictures = new Pictures(wish.pictures, deps);
  const look = async (name: keyof ReportPictures, mesh: Mesh): Promise<RangeView> => {
    const view = await runSliced(rangeViewOf(mesh, table), clock);
    await pictures.take(name, mesh);
    return view;
  };
  const lookAt = async (name: keyof ReportPictures, stretch: TimeRange | null) =>
    stretch === null ? null : look(name, await deps.past(stretch));
  // In a function of its own, so that its mesh can go before the next one comes.
  const lookAtDuring = async () => {
    const mesh = await deps.past(ranges.during);
    const { servedBy, settings, discovery } = mesh;
    const verdict = await wish.hypothesis.judge(mesh);
    const during = await look('during', mesh);
    const named = (await wish.hypothesis.named(mesh)).map((pod) => during.numbers[pod] ?? -1);
    return { during, parts: { head: { servedBy, settings, discovery }, verdict, named } };
  };

  const { during, parts } = await lookAtDuring();
  const before = await lookAt('before', ranges.before);
  const after = await lookAt('after', ranges.after);
  const fromMs = ranges.before?.fromMs ?? ranges.during.fromMs;
  const toMs = ranges.after?.toMs ?? ranges.during.toMs;
  const [events, annotations] = await Promise.all([
    deps.events({ fromMs, toMs, limit: MAX_REPORT_EVENTS }),
    deps.annotations(),
  ]);
  const told = { title: wish.title, nowMs: clock.nowMs(), notes: ranges.notes };
  const sources = { ...parts, ...told, views: { before, during, after }, table, events, annotations };
  const data = await runSliced(reportDataOf(sources), clock);
  return { data, page: () => reportPage(data, pictures.taken), policy: REPORT_POLICY };
}

/** Paints the ranges, as long as the file does not get too large. */
class Pictures {
  readonly taken: ReportPictures = { before: null, during: null, after: null };
  readonly #wanted: boolean;
  readonly #deps: ReporterDeps;
  #bytes = 0;

  constructor(wanted: boolean, deps: ReporterDeps) {
    this.#wanted = wanted;
    this.#deps = deps;
  }

  /** Paints a range, if pictures are wanted. */
  async take(name: keyof ReportPictures, mesh: Mesh): Promise<void> {
    if (!this.#wanted) return;
    const png = await paint(mesh, this.#deps);
    if (this.#bytes + png.byteLength > MAX_PICTURE_BYTES) return;
    this.#bytes += png.byteLength;
    this.taken[name] = png;
  }
}

async function paint(mesh: Mesh, deps: ReporterDeps): Promise<Uint8Array> {
  const slowMs = mesh.settings.slowLinkMs;
  const limits = { t0Ms: Math.min(2, slowMs), t1Ms: Math.min(5, slowMs), t2Ms: slowMs };
  return deps.paint(await runSliced(drawnRangeOf(mesh), deps.clock), limits);
}

/** Everything that a report is made of. */
interface ReportSources {
  /** '' = one that is made of what is reported. */
  title: string;
  nowMs: number;
  /** Of the mesh of the range "during". */
  head: Pick<Mesh, 'servedBy' | 'settings' | 'discovery'>;
  /** `during` is there always. */
  views: ByRange<RangeView | null> & { during: RangeView };
  table: PodTable;
  verdict: VerdictAnswer;
  /** Numbers of the pods that the hypothesis names. */
  named: readonly number[];
  events: Events;
  annotations: Annotations;
  /** What could not be looked at as wanted, a sentence each. */
  notes: readonly string[];
}

/** Makes the report. Yields after each report and each other small step. */
function* reportDataOf(sources: ReportSources): Generator<void, ReportData> {
  const { views, table, head } = sources;
  const { settings, discovery } = head;
  const links = { before: views.before?.links ?? null, during: views.during.links, after: views.after?.links ?? null };
  const compared = { ranges: links, table, slowUs: settings.slowLinkMs * 1000 };
  const { findings, numbers } = views.during;
  const isNew = newnessOf(views.before);
  const touching = yield* touchingOf(compared);
  const targets = targetsOf({ named: sources.named, findings: findings.filter(isNew), numbers, touching });
  const comparison = yield* compare(compared, targets.pods);
  const ranges = {
    before: views.before?.range ?? null,
    during: views.during.range,
    after: views.after?.range ?? null,
  };
  const told = findings.map((finding) => toldFinding(finding, !isNew(finding)));
  const { shown, isCut } = shownEvents(sources.events);
  return {
    format: REPORT_FORMAT,
    title: sources.title || titleOf({ findings: told, affected: comparison.affected }),
    generatedAtMs: sources.nowMs,
    servedBy: head.servedBy.name,
    cluster: {
      ...{ version: settings.version, namespace: discovery.namespace, labelSelector: discovery.labelSelector },
      ...{ pods: ranges.during.pods, refreshIntervalMs: settings.refreshIntervalMs },
      ...{ pingTimeoutMs: settings.pingTimeoutMs, slowLinkMs: settings.slowLinkMs },
    },
    ranges,
    verdict: sources.verdict,
    findings: told,
    targets: toldTargets(targets, table),
    ...comparison,
    ...momentsOf({
      beforeEndMs: Math.min(ranges.before?.toMs ?? ranges.during.fromMs, ranges.during.fromMs),
      ...{ fromMs: ranges.during.fromMs, toMs: ranges.during.toMs, endMs: ranges.after?.toMs ?? ranges.during.toMs },
      ...{ events: sources.events.events, annotations: sources.annotations.annotations },
      targets: new Set([...targets.pods].map((pod) => table.pods[pod]?.uid ?? '')),
      affected: comparison.affected,
    }),
    events: shown,
    annotations: annotationsWithin(sources),
    unknown: unknownsOf({
      ...{ notes: sources.notes, ranges, verdict: sources.verdict, discovery, lostFromView: comparison.lostFromView },
      ...{ missingEvents: sources.events.missing, missingAnnotations: sources.annotations.missing, eventsCut: isCut },
    }).slice(0, 30),
  };
}

/** Tells whether a finding was not there before. */
function newnessOf(before: RangeView | null): (finding: Finding) => boolean {
  const keyOf = ({ kind, subject }: Finding) => `${kind} ${subject}`;
  const known = new Set(before?.findings.map(keyOf));
  return (finding) => !known.has(keyOf(finding));
}

function toldFinding({ kind, severity, subject, title, detail }: Finding, before: boolean) {
  return { kind, severity, subject, title, detail, before };
}

/** All events that have room: those of links give way to the rarer ones. */
function shownEvents({ events, truncated }: Events): { shown: Events['events']; isCut: boolean } {
  if (events.length <= MAX_REPORT_EVENTS) return { shown: events, isCut: truncated };
  const others = events.filter(({ kind }) => !kind.startsWith('link-')).slice(0, MAX_REPORT_EVENTS / 2);
  const kept = new Set(others);
  for (const event of events) if (kept.size < MAX_REPORT_EVENTS && event.kind.startsWith('link-')) kept.add(event);
  return { shown: events.filter((event) => kept.has(event)), isCut: true };
}

/** Annotations that fall into the time from the beginning of "before" to the end of "after". */
function annotationsWithin({ views, annotations }: ReportSources): Annotations['annotations'] {
  const fromMs = views.before?.range.fromMs ?? views.during.range.fromMs;
  const toMs = views.after?.range.toMs ?? views.during.range.toMs;
  const within = annotations.annotations.filter((mark) => mark.fromMs <= toMs && (mark.toMs ?? mark.fromMs) >= fromMs);
  return within.slice(0, MAX_REPORT_ANNOTATIONS);
}

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

/** What of a report is uncertain, and why. */
interface Uncertain {
  /** What could not be looked at as wanted. */
  notes: readonly string[];
  ranges: Record<(typeof RANGES)[number], ReportRange | null>;
  verdict: VerdictAnswer;
  discovery: Mesh['discovery'];
  lostFromView: number;
  /** Events and annotations: who did not tell theirs, and whether older events had to make room. */
  missingEvents: readonly MissingPart[];
  missingAnnotations: readonly MissingPart[];
  eventsCut: boolean;
}

/** What is not known, a sentence without a full stop each. */
function unknownsOf(uncertain: Uncertain): string[] {
  const { verdict, discovery, lostFromView, eventsCut } = uncertain;
  const whose = (parts: readonly MissingPart[]) => listed(namesOf(parts.map(({ name }) => name)));
  const sentences = [
    ...uncertain.notes,
    verdict.verdict === 'unknown' ? `The verdict is unknown: ${verdict.reason}` : '',
    ...RANGES.flatMap((name) => rangeUnknowns(name, uncertain.ranges[name])),
    lostFromView === 0
      ? ''
      : `${counted(lostFromView, 'link')} known before had no sample during: whether the fault reached them is not known`,
    discovery.phase === 'synced' ? '' : `The pod list was not current (${discovery.phase}) when the report was made`,
    uncertain.missingEvents.length === 0 ? '' : `Events that only ${whose(uncertain.missingEvents)} saw are missing`,
    eventsCut ? 'Some events are left out: there were too many' : '',
    uncertain.missingAnnotations.length === 0
      ? ''
      : `${whose(uncertain.missingAnnotations)} did not tell of annotations`,
  ];
  return sentences.filter((sentence) => sentence !== '').map((sentence) => sentence.slice(0, 1000));
}

function rangeUnknowns(name: string, range: ReportRange | null): string[] {
  if (range === null) return [];
  const { missing, resolutionMs, fromMs } = range;
  const sentences: string[] = [];
  if (missing.count > 0) {
    const reports = `${counted(missing.count, 'pod')} of ${range.pods}`;
    sentences.push(`In the range "${name}" ${reports} did not tell what they measured: ${listed(missing)}`);
  }
  if (resolutionMs > 0) {
    const edges = `so its edges (${clock(fromMs)}) may be off by that much`;
    sentences.push(`Of the range "${name}" only summaries of ${span(resolutionMs)} are kept, ${edges}`);
  }
  return sentences;
}

/** Reads the clauses of a hypothesis as a verdict does. Throws a ValidationError. */
export function hypothesisOf(expect: readonly string[], clock: Clock): Hypothesis {
  const clauses = parseClauses(expect);
  return {
    judge: (mesh) => runSliced(judge(mesh, clauses, lengthOf(mesh)), clock),
    named: (mesh) => runSliced(namedBy(clauses, mesh), clock),
  };
}

function lengthOf({ past, windowMs }: Mesh): number {
  return past === null ? windowMs : past.toMs - past.fromMs;
}

/**
 * The pods that clauses name, as indexes in `Mesh.pods`: first those of clauses that expect a fault (failed, or a latency
 * of at least so much), as that is where it is aimed; else those of the others. Of one clause the pods that links lead to,
 * or else those they come from; a clause that means all pods names none. Yields after each few pods (see `inSlices`).
 */
function* namedBy(clauses: readonly Clause[], mesh: Mesh): Generator<void, number[]> {
  const aimed = yield* podsOfAll(clauses.filter(expectsFault), mesh);
  const named = aimed.size > 0 ? aimed : yield* podsOfAll(clauses, mesh);
  return [...named];
}

function* podsOfAll(clauses: readonly Clause[], { pods }: Mesh): Generator<void, Set<number>> {
  const all = new Set<number>();
  const alive = pods.filter(({ lifecycle }) => lifecycle !== 'gone').length;
  for (const { clause, selection } of yield* selectPods(clauses, pods)) {
    const mask = clause.to !== null ? selection.to : clause.from !== null ? selection.from : null;
    if (mask === null) continue;
    const named = [...mask.keys()].filter((pod) => mask[pod] === 1);
    if (named.length < alive) for (const pod of named) all.add(pod);
    yield;
  }
  return all;
}

function expectsFault({ condition }: Clause): boolean {
  return condition.kind === 'failed' || (condition.kind === 'latency' && condition.operator.startsWith('>'));
}
