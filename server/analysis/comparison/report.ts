import type { DrawnMesh } from '../../heatmap-png/cells.ts';
import type { Annotation, Annotations } from '../../protocol/annotation.ts';
import {
  type Comparison,
  encodeComparison,
  MAX_REPORT_ANNOTATIONS,
  MAX_REPORT_EVENTS,
  RANGE_NAMES,
  REPORT_FORMAT,
  type ReportData,
  type ReportRange,
} from '../../protocol/comparison.ts';
import type { Events, MissingPart } from '../../protocol/event.ts';
import type { Finding } from '../../protocol/finding.ts';
import type { Thresholds } from '../../protocol/link-state.ts';
import type { Mesh } from '../../protocol/mesh.ts';
import type { VerdictAnswer } from '../../protocol/verdict.ts';
import type { Clock } from '../../runtime/clock.ts';
import { runSliced, SerialQueue } from '../../runtime/concurrency.ts';
import { BusyError } from '../../runtime/errors.ts';
import type { TimeRange } from '../../runtime/time-range.ts';
import { affectedByPod, compareLinks } from './compare.ts';
import { detectionTimes } from './detection.ts';
import type { Hypothesis } from './hypothesis.ts';
import { LinkColumnsBuilder } from './link-columns.ts';
import { countedNames, PodTable } from './names.ts';
import type { ByRange } from './range-links.ts';
import {
  type ComparedRanges,
  comparedRangesOf,
  drawnRangeOf,
  type RangeView,
  type RequestedRanges,
  rangeViewOf,
} from './ranges.ts';
import { REPORT_POLICY, type ReportPictures, reportPage } from './report-page.ts';
import { targetsOf } from './targets.ts';
import { durationText, listText, plural, timeText, titleOf } from './text.ts';

/** What a reporter needs of the other parts. */
export interface ReporterDeps {
  clock: Clock;
  /** The mesh of a time range of the past. */
  past(range: TimeRange): Promise<Mesh>;
  events(query: TimeRange & { limit: number }): Promise<Events>;
  annotations(): Promise<Annotations>;
  paint(mesh: DrawnMesh, limits: Thresholds): Promise<Uint8Array>;
  /** Reads the clauses of a hypothesis. Throws a ValidationError. */
  hypothesis(expect: readonly string[]): Hypothesis;
}

/** What is compared: ranges, and the clauses of the hypothesis. */
export interface ComparisonQuery {
  ranges: RequestedRanges;
  /** None: `healthy`. */
  expect: readonly string[];
}

/** What a report is about. */
export interface ReportQuery extends ComparisonQuery {
  /** '': the report makes its own. */
  title: string;
  /** Whether to paint heatmaps: they are most of the work. */
  pictures: boolean;
}

/** A report, ready to be sent. */
export interface Report {
  data: ReportData;
  /** The report as one HTML file, in pieces. */
  page(): Iterable<string>;
  /** The Content-Security-Policy of that file. */
  policy: string;
}

/** The most reports and comparisons that wait or are made. Of 1000 pods one holds a mesh and 60 MB while it is made. */
const MAX_WAITING = 4;
/** The most comparisons that are being sent. Of 1000 pods each holds 13 MB, however slowly its client reads. */
const MAX_SENDING = 4;
const BUSY = 'too many reports at once, try again in a few seconds';
/** All pictures of a report together, bytes. Base64 adds a third. */
const MAX_PICTURE_BYTES = 1_350_000;
/** The most sentences about what is not known. */
const MAX_UNKNOWN = 30;

/** Makes reports and comparisons, one at a time, and for each of them reads one mesh at a time. */
export class Reporter {
  readonly #historyWindowMs: number;
  readonly #deps: ReporterDeps;
  readonly #queue = new SerialQueue(MAX_WAITING, BUSY);
  #sending = 0;

  constructor({ historyWindowMs }: { historyWindowMs: number }, deps: ReporterDeps) {
    this.#historyWindowMs = historyWindowMs;
    this.#deps = deps;
  }

