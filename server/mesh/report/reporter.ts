import type { Annotations } from '../../contract/annotation.ts';
import type { Events } from '../../contract/event.ts';
import type { Mesh } from '../../contract/mesh.ts';
import { MAX_REPORT_EVENTS, type ReportData } from '../../contract/report.ts';
import type { Clock } from '../../contract/seams.ts';
import type { VerdictAnswer } from '../../contract/verdict.ts';
import type { HeatmapLimits } from '../heatmap/cells.ts';
import type { DrawnMesh } from '../heatmap/heatmap-png.ts';
import { inSlices } from '../in-slices.ts';
import { InTurn } from '../in-turn.ts';
import { drawnRangeOf } from './drawn-range.ts';
import { REPORT_POLICY, type ReportPictures, reportPage } from './page/report-page.ts';
import { PodTable } from './pod-table.ts';
import { type RangeView, rangeViewOf } from './range-view.ts';
import { type ReportStretches, type Stretch, stretchesOf, type WantedRanges } from './ranges.ts';
import { reportDataOf } from './report-data.ts';

/** What making reports needs of the other parts. */
export interface ReporterDeps {
  clock: Clock;
  /** The matrix of a stretch of the past. */
  past(stretch: Stretch): Promise<Mesh>;
  events(query: Stretch & { limit: number }): Promise<Events>;
  annotations(): Promise<Annotations>;
  paint(mesh: DrawnMesh, limits: HeatmapLimits): Promise<Uint8Array>;
}

/** Judges a hypothesis. */
export interface Hypothesis {
  /** Whether it holds in a matrix. */
  judge(mesh: Mesh): Promise<VerdictAnswer>;
  /** The pods that its clauses name: indexes in `Mesh.pods`. */
  named(mesh: Mesh): Promise<number[]>;
}

/** What is reported. */
export interface ReportWish {
  ranges: WantedRanges;
  hypothesis: Hypothesis;
  /** '' = one that is made of the findings. */
  title: string;
  /** Whether pictures are wanted: they are most of the work. */
  pictures: boolean;
}

/** A report as it is asked for: the hypothesis in its clauses' words. */
export type ReportQuery = Omit<ReportWish, 'hypothesis'> & { expect: readonly string[] };

/** What asking came to. A mistake names the parameter and the place. */
export type ReportResult = { report: Report } | { mistake: string };

/** A report, ready to be sent. */
export interface Report {
  data: ReportData;
  /** As one HTML file, in pieces. */
  page(): Iterable<string>;
  /** What that file may load: its Content-Security-Policy. */
  policy: string;
}

/** Makes reports. */
export interface Reporter {
  /** Rejects with a BusyError if too many are wanted at once, and as the parts it asks reject. */
  report(wish: ReportWish): Promise<Report>;
}

/** A report of 1000 pods holds a matrix and 45 MB besides while it is made. */
const MAX_REPORTS = 4;
/** All pictures of a report together, bytes: base64 makes a third more of them. */
const MAX_PICTURE_BYTES = 1_350_000;

/** Makes the one who reports. One report at a time, and within it one matrix at a time. */
export function createReporter({ historyWindowMs }: { historyWindowMs: number }, deps: ReporterDeps): Reporter {
  const turn = new InTurn(MAX_REPORTS, 'too many reports at once, try again in a few seconds');
  return {
    report: (wish) => turn.do(() => make(wish, stretchesOf(wish.ranges, deps.clock.nowMs(), historyWindowMs), deps)),
  };
}

async function make(wish: ReportWish, stretches: ReportStretches, deps: ReporterDeps): Promise<Report> {
  const { clock } = deps;
  const table = new PodTable();
  const pictures = new Pictures(wish.pictures, deps);
  const look = async (name: keyof ReportPictures, mesh: Mesh): Promise<RangeView> => {
    const view = await inSlices(rangeViewOf(mesh, table), clock);
    await pictures.take(name, mesh);
    return view;
  };
  const lookAt = async (name: keyof ReportPictures, stretch: Stretch | null) =>
    stretch === null ? null : look(name, await deps.past(stretch));
  // In a function of its own, so that its matrix can go before the next one comes.
  const lookAtDuring = async () => {
    const mesh = await deps.past(stretches.during);
    const { servedBy, settings, discovery } = mesh;
    const verdict = await wish.hypothesis.judge(mesh);
    const during = await look('during', mesh);
    const named = (await wish.hypothesis.named(mesh)).map((pod) => during.numbers[pod] ?? -1);
    return { during, parts: { head: { servedBy, settings, discovery }, verdict, named } };
  };

  const { during, parts } = await lookAtDuring();
  const before = await lookAt('before', stretches.before);
  const after = await lookAt('after', stretches.after);
  const fromMs = stretches.before?.fromMs ?? stretches.during.fromMs;
  const toMs = stretches.after?.toMs ?? stretches.during.toMs;
  const [events, annotations] = await Promise.all([
    deps.events({ fromMs, toMs, limit: MAX_REPORT_EVENTS }),
    deps.annotations(),
  ]);
  const told = { title: wish.title, nowMs: clock.nowMs(), notes: stretches.notes };
  const sources = { ...parts, ...told, views: { before, during, after }, table, events, annotations };
  const data = await inSlices(reportDataOf(sources), clock);
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
  return deps.paint(await inSlices(drawnRangeOf(mesh), deps.clock), limits);
}
