import type { Annotations } from '../../protocol/annotation.ts';
import {
  type Comparison,
  encodeComparison,
  type LostPodFacts,
  MAX_REPORT_ANNOTATIONS,
  MAX_REPORT_EVENTS,
  MAX_REPORT_NAMES,
  MAX_REPORT_SENTENCE,
  MAX_REPORT_UNKNOWN,
  RANGE_NAMES,
  type RangeName,
  REPORT_FORMAT,
  type ReportData,
  type ReportRange,
} from '../../protocol/comparison.ts';
import { type Events, type MissingPart, newestEvents, podsOfEvents } from '../../protocol/event.ts';
import type { Finding } from '../../protocol/finding.ts';
import { isReportMissing, roundMsOf } from '../../protocol/link-state.ts';
import type { Mesh } from '../../protocol/mesh.ts';
import { podNamer } from '../../protocol/pod-names.ts';
import type { Clock } from '../../runtime/clock.ts';
import { runSliced, SerialQueue } from '../../runtime/concurrency.ts';
import { countText, plural } from '../../runtime/count-text.ts';
import { BusyError } from '../../runtime/errors.ts';
import { durationText } from '../../runtime/measure-text.ts';
import type { TimeRange } from '../../runtime/time-range.ts';
import { lostPodsOf } from '../lost-pods.ts';
import { countedNames, listText, namesIn, timeText } from '../text.ts';
import { type Clause, parseClauses } from '../verdict/parse-clause.ts';
import { judge } from '../verdict/verdict.ts';
import { compareLinks } from './compare.ts';
import { detectionTimes } from './detection.ts';
import { LinkTable } from './link-table.ts';
import { isFault, keyFiguresOf, titleOf } from './messages.ts';
import {
  type ComparedRanges,
  type ComparisonSettings,
  comparedRangesOf,
  earliestFaultMs,
  type RequestedRanges,
} from './ranges.ts';
import { reportPage } from './report-page.ts';
import { type Paint, paintRange, type ReportPictures } from './report-pictures.ts';
import { namedPods, type Targets, targetsOf } from './targets.ts';

/* `/api/v1/report` sends the report as a page or as JSON; `/api/v1/comparison` sends it with all links. */

/** What a reporter needs of the other parts. */
export interface ReporterDeps {
  clock: Clock;
  past(range: TimeRange): Promise<Mesh>;
  events(query: TimeRange & { limit: number }): Promise<Events>;
  annotations(): Promise<Annotations>;
  paint: Paint;
}

/** What is compared: ranges, and the clauses of the hypothesis, as text (none: `healthy`). */
export interface ComparisonQuery {
  ranges: RequestedRanges;
  expect: readonly string[];
}

export interface ReportQuery extends ComparisonQuery {
  /** '': the report makes its own. */
  title: string;
  /** Whether to paint heatmaps: they are most of the work. */
  pictures: boolean;
}

export interface Report {
  data: ReportData;
  /** The report as one HTML file, in pieces. Send it with `REPORT_POLICY`. */
  page(): Iterable<string>;
}

/** The most reports and comparisons that wait or are made. Only one is made at a time: with 1000 pods it needs a mesh and 54 MB. */
const MAX_WAITING = 4;
/** The most comparisons that wait, are made or are being sent. */
const MAX_COMPARISONS = 4;
/** No comparison is made while so many links are being sent. Each link takes 13 bytes until its client has read it. */
const MAX_SENDING_LINKS = 500_000;
const BUSY = 'too many reports at once, try again in a few seconds';

/** Makes reports and comparisons, one at a time, and for each of them reads one mesh at a time. */
export class Reporter {
  readonly #settings: ComparisonSettings;
  readonly #deps: ReporterDeps;
  readonly #queue = new SerialQueue(MAX_WAITING, BUSY);
  #comparisons = 0;
  #sendingLinks = 0;

  constructor(settings: ComparisonSettings, deps: ReporterDeps) {
    this.#settings = settings;
    this.#deps = deps;
  }

