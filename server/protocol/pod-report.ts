import * as v from 'valibot';
import { type ReportPast, reportPastSchema } from './history.ts';
import { decodeLinks, decodeStats, encodeColumns, type LinkColumns, MAX_LINKS, type StatColumns } from './links.ts';
import type { PeerRef } from './pod.ts';
import { boundedText, finiteNumber } from './validators.ts';

/** How far the measurements of a pod can be trusted. A pod that is short of CPU measures its own waiting. */
export interface Starvation {
  /** Delay of the event loop in the last seconds, 99th percentile. */
  loopDelayP99Us: number;
  /** Share (0..1) of the recent samples that are suspect. */
  suspectShare: number;
  /** The process has been short of CPU for some time: nothing in the report can be trusted. */
  unreliable: boolean;
  /** Since when `unreliable` has had its value, ms since the epoch. */
  sinceMs: number;
}

/**
 * One pod's measurements of all its links: the answer of `/api/v1/pod-report`, and one column of the drawn mesh.
 * `links.to` is an index in `peers`, continued in `gonePeers`.
 */
export interface PodReport {
  /**
   * Who reports; uid '' if the pod does not know itself. A reader assigns the report to the pod that it asked, because this
   * is only a claim.
   */
  pod: { uid: string; name: string; namespace: string };
  /** When the report was made, ms since the epoch by the clock of its pod. Readers use the ages in `links` instead. */
  atMs: number;
  bootTimeMs: number;
  /** Fingerprint of `peers`: pods with the same value know the same peers. */
  peersHash: string;
  /** All peers that are not gone, sorted by uid; null if the request named this `peersHash`: its sender has them. */
  peers: PeerRef[] | null;
  /** Peers that are gone and of which samples are still kept. */
  gonePeers: PeerRef[];
  links: LinkColumns;
  /** Error messages of failed links, by index in `links`; at most `MAX_DETAILS`. */
  details: [link: number, text: string][];
  /**
   * How long links have been slow (SLOW_LINK), ms, by index in `links`; at most `MAX_DETAILS`. Absent in reports of the
   * past and in reports of older versions.
   */
  slow?: [link: number, forMs: number][];
  /** Statistics over `windowMs`; null if the request had no window. */
  stats: StatColumns | null;
  windowMs: number;
  /**
   * null in a report of now. Otherwise the report is of a time range of the past: `links` have their state at its end
   * (`ageMs` and `sinceMs` count back from there), `stats` cover all of it, and `windowMs` is its length.
   */
  past: ReportPast | null;
  probes: { target: string; protocol: 'dns' | 'tcp' | 'http'; atMs: number; durationUs: number; error: string }[];
  starvation: Starvation;
  /** How current the pod's list of peers is: see `DiscoveryStatus`. */
  discovery: { phase: 'waiting' | 'synced' | 'stale'; sinceMs: number; lastGoodMs: number };
}

/** `format` of a report. A peer that answers with anything else is asked for Goldpinger's `/check`. */
export const POD_REPORT_FORMAT = 'goldpinger-ts/pod-report/1';
/** The most error texts in a report, and the most characters of each. Other failed links have only their outcome. */
export const MAX_DETAILS = 200;
export const MAX_DETAIL_LENGTH = 300;
/** The most external probes in a report. */
export const MAX_PROBES = 500;

const peerSchema = v.tuple([boundedText(128), boundedText(253), boundedText(63), boundedText(45)]);
const phases = v.picklist(['waiting', 'synced', 'stale']);

/** Validates the last result of an external probe. */
export const probeSchema = v.object({
  target: boundedText(2048),
  protocol: v.picklist(['dns', 'tcp', 'http']),
  atMs: finiteNumber,
  durationUs: finiteNumber,
  error: boundedText(400),
});

/** Validates a `Starvation`. */
export const starvationSchema = v.object({
  loopDelayP99Us: finiteNumber,
  suspectShare: finiteNumber,
  unreliable: v.boolean(),
  sinceMs: finiteNumber,
});

/** Validates error messages by link. */
export const detailsSchema = v.pipe(
  v.array(v.tuple([v.pipe(v.number(), v.integer()), boundedText(MAX_DETAIL_LENGTH)])),
  v.maxLength(MAX_DETAILS),
);

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

/** Encodes a report as JSON, without `peers` if `knownHash` (the fingerprint in the request) is that of the report. */
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
 * Validates a report from another process. `known` has the peers for the fingerprint in the request; they are used if the
 * report leaves its peers out. Throws an Error that says what is wrong.
 */
export function parsePodReport(wire: unknown, known: { hash: string; peers: PeerRef[] } | null = null): PodReport {
  const { format: _format, ...report } = v.parse(reportSchema, wire);
  const peer = ([uid, name, namespace, podIP]: [string, string, string, string]) => ({ uid, name, namespace, podIP });
  const peers = report.peers?.map(peer) ?? (known !== null && known.hash === report.peersHash ? known.peers : null);
  if (peers === null) throw new TypeError(`report without peers, with the unknown hash ${report.peersHash}`);
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
