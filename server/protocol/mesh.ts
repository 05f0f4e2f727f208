import * as v from 'valibot';
import { type Finding, findingsSchema } from './finding.ts';
import { type MeshPast, meshPastSchema } from './history.ts';
import { decodeLinks, decodeStats, encodeColumns, type LinkColumns, MAX_LINKS, type StatColumns } from './links.ts';
import { DISCOVERY_FAULTS, type DiscoveryStatus, LIFECYCLES, MAX_LABELS, type Pod } from './pod.ts';
import { detailsSchema, MAX_PROBES, probeSchema, type Starvation, starvationSchema } from './pod-report.ts';
import type { ProbeResult } from './sample.ts';
import { boundedText, finiteNumber } from './validators.ts';

/**
 * Why a report is missing: how the request to its pod failed, `not-asked` (no address yet, gone, no time left), or
 * `no-history` (in a mesh of the past: the pod did not run yet, or its past was lost when it left).
 */
export const MISSING_REASONS = [
  'refused',
  'reset',
  'timeout',
  'unreachable',
  'dns',
  'http-status',
  'malformed',
  'no-address',
  'not-asked',
  'no-history',
] as const;

/** Why a report is missing; see `MISSING_REASONS`. */
export type MissingReason = (typeof MISSING_REASONS)[number];

/** One pod's report within the mesh; `links.to` are indexes in `Mesh.pods`. */
export interface MergedReport {
  /** The pod that reports: index in `Mesh.pods`. */
  pod: number;
  /** '' if the report is present. If it is missing, `links` is empty: nothing is known of the pod's links. */
  missing: MissingReason | '';
  /**
   * If the report is missing: the reason as a message. If it is present: since when it covers the time range or window;
   * '' = all of it, or all of the pod's life.
   */
  missingDetail: string;
  /** `report`: our format. `check`: Goldpinger's `/check`, in whole milliseconds and without phases. */
  via: 'report' | 'check';
  /** When the report arrived, ms since the epoch, by the serving pod's clock; ages of links count from here. */
  atMs: number;
  /** How long the request took. */
  fetchUs: number;
  bootTimeMs: number;
  /** Whether this report knows the same peers as the serving pod. */
  samePeers: boolean;
  links: LinkColumns;
  details: [link: number, text: string][];
  /** As in `PodReport`. Findings use it; it is not sent with the mesh. */
  slow?: [link: number, forMs: number][];
  stats: StatColumns | null;
  probes: ProbeResult[];
  /** null if it is not known (`check`, missing). */
  starvation: Starvation | null;
}

/** The health of the mesh as the serving pod judges it: `/cluster_health`, by pod. */
export interface MeshHealth {
  ok: boolean;
  /** One entry per unhealthy pod: its index in `Mesh.pods`, and at most 5 sentences that say why. */
  reasons: { pod: number; why: string[] }[];
  /** Reasons that do not concern a single pod, e.g. no peers are known; at most 5. */
  general: string[];
}

/** The settings that a reader of the mesh needs. */
export interface MeshSettings {
  version: string;
  refreshIntervalMs: number;
  pingTimeoutMs: number;
  pingNumber: number;
  /** SLOW_LINK: a link with this latency or more is slow. */
  slowLinkMs: number;
  /** HISTORY_WINDOW: how far back the past can be requested. */
  historyWindowMs: number;
  goneRetentionMs: number;
  displayNodeName: boolean;
}

/** The whole mesh as one pod collected it: the answer of `/api/v1/mesh`. */
export interface Mesh {
  /** When the collection ended, ms since the epoch, by the serving pod's clock. */
  atMs: number;
  /** How long the collection took. */
  collectMs: number;
  /** Age of the mesh when it was sent. */
  ageMs: number;
  /** Window of `stats`; 0 = none. */
  windowMs: number;
  /** null in a mesh of now. Otherwise its time range of the past: `pods` and `links` have their state at its end. */
  past: MeshPast | null;
  /** The serving pod; `pod` is its index in `pods`, -1 if it is not among them. */
  servedBy: { pod: number; name: string };
  discovery: DiscoveryStatus;
  settings: MeshSettings;
  health: MeshHealth;
  /** What stands out, the worst first; at most `MAX_FINDINGS`. */
  findings: Finding[];
  pods: Pod[];
  /** One per pod that is not gone, in the order of `pods`. */
  reports: MergedReport[];
}

/** `format` of the mesh. */
export const MESH_FORMAT = 'goldpinger-ts/mesh/1';