  /** Makes a report. Rejects with a ValidationError, with a BusyError if too many are wanted at once, and as `deps` reject. */
  async report({ title, pictures, ...query }: ReportQuery): Promise<Report> {
    const clauses = parseClauses(query.expect);
    const { comparison, painted } = await this.#queue.run(() => this.#compare(query.ranges, clauses, title, pictures));
    const { report, pods } = comparison;
    const nameOf = podNamer([...pods, ...podsOfEvents(report.events)]);
    return { data: report, page: () => reportPage(report, painted, nameOf) };
  }

  /** Makes a comparison. `send` takes its JSON in pieces, and resolves when it has written them. Rejects as `report`. */
  async comparison(query: ComparisonQuery, send: (pieces: Iterable<string>) => Promise<void>): Promise<void> {
    const clauses = parseClauses(query.expect);
    if (this.#comparisons >= MAX_COMPARISONS) throw new BusyError(BUSY);
    this.#comparisons += 1;
    let linkCount = 0;
    try {
      const comparison = await this.#queue.run(async () => {
        if (this.#sendingLinks >= MAX_SENDING_LINKS) throw new BusyError(BUSY);
        const made = await this.#compare(query.ranges, clauses, '', false);
        // Counted before the queue goes on, so that the next job sees it.
        linkCount = made.comparison.links.reduce((sum, { length }) => sum + length, 0);
        this.#sendingLinks += linkCount;
        return made.comparison;
      });
      await send(encodeComparison(comparison));
    } finally {
      this.#comparisons -= 1;
      this.#sendingLinks -= linkCount;
    }
  }

