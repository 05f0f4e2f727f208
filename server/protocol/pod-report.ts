import * as v from 'valibot';
import { type ReportPast, reportPastSchema } from './history.ts';
import { decodeLinks, decodeStats, encodeColumns, type LinkColumns, MAX_LINKS, type StatColumns } from './links.ts';
import type { PeerRef } from './pod.ts';
import { boundedText, finiteNumber } from './validators.ts';

/** How far a pod's own measurements are to be trusted. */
export interface Starvation {
  /** Event-loop delay of the last seconds, 99th percentile. */
  loopDelayP99Us: number;
  /** Share (0..1) of the recent samples that are suspect. */
  suspectShare: number;
  /** Sustained starvation: the whole report is not to be trusted. */
  unreliable: boolean;
  /** Since when `unreliable` has its value, ms since the epoch. */
  sinceMs: number;
}

/**
 * One pod's own view of its peers: one column of the drawn mesh. `/api/v1/pod-report` answers with it.
 * `links.to` counts through `peers`, then `gonePeers`.
 */
export interface PodReport {
  /** Who reports; uid '' if the pod does not know itself. Attribute the report to the pod you asked, not to this claim. */
  pod: { uid: string; name: string; namespace: string };
  /** When the report was made, ms since the epoch, by the reporter's clock: use the relative ages in `links`. */
  atMs: number;
  bootTimeMs: number;
  /** Fingerprint of `peers`: reports with the same value know the same peers. */
  peersHash: string;
  /** All peers that are not gone, sorted by uid; null if the asker named `peersHash` and so has them. */
  peers: PeerRef[] | null;
  /** Departed peers of which results are still kept. */
  gonePeers: PeerRef[];
  links: LinkColumns;
  /** Error texts of failed links, by index in `links`; at most `MAX_DETAILS`. */
  details: [link: number, text: string][];
  /**
   * For how long probes of links have been slow (SLOW_LINK), ms, by index in `links`; at most `MAX_DETAILS`, none of the
   * past. Older versions do not tell.
   */
  slow?: [link: number, forMs: number][];
  /** Figures over `windowMs`; null if no window was asked for. */
  stats: StatColumns | null;
  windowMs: number;
  /**
   * null in a report of now. Else the report is of a time range of the past: `links` say how each stood at its end (`ageMs` and
   * `sinceMs` count from there), `stats` are over all of it, `windowMs` is its length.
   */
  past: ReportPast | null;
  probes: { target: string; protocol: 'dns' | 'tcp' | 'http'; atMs: number; durationUs: number; error: string }[];
  starvation: Starvation;
  /** How well the reporter knows its peers: see `DiscoveryStatus`. */
  discovery: { phase: 'waiting' | 'synced' | 'stale'; sinceMs: number; lastGoodMs: number };
}

/** `format` of a report; a peer that answers anything else is asked for Goldpinger's `/check`. */
export const POD_REPORT_FORMAT = 'goldpinger-ts/pod-report/1';
/** The most error texts in a report, and the most characters of each. Other failed links have only their outcome. */
export const MAX_DETAILS = 200;
export const MAX_DETAIL_LENGTH = 300;
/** The most external probes that one pod reports. */
export const MAX_PROBES = 500;

const peerSchema = v.tuple([boundedText(128), boundedText(253), boundedText(63), boundedText(45)]);
const phases = v.picklist(['waiting', 'synced', 'stale']);

/** An external probe's last result on the wire. */
export const probeSchema = v.object({
  target: boundedText(2048),
  protocol: v.picklist(['dns', 'tcp', 'http']),
  atMs: finiteNumber,
  durationUs: finiteNumber,
  error: boundedText(400),
});

/** Starvation on the wire. */
export const starvationSchema = v.object({
  loopDelayP99Us: finiteNumber,
  suspectShare: finiteNumber,
  unreliable: v.boolean(),
  sinceMs: finiteNumber,
});

/** Error texts by link on the wire. */
export const detailsSchema = v.pipe(
  v.array(v.tuple([v.pipe(v.number(), v.integer()), boundedText(MAX_DETAIL_LENGTH)])),
  v.maxLength(MAX_DETAILS),
);

/** For how long links have been slow on the wire. */
const slowSchema = v.pipe(v.array(v.tuple([v.pipe(v.number(), v.integer()), finiteNumber])), v.maxLength(MAX_DETAILS));

const reportSchema = v.object({
  format: v.literal(POD_REPORT_FORMAT),
  pod: v.object({ uid: boundedText(128), name: boundedText(253), namespace: boundedText(63) }),
  atMs: finiteNumber,
  bootTimeMs: finiteNumber,
  peersHash: boundedText(64),
  peers: v.nullable(v.pipe(v.array(peerSchema), v.maxLength(MAX_LINKS))),
  gonePeers: v.pipe(v.array(peerSchema), v.maxLength(MAX_LINKS)),
  links: v.unknown(),
  details: detailsSchema,
  slow: v.exactOptional(slowSchema),
  stats: v.unknown(),
  windowMs: finiteNumber,
  past: v.nullish(reportPastSchema, null),
  probes: v.pipe(v.array(probeSchema), v.maxLength(MAX_PROBES)),
  starvation: starvationSchema,
  discovery: v.object({ phase: phases, sinceMs: finiteNumber, lastGoodMs: finiteNumber }),
});

/** The report as JSON. `knownHash` is the `peersHash` that the asker has: then `peers` is left out. */
export function encodePodReport(report: PodReport, knownHash = ''): string {
  const tuple = (peer: PeerRef) => [peer.uid, peer.name, peer.namespace, peer.podIP];
  return JSON.stringify({
    format: POD_REPORT_FORMAT,
    ...report,
    peers: knownHash !== '' && knownHash === report.peersHash ? null : (report.peers ?? []).map(tuple),
    gonePeers: report.gonePeers.map(tuple),
    links: encodeColumns(report.links, report.links.length),
    stats: report.stats === null ? null : encodeColumns(report.stats, report.links.length),
  });
}

/**
 * Validates a report from another process. `known` are the peers that belong to the hash the asker sent, needed where the
 * answer leaves them out. Throws an Error that says what is wrong.
 */
export function parsePodReport(wire: unknown, known: { hash: string; peers: PeerRef[] } | null = null): PodReport {
  const { format: _format, ...report } = v.parse(reportSchema, wire);
  const peer = ([uid, name, namespace, podIP]: [string, string, string, string]) => ({ uid, name, namespace, podIP });
  const peers = report.peers?.map(peer) ?? (known !== null && known.hash === report.peersHash ? known.peers : null);
  if (peers === null) throw new TypeError(`report without peers for unknown hash ${report.peersHash}`);
  const gonePeers = report.gonePeers.map(peer);
  const links = decodeLinks(report.links, peers.length + gonePeers.length);
  return {
    ...report,
    peers,
    gonePeers,
    links,
    stats: report.stats === null || report.stats === undefined ? null : decodeStats(report.stats, links.length),
  };
}
