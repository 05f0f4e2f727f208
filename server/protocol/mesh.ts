import * as v from 'valibot';
import { type Finding, findingsSchema } from './finding.ts';
import { type MeshPast, meshPastSchema } from './history.ts';
import { decodeLinks, decodeStats, encodeColumns, type LinkColumns, MAX_LINKS, type StatColumns } from './links.ts';
import { type DiscoveryStatus, LIFECYCLES, MAX_LABELS, type Pod } from './pod.ts';
import {
  detailsSchema,
  lastErrorSchema,
  MAX_PROBES,
  probeSchema,
  type Starvation,
  starvationSchema,
} from './pod-report.ts';
import type { ProbeResult } from './sample.ts';
import { figure, text } from './validators.ts';

/**
 * Why a row is missing: what asking its pod came to, `not-asked` (no address yet, gone, out of time), or
 * `no-history` (of a matrix of the past: the pod did not run yet, or has gone and taken its past with it).
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

/** Why a row is missing; see `MISSING_REASONS`. */
export type MissingReason = (typeof MISSING_REASONS)[number];

/** One pod's row within the matrix; `links.to` are indexes in `Mesh.pods`. */
export interface MeshRow {
  /** The pod that reports: index in `Mesh.pods`. */
  pod: number;
  /** '' if the row is here. Where it is missing, `links` is empty and nothing is known of its links. */
  missing: MissingReason | '';
  /**
   * In words, where missing; of a row that is here, since when it knows of the stretch or window, '' = all of it, or all
   * of its pod's life.
   */
  missingDetail: string;
  /** `row`: our format. `check`: Goldpinger's `/check`, whole milliseconds and without phases (packed as -1). */
  via: 'row' | 'check';
  /** When the row arrived, ms since the epoch, by the serving pod's clock; ages of links count from here. */
  atMs: number;
  /** How long asking took. */
  fetchUs: number;
  bootTimeMs: number;
  /** Whether this row knows the same peers as the serving pod. */
  samePeers: boolean;
  links: LinkColumns;
  details: [link: number, text: string][];
  /** As in `Row`; findings are made with it, and whoever reads a matrix need not be told. */
  slow?: [link: number, forMs: number][];
  stats: StatColumns | null;
  probes: ProbeResult[];
  /** null where not told (`check`, missing). */
  starvation: Starvation | null;
}

/** What the serving pod makes of the matrix: `/cluster_health`, by pod. */
export interface MeshHealth {
  ok: boolean;
  /** One entry an unhealthy pod: index in `Mesh.pods`, and why, at most 5 sentences each. */
  reasons: { pod: number; why: string[] }[];
  /** Why the whole is not healthy apart from any pod, e.g. no peers known; at most 5. */
  general: string[];
}

/** The settings that a reader of the matrix needs. */
export interface MeshSettings {
  version: string;
  refreshIntervalMs: number;
  pingTimeoutMs: number;
  pingNumber: number;
  /** SLOW_LINK: from this on a link is called slow in findings and events. */
  slowLinkMs: number;
  /** HISTORY_WINDOW: how far back the past can be asked for, at best. */
  historyWindowMs: number;
  goneRetentionMs: number;
  displayNodeName: boolean;
}

/** The whole matrix, as one pod collected it. `/api/v1/mesh` answers with it. */
export interface Mesh {
  /** When the collection ended, ms since the epoch, by the serving pod's clock. */
  atMs: number;
  /** How long the collection took. */
  collectMs: number;
  /** How old the picture was when it was sent. */
  ageMs: number;
  /** Window of `stats`; 0 = none. */
  windowMs: number;
  /** null in a matrix of now; else what stretch of the past it shows: `pods` and `links` as they were at its end. */
  past: MeshPast | null;
  /** The serving pod; `pod` is its index in `pods`, -1 if it is not among them. */
  servedBy: { pod: number; name: string };
  discovery: DiscoveryStatus;
  settings: MeshSettings;
  health: MeshHealth;
  /** What stands out, the worst first; at most `MAX_FINDINGS`. */
  findings: Finding[];
  pods: Pod[];
  /** One a pod that is not gone, in the order of `pods`. */
  rows: MeshRow[];
}

