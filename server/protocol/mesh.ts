import { findingsSchema } from './finding.ts';
import { MAX_LINKS } from './links.ts';
import { discoverySchema, podSchema } from './pod.ts';
import {
  decodeMeasured,
  detailsSchema,
  encodeMeasured,
  type Measured,
  type PodReport,
  probesSchema,
  starvationSchema,
} from './pod-report.ts';
import { OUTCOMES } from './sample.ts';
import * as v from './validators.ts';

const [, ...FAILED_OUTCOMES] = OUTCOMES;

/**
 * Why a report is missing: how the request to its pod failed, `not-asked` (no address yet, gone, no time left), `no-history` (the
 * pod did not run yet, or its past was lost), or `passive` (its node is passive: it never reports).
 */
export const MISSING_REASONS = [...FAILED_OUTCOMES, 'not-asked', 'no-history', 'passive'] as const;
export type MissingReason = (typeof MISSING_REASONS)[number];

const indexSchema = v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(MAX_LINKS));

/** The past range that a mesh covers. */
const meshPastSchema = v.object({
  /** The range, ms since the epoch by the serving pod's clock. */
  fromMs: v.finiteNumber,
  toMs: v.finiteNumber,
  /** The coarsest `ReportPast.resolutionMs` of its reports. */
  resolutionMs: v.finiteNumber,
});

const reportSchema = v.object({
  /** The pod that reports: index in `Mesh.pods`. */
  pod: indexSchema,
  /** '' if the report is present. If it is missing, `links` is empty: nothing is known of the pod's links. */
  missing: v.picklist([...MISSING_REASONS, '']),
  /** If missing: the reason as a message. Else which part of the time range or window it covers; '' = all of it. */
  missingDetail: v.boundedText(400),
  /** `report`: our format. `check`: Goldpinger's `/check`, in whole milliseconds and without phases. */
  via: v.picklist(['report', 'check']),
  /** When the report arrived, ms since the epoch, by the serving pod's clock; ages of links count from here. */
  atMs: v.finiteNumber,
  /** How long the request took. */
  fetchUs: v.finiteNumber,
  /** By the clock of the pod; -1 = not known. */
  bootTimeMs: v.finiteNumber,
  /** How far the pod's clock is behind the serving pod's, ms. It is left out below a second: the report took some ms to come. */
  clockOffsetMs: v.exactOptional(v.finiteNumber),
  /** Whether this report knows the same peers as the serving pod. */
  samePeers: v.boolean(),
  links: v.unknown(),
  details: detailsSchema,
  stats: v.unknown(),
  udp: v.unknown(),
  probes: probesSchema,
  /** null if it is not known (`check`, missing). */
  starvation: v.nullable(starvationSchema),
});

/** One pod's report within the mesh; `links.to` are indexes in `Mesh.pods`. */
export interface MergedReport
  extends Omit<v.InferOutput<typeof reportSchema>, keyof Measured>,
    Measured,
    // Findings use these; they are not sent with the mesh.
    Pick<PodReport, 'slow' | 'recent' | 'failsOnly'> {}

/** The health of the mesh as the serving pod judges it: `/cluster_health`, by pod. */
const healthSchema = v.object({
  ok: v.boolean(),
  /** One entry per unhealthy pod: its index in `Mesh.pods`, and at most 5 sentences that say why. */
  reasons: v.boundedArray(v.object({ pod: indexSchema, why: v.boundedArray(v.boundedText(400), 5) }), MAX_LINKS),
  /** Reasons that do not concern a single pod, e.g. no peers are known; at most 5. */
  general: v.boundedArray(v.boundedText(400), 5),
});
export type MeshHealth = v.InferOutput<typeof healthSchema>;

/** The settings that a reader of the mesh needs. */
const settingsSchema = v.object({
  version: v.boundedText(64),
  refreshIntervalMs: v.finiteNumber,
  jitterFactor: v.finiteNumber,
  pingTimeoutMs: v.finiteNumber,
  pingNumber: v.finiteNumber,
  /** SLOW_LINK: a link with this latency or more is slow. */
  slowLinkMs: v.finiteNumber,
  /** HISTORY_WINDOW: how far back the past can be requested. */
  historyWindowMs: v.finiteNumber,
  goneRetentionMs: v.finiteNumber,
  displayNodeName: v.boolean(),
  /** LINK_TEMPLATES: links of the page to other tools. */
  linkTemplates: v.boundedArray(v.object({ name: v.boundedText(40), url: v.boundedText(2000) }), 10),
});
export type MeshSettings = v.InferOutput<typeof settingsSchema>;

export const MESH_FORMAT = 'goldpinger-ts/mesh/1';

const meshSchema = v.object({
  format: v.literal(MESH_FORMAT),
  /** When the collection ended, ms since the epoch, by the serving pod's clock. */
  atMs: v.finiteNumber,
  collectMs: v.finiteNumber,
  /** Age of the mesh when it was sent. */
  ageMs: v.finiteNumber,
  /** Window of `stats`; 0 = none. */
  windowMs: v.finiteNumber,
  /** null in a mesh of now. Otherwise its time range of the past: `pods` and `links` have their state at its end. */
  past: v.nullable(meshPastSchema),
  /** The serving pod; `pod` is its index in `pods`, -1 if it is not among them. */
  servedBy: v.object({ pod: indexSchema, name: v.boundedText(600) }),
  discovery: discoverySchema,
  settings: settingsSchema,
  health: healthSchema,
  /** What stands out, the worst first; at most `MAX_FINDINGS`. */
  findings: findingsSchema,
  pods: v.boundedArray(podSchema, MAX_LINKS),
  reports: v.boundedList(MAX_LINKS),
});

/** The whole mesh as one pod collected it: the answer of `/api/v1/mesh`. */
export interface Mesh extends Omit<v.InferOutput<typeof meshSchema>, 'format' | 'reports'> {
  /** One per pod that is not gone, in the order of `pods`. */
  reports: MergedReport[];
}

/** What pods reported, without what our analysis says of it. */
export type UnjudgedMesh = Omit<Mesh, 'health' | 'findings'>;

/** Encodes one report of a mesh as JSON, without the statistics in `without` and without what only findings use. */
export function encodeMergedReport(
  { slow: _slow, recent: _recent, failsOnly: _failsOnly, ...report }: MergedReport,
  without?: ReadonlySet<string>,
): string {
  return JSON.stringify({ ...report, ...encodeMeasured(report, without) });
}

/** Encodes a mesh as JSON in pieces, one per report, so that 1000 reports never block the event loop for long. */
export function* encodeMesh(mesh: Mesh): Generator<string> {
  const { reports, ...head } = mesh;
  yield `${JSON.stringify({ format: MESH_FORMAT, ...head }).slice(0, -1)},"reports":[`;
  for (const [i, report] of reports.entries()) yield (i === 0 ? '' : ',') + encodeMergedReport(report);
  yield ']}';
}

/** Validates one report of a mesh with `podCount` pods. */
export function parseMergedReport(wire: unknown, podCount: number): MergedReport {
  const report = v.validate(reportSchema, wire);
  if (report.pod < 0 || report.pod >= podCount) throw new RangeError(`report of pod ${report.pod} of ${podCount}`);
  return { ...report, ...decodeMeasured(report, podCount) };
}

export function parseMesh(wire: unknown): Mesh {
  const { format: _format, reports, ...head } = v.validate(meshSchema, wire);
  return { ...head, reports: reports.map((report) => parseMergedReport(report, head.pods.length)) };
}