const index = v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(MAX_LINKS));
const ips = v.pipe(v.array(boundedText(45)), v.maxLength(8));

const podSchema = v.object({
  uid: boundedText(128),
  name: boundedText(253),
  namespace: boundedText(63),
  node: boundedText(253),
  zone: boundedText(253),
  podIPs: ips,
  hostIPs: ips,
  lifecycle: v.picklist(LIFECYCLES),
  sinceMs: finiteNumber,
  createdMs: finiteNumber,
  owner: boundedText(128),
  labels: boundedText(MAX_LABELS),
  replacedBy: boundedText(128),
});

const reportSchema = v.object({
  pod: index,
  missing: v.picklist([...MISSING_REASONS, '']),
  missingDetail: boundedText(400),
  via: v.picklist(['report', 'check']),
  atMs: finiteNumber,
  fetchUs: finiteNumber,
  bootTimeMs: finiteNumber,
  samePeers: v.boolean(),
  links: v.unknown(),
  details: detailsSchema,
  stats: v.unknown(),
  probes: v.pipe(v.array(probeSchema), v.maxLength(MAX_PROBES)),
  starvation: v.nullable(starvationSchema),
});

const meshSchema = v.object({
  format: v.literal(MESH_FORMAT),
  atMs: finiteNumber,
  collectMs: finiteNumber,
  ageMs: finiteNumber,
  windowMs: finiteNumber,
  past: v.nullable(meshPastSchema),
  servedBy: v.object({ pod: index, name: boundedText(253) }),
  discovery: v.object({
    phase: v.picklist(['waiting', 'synced', 'stale']),
    sinceMs: finiteNumber,
    mode: v.picklist(['watch', 'list']),
    lastGoodMs: finiteNumber,
    attempts: finiteNumber,
    nextAttemptMs: finiteNumber,
    lastError: v.nullable(
      v.object({ fault: v.picklist(DISCOVERY_FAULTS), message: boundedText(400), atMs: finiteNumber }),
    ),
    namespace: boundedText(253),
    labelSelector: boundedText(2048),
  }),
  settings: v.object({
    version: boundedText(64),
    refreshIntervalMs: finiteNumber,
    pingTimeoutMs: finiteNumber,
    pingNumber: finiteNumber,
    slowLinkMs: finiteNumber,
    historyWindowMs: finiteNumber,
    goneRetentionMs: finiteNumber,
    displayNodeName: v.boolean(),
  }),
  health: v.object({
    ok: v.boolean(),
    reasons: v.array(v.object({ pod: index, why: v.array(boundedText(400)) })),
    general: v.array(boundedText(400)),
  }),
  findings: findingsSchema,
  pods: v.pipe(v.array(podSchema), v.maxLength(MAX_LINKS)),
  reports: v.pipe(v.array(v.unknown()), v.maxLength(MAX_LINKS)),
});

/** Encodes one report of a mesh as JSON, without the statistics in `without`. */
export function encodeMergedReport(
  { slow: _, ...report }: MergedReport,
  without?: ReadonlySet<keyof StatColumns>,
): string {
  return JSON.stringify({
    ...report,
    links: encodeColumns(report.links, report.links.length),
    stats: report.stats === null ? null : encodeColumns(report.stats, report.links.length, without),
  });
}

/** Encodes a mesh as JSON in pieces, one per report, so that 1000 reports never block the event loop for long. */
export function* encodeMesh(mesh: Mesh): Generator<string> {
  const { reports, ...head } = mesh;
  yield `${JSON.stringify({ format: MESH_FORMAT, ...head }).slice(0, -1)},"reports":[`;
  for (const [i, report] of reports.entries()) yield (i === 0 ? '' : ',') + encodeMergedReport(report);
  yield ']}';
}

/** Validates one report of a mesh with `podCount` pods. Throws an Error that says what is wrong. */
export function parseMergedReport(wire: unknown, podCount: number): MergedReport {
  const report = v.parse(reportSchema, wire);
  if (report.pod < 0 || report.pod >= podCount) throw new RangeError(`report of pod ${report.pod} of ${podCount}`);
  const links = decodeLinks(report.links, podCount);
  const stats = report.stats === null || report.stats === undefined ? null : decodeStats(report.stats, links.length);
  return { ...report, links, stats };
}

/** Validates a mesh from a server. Throws an Error that says what is wrong. */
export function parseMesh(wire: unknown): Mesh {
  const { format: _format, reports, ...head } = v.parse(meshSchema, wire);
  return { ...head, reports: reports.map((report) => parseMergedReport(report, head.pods.length)) };
}