  async #compare(
    requested: RequestedRanges,
    clauses: readonly Clause[],
    title: string,
    isPainted: boolean,
  ): Promise<{ comparison: Comparison; painted: ReportPictures }> {
    const { clock } = this.#deps;
    const ranges = comparedRangesOf(requested, clock.nowMs(), this.#settings);
    const sources = await readSources(ranges, clauses, isPainted, this.#deps);
    const comparison = await runSliced(comparisonOf(sources, title, clock.nowMs()), clock);
    return { comparison, painted: sources.painted };
  }
}

/** Reads the meshes one after the other, in the order of time, then events and annotations. Paints the meshes if `isPainted`. */
async function readSources(ranges: ComparedRanges, clauses: readonly Clause[], isPainted: boolean, deps: ReporterDeps) {
  const { clock } = deps;
  const painted: ReportPictures = { before: null, during: null, after: null };
  const table = new LinkTable();
  const lostRange = { ...ranges.during, fromMs: earliestFaultMs(ranges) };
  // In a function of its own, so that each mesh can be freed before the next one is fetched.
  const read = async (name: RangeName, asked: TimeRange) => {
    const mesh = await deps.past(asked);
    // Without clauses no link is looked at.
    const judged = name === 'during' ? clauses : [];
    const verdict = await runSliced(judge(mesh, judged, asked.toMs - asked.fromMs), clock);
    // The pods that the hypothesis names, and those that left in `lostRange`, as this mesh knows them.
    const named = await runSliced(namedPods(judged, mesh), clock);
    const lost = name === 'before' ? [] : await runSliced(lostFacts(mesh, lostRange), clock);
    // The number in the table of each pod of the mesh; findings name pods by their index in the mesh.
    const numbers = await runSliced(table.add(name, mesh), clock);
    if (isPainted) await paintRange(painted, name, mesh, deps);
    const { findings, servedBy, settings, discovery } = mesh;
    return { range: reportRangeOf(mesh), numbers, lost, findings, servedBy, settings, discovery, verdict, named };
  };
  const before = ranges.before === null ? null : await read('before', ranges.before);
  const during = await read('during', ranges.during);
  const after = ranges.after === null ? null : await read('after', ranges.after);
  const [events, annotations] = await Promise.all([
    // More than a report shows: the first ones say when the fault was detected.
    deps.events({ ...spanOf(ranges), limit: Number.POSITIVE_INFINITY }),
    deps.annotations(),
  ]);
  return { table, before, during, after, events, annotations, ranges, painted };
}

/** Everything that a comparison is made of. `ranges`: exactly as they were asked for; the meshes have them rounded. */
type ReportSources = Awaited<ReturnType<typeof readSources>>;

/** From the start of the first range to the end of the last one. A client may ask for a "before" that is later than "during". */
function spanOf({ before, during, after }: ComparedRanges): TimeRange {
  const ranges = [before, during, after].filter((range) => range !== null);
  return {
    fromMs: Math.min(...ranges.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...ranges.map(({ toMs }) => toMs)),
  };
}

function reportRangeOf(mesh: Mesh): ReportRange {
  const nameOf = namesIn(mesh);
  const missing = mesh.reports.filter(isReportMissing).map(({ pod }) => nameOf(pod));
  const { fromMs, toMs, resolutionMs } = mesh.past ?? { fromMs: mesh.atMs, toMs: mesh.atMs, resolutionMs: 0 };
  return { fromMs, toMs, resolutionMs, pods: mesh.reports.length, missing: countedNames(missing) };
}

/** The pods that left in a range, by uid, in the order of time. */
function* lostFacts(mesh: Mesh, range: TimeRange): Generator<void, [uid: string, LostPodFacts][]> {
  const lost = yield* lostPodsOf(mesh, range);
  const nameOf = namesIn(mesh);
  return lost.map(({ pod, replacement, earliestMs, lostMs, needsReplacement, readyMs, healthyMs }) => {
    const names = { name: nameOf(pod), replacedBy: nameOf(replacement) };
    return [mesh.pods[pod]?.uid ?? '', { ...names, needsReplacement, earliestMs, lostMs, readyMs, healthyMs }];
  });
}

function* comparisonOf(sources: ReportSources, title: string, nowMs: number): Generator<void, Comparison> {
  const { table, before, during, after, events, annotations } = sources;
  const ranges = { before: before?.range ?? null, during: during.range, after: after?.range ?? null };
  const span = spanOf(sources.ranges);
  const isNew = newFindings(before);
  const numbersOf = (pods: readonly number[]) => pods.flatMap((pod) => during.numbers[pod] ?? []);
  const gravest = during.findings.find((finding) => isNew(finding) && isFault(finding) && finding.pods.length > 0);
  const { links, targets, ...compared } = yield* compareLinks(table, (affectedByPod) =>
    targetsOf(numbersOf(during.named), numbersOf(gravest?.pods ?? []), affectedByPod),
  );
  const findings = during.findings.map((finding) => {
    const { kind, severity, subject, title, detail } = finding;
    return { kind, severity, subject, title, detail, before: !isNew(finding) };
  });
  const shown = newestEvents(events.events, MAX_REPORT_EVENTS);
  const isCut = events.truncated || shown.length < events.events.length;
  const lost = lostPodsIn(sources);
  const lostPods = { count: lost.length, pods: lost.slice(0, MAX_REPORT_NAMES) };
  const notRecovered = lost.filter(({ needsReplacement, healthyMs }) => needsReplacement && healthyMs === null).length;
  const facts: Omit<ReportData, 'keyFigures'> = {
    format: REPORT_FORMAT,
    title: title || titleOf({ findings, affected: compared.affected, lostPods }, notRecovered),
    generatedAtMs: nowMs,
    servedBy: during.servedBy.name,
    cluster: clusterOf(during),
    ranges,
    verdict: during.verdict,
    findings,
    targets: { by: targets.by, ...countedNames([...targets.pods].map((pod) => table.name(pod))) },
    ...compared,
    ...detectionOf(sources, targets, compared.affected, lost, nowMs),
    lostPods,
    events: shown,
    annotations: annotations.annotations
      .filter((one) => one.fromMs <= span.toMs && (one.toMs ?? one.fromMs) >= span.fromMs)
      .slice(0, MAX_REPORT_ANNOTATIONS),
    unknown: unknownsOf(sources, ranges, compared.lostFromView, isCut),
  };
  return {
    report: { ...facts, keyFigures: keyFiguresOf(facts, notRecovered) },
    displayNodeName: during.settings.displayNodeName,
    pods: table.pods.map(({ uid, name, namespace, node }, number) => {
      return { uid, name, namespace, node, isTarget: targets.pods.has(number) };
    }),
    findings: during.findings.map((finding) => {
      return { ...finding, pods: numbersOf(finding.pods), from: numbersOf(finding.from) };
    }),
    links,
  };
}

function clusterOf({ range, settings, discovery }: ReportSources['during']): ReportData['cluster'] {
  return {
    version: settings.version,
    namespace: discovery.namespace,
    labelSelector: discovery.labelSelector,
    pods: range.pods,
    refreshIntervalMs: settings.refreshIntervalMs,
    pingTimeoutMs: settings.pingTimeoutMs,
    slowLinkMs: settings.slowLinkMs,
  };
}

function detectionOf(
  { table, during, events, annotations, ranges }: ReportSources,
  targets: Targets,
  affected: ReportData['affected'],
  lost: readonly LostPodFacts[],
  nowMs: number,
) {
  const { after } = ranges;
  return detectionTimes({
    ...ranges.during,
    earliestMs: earliestFaultMs(ranges),
    endMs: (after ?? ranges.during).toMs,
    events: events.events,
    annotations: annotations.annotations,
    nameOf: podNamer([...table.pods, ...podsOfEvents(events.events)]),
    targets: new Set([...targets.pods].map((pod) => table.pods[pod]?.uid ?? '')),
    affected,
    askAgainMs: after === null ? 0 : Math.max(0, after.fromMs + roundMsOf(during.settings) - nowMs),
    lost,
  });
}

function lostPodsIn({ during, after }: ReportSources): LostPodFacts[] {
  // The later mesh knows more of a replacement, but may have forgotten a pod that left early.
  const byUid = new Map([...during.lost, ...(after?.lost ?? [])]);
  return [...byUid.values()].sort((a, b) => a.lostMs - b.lostMs);
}

/** Makes the test whether a finding is new: whether "before" does not have it. */
function newFindings(before: ReportSources['before']): (finding: Finding) => boolean {
  const keyOf = ({ kind, subject }: Finding) => `${kind} ${subject}`;
  const known = new Set(before?.findings.map(keyOf));
  return (finding) => !known.has(keyOf(finding));
}

/** What is not known, a sentence without a full stop each. */
function unknownsOf(
  { ranges: { notes }, during, events, annotations }: ReportSources,
  ranges: ReportData['ranges'],
  lostFromView: number,
  eventsCut: boolean,
): string[] {
  const namesOf = (parts: readonly MissingPart[]) => listText(countedNames(parts.map(({ name }) => name)));
  const sentences = [...notes];
  const { verdict, discovery } = during;
  if (verdict.verdict === 'unknown') sentences.push(`The verdict is unknown: ${verdict.reason}`);
  for (const name of RANGE_NAMES) sentences.push(...rangeUnknowns(name, ranges[name]));
  if (lostFromView > 0) {
    sentences.push(
      `${plural(lostFromView, 'link')} of the range "before" had no sample in "during": their state is not known`,
    );
  }
  if (discovery.phase !== 'synced') {
    sentences.push(`The pod list was not current (${discovery.phase}) when the report was made`);
  }
  if (events.missing.length > 0) sentences.push(`Events that only ${namesOf(events.missing)} saw are missing`);
  if (eventsCut) sentences.push('Some events are left out, because there were too many');
  if (annotations.missing.length > 0) sentences.push(`${namesOf(annotations.missing)} did not send annotations`);
  return sentences.slice(0, MAX_REPORT_UNKNOWN).map((sentence) => sentence.slice(0, MAX_REPORT_SENTENCE));
}

function rangeUnknowns(name: string, range: ReportRange | null): string[] {
  if (range === null) return [];
  const { missing, resolutionMs, fromMs } = range;
  const sentences: string[] = [];
  if (missing.count > 0) {
    const pods = `${plural(missing.count, 'pod')} of ${countText(range.pods)}`;
    sentences.push(`In the range "${name}" the reports of ${pods} are missing: ${listText(missing)}`);
  }
  if (resolutionMs > 0) {
    const edges = `so its begin (${timeText(fromMs)}) and its end may be off by that much`;
    sentences.push(`For the range "${name}" only summaries of ${durationText(resolutionMs)} are kept, ${edges}`);
  }
  return sentences;
}