/** `format` of the matrix. */
export const MESH_FORMAT = 'goldpinger-ts/mesh/1';

const index = v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(MAX_LINKS));
const ips = v.pipe(v.array(text(45)), v.maxLength(8));

const podSchema = v.object({
  uid: text(128),
  name: text(253),
  namespace: text(63),
  node: text(253),
  zone: text(253),
  podIPs: ips,
  hostIPs: ips,
  lifecycle: v.picklist(LIFECYCLES),
  sinceMs: figure,
  createdMs: figure,
  owner: text(128),
  labels: text(MAX_LABELS),
  replacedBy: text(128),
});

const rowSchema = v.object({
  pod: index,
  missing: v.picklist([...MISSING_REASONS, '']),
  missingDetail: text(400),
  via: v.picklist(['row', 'check']),
  atMs: figure,
  fetchUs: figure,
  bootTimeMs: figure,
  samePeers: v.boolean(),
  links: v.unknown(),
  details: detailsSchema,
  stats: v.unknown(),
  probes: v.pipe(v.array(probeSchema), v.maxLength(MAX_PROBES)),
  starvation: v.nullable(starvationSchema),
});

const meshSchema = v.object({
  format: v.literal(MESH_FORMAT),
  atMs: figure,
  collectMs: figure,
  ageMs: figure,
  windowMs: figure,
  past: v.nullable(meshPastSchema),
  servedBy: v.object({ pod: index, name: text(253) }),
  discovery: v.object({
    phase: v.picklist(['waiting', 'synced', 'stale']),
    sinceMs: figure,
    mode: v.picklist(['watch', 'list']),
    lastGoodMs: figure,
    attempts: figure,
    nextAttemptMs: figure,
    lastError: lastErrorSchema,
    namespace: text(253),
    labelSelector: text(2048),
  }),
  settings: v.object({
    version: text(64),
    refreshIntervalMs: figure,
    pingTimeoutMs: figure,
    pingNumber: figure,
    slowLinkMs: figure,
    historyWindowMs: figure,
    goneRetentionMs: figure,
    displayNodeName: v.boolean(),
  }),
  health: v.object({
    ok: v.boolean(),
    reasons: v.array(v.object({ pod: index, why: v.array(text(400)) })),
    general: v.array(text(400)),
  }),
  findings: findingsSchema,
  pods: v.pipe(v.array(podSchema), v.maxLength(MAX_LINKS)),
  rows: v.pipe(v.array(v.unknown()), v.maxLength(MAX_LINKS)),
});

/** One row of the matrix as JSON; the statistics in `without` are left out. */
export function encodeMeshRow({ slow: _, ...row }: MeshRow, without?: ReadonlySet<keyof StatColumns>): string {
  return JSON.stringify({
    ...row,
    links: encodeColumns(row.links, row.links.length),
    stats: row.stats === null ? null : encodeColumns(row.stats, row.links.length, without),
  });
}

/** The matrix as JSON in pieces, about one a row, so that sending 1000 rows never blocks for long. */
export function* encodeMesh(mesh: Mesh): Generator<string> {
  const { rows, ...head } = mesh;
  yield `${JSON.stringify({ format: MESH_FORMAT, ...head }).slice(0, -1)},"rows":[`;
  for (const [i, row] of rows.entries()) yield (i === 0 ? '' : ',') + encodeMeshRow(row);
  yield ']}';
}

/** Validates one row of a matrix with `podCount` pods. Throws an Error that says what is wrong. */
export function parseMeshRow(wire: unknown, podCount: number): MeshRow {
  const row = v.parse(rowSchema, wire);
  if (row.pod < 0 || row.pod >= podCount) throw new RangeError(`row of pod ${row.pod} of ${podCount}`);
  const links = decodeLinks(row.links, podCount);
  const stats = row.stats === null || row.stats === undefined ? null : decodeStats(row.stats, links.length);
  return { ...row, links, stats };
}

/** Validates a matrix from a server. Throws an Error that says what is wrong. */
export function parseMesh(wire: unknown): Mesh {
  const { format: _format, rows, ...head } = v.parse(meshSchema, wire);
  return { ...head, rows: rows.map((row) => parseMeshRow(row, head.pods.length)) };
}