  /**
   * Makes a report. Rejects with a ValidationError if the hypothesis is not valid, with a BusyError if too many are wanted at
   * once, and as `deps` reject.
   */
  async report({ title, pictures, ...query }: ReportQuery): Promise<Report> {
    const hypothesis = this.#deps.hypothesis(query.expect);
    const painter = pictures ? new PicturePainter(this.#deps) : null;
    const work = () => new ReportMaker(this.#deps, hypothesis, title, painter).make(this.#rangesOf(query));
    const data = await this.#queue.run(work);
    return { data, page: () => reportPage(data, painter?.pictures ?? NO_PICTURES), policy: REPORT_POLICY };
  }

  /**
   * Makes a comparison, a report with all links behind it, and sends it: `send` takes its JSON in pieces, and resolves when
   * it has written them. Rejects as `report`.
   */
  async comparison(query: ComparisonQuery, send: (pieces: Iterable<string>) => Promise<void>): Promise<void> {
    const hypothesis = this.#deps.hypothesis(query.expect);
    if (this.#sending >= MAX_SENDING) throw new BusyError(BUSY);
    this.#sending += 1;
    try {
      const maker = new ReportMaker(this.#deps, hypothesis, '', null);
      await send(encodeComparison(await this.#queue.run(() => maker.makeComparison(this.#rangesOf(query)))));
    } finally {
      this.#sending -= 1;
    }
  }

  #rangesOf({ ranges }: ComparisonQuery): ComparedRanges {
    return comparedRangesOf(ranges, this.#deps.clock.nowMs(), this.#historyWindowMs);
  }
}

const NO_PICTURES: ReportPictures = { before: null, during: null, after: null };

/** Paints the ranges while the file does not get too large. */
class PicturePainter {
  readonly pictures: ReportPictures = { ...NO_PICTURES };
  readonly #deps: ReporterDeps;
  #bytes = 0;

  constructor(deps: ReporterDeps) {
    this.#deps = deps;
  }

  async paint(range: keyof ReportPictures, mesh: Mesh): Promise<void> {
    const { slowLinkMs } = mesh.settings;
    const limits = { goodMs: Math.min(2, slowLinkMs), warningMs: Math.min(5, slowLinkMs), problemMs: slowLinkMs };
    const drawn = await runSliced(drawnRangeOf(mesh), this.#deps.clock);
    const png = await this.#deps.paint(drawn, limits);
    if (this.#bytes + png.byteLength > MAX_PICTURE_BYTES) return;
    this.#bytes += png.byteLength;
    this.pictures[range] = png;
  }
}

/** Everything that the report is made of, once the meshes are read. */
interface ReportSources {
  /** From the mesh of the range "during". */
  head: Pick<Mesh, 'servedBy' | 'settings' | 'discovery'>;
  views: ByRange<RangeView | null> & { during: RangeView };
  verdict: VerdictAnswer;
  /** Numbers of the pods that the hypothesis names. */
  named: readonly number[];
  events: Events;
  annotations: Annotations;
  /** What could not be looked at as requested, a sentence each. */
  notes: readonly string[];
}

/** Makes one report. */
class ReportMaker {
  readonly #deps: ReporterDeps;
  readonly #hypothesis: Hypothesis;
  readonly #title: string;
  readonly #painter: PicturePainter | null;
  readonly #table = new PodTable();

  constructor(deps: ReporterDeps, hypothesis: Hypothesis, title: string, painter: PicturePainter | null) {
    this.#deps = deps;
    this.#hypothesis = hypothesis;
    this.#title = title;
    this.#painter = painter;
  }

  async make(ranges: ComparedRanges): Promise<ReportData> {
    const sources = await this.#readAll(ranges);
    return (await runSliced(this.#reportOf(sources, null), this.#deps.clock)).report;
  }

  async makeComparison(ranges: ComparedRanges): Promise<Comparison> {
    const sources = await this.#readAll(ranges);
    const { settings } = sources.head;
    const columns = new LinkColumnsBuilder(this.#table.pods.length, settings.slowLinkMs * 1000);
    const { report, targets } = await runSliced(this.#reportOf(sources, columns), this.#deps.clock);
    const { findings, numbers } = sources.views.during;
    const numbersOf = (pods: readonly number[]) => pods.flatMap((pod) => numbers[pod] ?? []);
    return {
      report,
      displayNodeName: settings.displayNodeName,
      pods: this.#table.pods.map(({ uid, name, namespace, node }, number) => {
        return { uid, name, namespace, node, isTarget: targets.has(number) };
      }),
      findings: findings.map((finding) => {
        return { ...finding, pods: numbersOf(finding.pods), from: numbersOf(finding.from) };
      }),
      links: columns.result(),
    };
  }

  async #readAll({ before, during, after, notes }: ComparedRanges): Promise<ReportSources> {
    const duringParts = await this.#readDuring(during);
    const views = {
      before: await this.#readRange('before', before),
      during: duringParts.view,
      after: await this.#readRange('after', after),
    };
    const [events, annotations] = await Promise.all([
      this.#deps.events({
        fromMs: before?.fromMs ?? during.fromMs,
        toMs: after?.toMs ?? during.toMs,
        limit: MAX_REPORT_EVENTS,
      }),
      this.#deps.annotations(),
    ]);
    return { ...duringParts, views, events, annotations, notes };
  }

  /** Reads "during" in a function of its own, so that its mesh can be freed before the next one is fetched. */
  async #readDuring(
    range: TimeRange,
  ): Promise<Pick<ReportSources, 'head' | 'verdict' | 'named'> & { view: RangeView }> {
    const mesh = await this.#deps.past(range);
    const { servedBy, settings, discovery } = mesh;
    const verdict = await this.#hypothesis.judge(mesh);
    const view = await this.#view('during', mesh);
    const named = (await this.#hypothesis.namedPods(mesh)).flatMap((pod) => view.numbers[pod] ?? []);
    return { head: { servedBy, settings, discovery }, verdict, named, view };
  }

  async #readRange(name: keyof ReportPictures, range: TimeRange | null): Promise<RangeView | null> {
    return range === null ? null : this.#view(name, await this.#deps.past(range));
  }

  async #view(name: keyof ReportPictures, mesh: Mesh): Promise<RangeView> {
    const view = await runSliced(rangeViewOf(mesh, this.#table), this.#deps.clock);
    await this.#painter?.paint(name, mesh);
    return view;
  }

  /** Yields after each pod and each other small step. */
  *#reportOf(
    sources: ReportSources,
    columns: LinkColumnsBuilder | null,
  ): Generator<void, { report: ReportData; targets: ReadonlySet<number> }> {
    const { views, head, verdict, events, annotations } = sources;
    const { settings, discovery } = head;
    const table = this.#table;
    const input = {
      ranges: {
        before: views.before?.links ?? null,
        during: views.during.links,
        after: views.after?.links ?? null,
      },
      table,
      slowUs: settings.slowLinkMs * 1000,
    };
    const isNew = newFindings(views.before);
    const targets = targetsOf({
      named: sources.named,
      newFindings: views.during.findings.filter(isNew),
      numbers: views.during.numbers,
      affectedLinks: yield* affectedByPod(input),
    });
    const compared = yield* compareLinks(input, targets.pods, columns);
    const ranges = {
      before: views.before?.range ?? null,
      during: views.during.range,
      after: views.after?.range ?? null,
    };
    const findings = views.during.findings.map((finding) => {
      const { kind, severity, subject, title, detail } = finding;
      return { kind, severity, subject, title, detail, before: !isNew(finding) };
    });
    const { shown, isCut } = shownEvents(events);
    const endMs = ranges.after?.toMs ?? ranges.during.toMs;
    const report: ReportData = {
      format: REPORT_FORMAT,
      title: this.#title || titleOf({ findings, affected: compared.affected }),
      generatedAtMs: this.#deps.clock.nowMs(),
      servedBy: head.servedBy.name,
      cluster: {
        version: settings.version,
        namespace: discovery.namespace,
        labelSelector: discovery.labelSelector,
        pods: ranges.during.pods,
        refreshIntervalMs: settings.refreshIntervalMs,
        pingTimeoutMs: settings.pingTimeoutMs,
        slowLinkMs: settings.slowLinkMs,
      },
      ranges,
      verdict,
      findings,
      targets: { by: targets.by, ...countedNames([...targets.pods].map((pod) => table.name(pod))) },
      ...compared,
      ...detectionTimes({
        beforeEndMs: Math.min(ranges.before?.toMs ?? ranges.during.fromMs, ranges.during.fromMs),
        fromMs: ranges.during.fromMs,
        toMs: ranges.during.toMs,
        endMs,
        events: events.events,
        annotations: annotations.annotations,
        targets: new Set([...targets.pods].map((pod) => table.pods[pod]?.uid ?? '')),
        affected: compared.affected,
      }),
      events: shown,
      annotations: annotations.annotations
        .filter(overlaps(ranges.before?.fromMs ?? ranges.during.fromMs, endMs))
        .slice(0, MAX_REPORT_ANNOTATIONS),
      unknown: unknownsOf(sources, ranges, compared.lostFromView, isCut),
    };
    return { report, targets: targets.pods };
  }
}

/** Tells whether a finding is new, that is, whether "before" does not have it. */
function newFindings(before: RangeView | null): (finding: Finding) => boolean {
  const keyOf = ({ kind, subject }: Finding) => `${kind} ${subject}`;
  const known = new Set(before?.findings.map(keyOf));
  return (finding) => !known.has(keyOf(finding));
}

/** The events that there is room for. Half of the room is for events that are not about links, because they are rarer. */
function shownEvents({ events, truncated }: Events): { shown: Events['events']; isCut: boolean } {
  if (events.length <= MAX_REPORT_EVENTS) return { shown: events, isCut: truncated };
  const isOfLink = ({ kind }: Events['events'][number]) => kind.startsWith('link-');
  const kept = new Set(events.filter((event) => !isOfLink(event)).slice(0, MAX_REPORT_EVENTS / 2));
  for (const event of events) if (kept.size < MAX_REPORT_EVENTS && isOfLink(event)) kept.add(event);
  return { shown: events.filter((event) => kept.has(event)), isCut: true };
}

function overlaps(fromMs: number, toMs: number): (annotation: Annotation) => boolean {
  return (annotation) => annotation.fromMs <= toMs && (annotation.toMs ?? annotation.fromMs) >= fromMs;
}

/** What is not known, a sentence without a full stop each. */
function unknownsOf(
  { notes, verdict, head, events, annotations }: ReportSources,
  ranges: ReportData['ranges'],
  lostFromView: number,
  eventsCut: boolean,
): string[] {
  const namesOf = (parts: readonly MissingPart[]) => listText(countedNames(parts.map(({ name }) => name)));
  const sentences = [...notes];
  if (verdict.verdict === 'unknown') sentences.push(`The verdict is unknown: ${verdict.reason}`);
  for (const name of RANGE_NAMES) sentences.push(...rangeUnknowns(name, ranges[name]));
  if (lostFromView > 0) {
    sentences.push(
      `${plural(lostFromView, 'link')} of the range "before" had no sample in "during": their state is not known`,
    );
  }
  const { phase } = head.discovery;
  if (phase !== 'synced') sentences.push(`The pod list was not current (${phase}) when the report was made`);
  if (events.missing.length > 0) sentences.push(`Events that only ${namesOf(events.missing)} saw are missing`);
  if (eventsCut) sentences.push('Some events are left out, because there were too many');
  if (annotations.missing.length > 0) sentences.push(`${namesOf(annotations.missing)} did not send annotations`);
  return sentences.slice(0, MAX_UNKNOWN).map((sentence) => sentence.slice(0, 1000));
}

function rangeUnknowns(name: string, range: ReportRange | null): string[] {
  if (range === null) return [];
  const { missing, resolutionMs, fromMs } = range;
  const sentences: string[] = [];
  if (missing.count > 0) {
    const pods = `${plural(missing.count, 'pod')} of ${range.pods}`;
    sentences.push(`In the range "${name}" the reports of ${pods} are missing: ${listText(missing)}`);
  }
  if (resolutionMs > 0) {
    const edges = `so its begin (${timeText(fromMs)}) and its end may be off by that much`;
    sentences.push(`For the range "${name}" only summaries of ${durationText(resolutionMs)} are kept, ${edges}`);
  }
  return sentences;
}
