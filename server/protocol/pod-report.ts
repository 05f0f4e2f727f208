import * as v from 'valibot';
import { reportPastSchema } from './history.ts';
import { decodeLinks, decodeStats, encodeColumns, type LinkColumns, MAX_LINKS, type StatColumns } from './links.ts';
import { discoverySchema, type PeerRef } from './pod.ts';
import { probeSchema } from './sample.ts';
import { boundedArray, boundedText, finiteNumber, wholeNumber } from './validators.ts';

/** `format` of a report. A peer that answers with anything else is asked for Goldpinger's `/check`. */
export const POD_REPORT_FORMAT = 'goldpinger-ts/pod-report/1';
/** The most error texts in a report, and the most characters of each. Other failed links have only their outcome. */
export const MAX_DETAILS = 200;
export const MAX_DETAIL_LENGTH = 300;
/** The most external probes in a report. */
export const MAX_PROBES = 500;

/** Validates a `Starvation`. */
export const starvationSchema = v.object({
  /** Delay of the event loop in the last seconds, 99th percentile. */
  loopDelayP99Us: finiteNumber,
  /** Share (0..1) of the recent samples that are suspect. */
  suspectShare: finiteNumber,
  /** The process has been short of CPU for some time: nothing in the report can be trusted. */
  unreliable: v.boolean(),
  /** Since when `unreliable` has had its value, ms since the epoch. */
  sinceMs: finiteNumber,
});

/** How far the measurements of a pod can be trusted. A pod that is short of CPU measures its own waiting. */
export type Starvation = v.InferOutput<typeof starvationSchema>;

const linkIndex = v.pipe(v.number(), v.integer());
/** Validates error messages by link. */
export const detailsSchema = boundedArray(v.tuple([linkIndex, boundedText(MAX_DETAIL_LENGTH)]), MAX_DETAILS);
/** Validates the results of external probes. */
export const probesSchema = boundedArray(probeSchema, MAX_PROBES);

const peersSchema = boundedArray(
  v.pipe(
    v.tuple([boundedText(128), boundedText(253), boundedText(63), boundedText(45)]),
    v.transform(([uid, name, namespace, podIP]): PeerRef => ({ uid, name, namespace, podIP })),
  ),
  MAX_LINKS,
);

const reportSchema = v.object({
  format: v.literal(POD_REPORT_FORMAT),
  /**
   * Who reports; uid '' if the pod does not know itself. A reader assigns the report to the pod that it asked, because this
   * is only a claim.
   */
  pod: v.object({ uid: boundedText(128), name: boundedText(253), namespace: boundedText(63) }),
  /** When the report was made, ms since the epoch by the clock of its pod. Readers use the ages in `links` instead. */
  atMs: finiteNumber,
  bootTimeMs: finiteNumber,
  /** Fingerprint of `peers`: pods with the same value know the same peers. */
  peersHash: boundedText(64),
  /** All peers that are not gone, sorted by uid; null if the request named this `peersHash`: its sender has them. */
  peers: v.nullable(peersSchema),
  /** Peers that are gone and of which samples are still kept. */
  gonePeers: peersSchema,
  links: v.unknown(),
  /** Error messages of failed links, by index in `links`; at most `MAX_DETAILS`. */
  details: detailsSchema,
  /**
   * How long links have been slow (SLOW_LINK), ms, by index in `links`; at most `MAX_DETAILS`. Absent in reports of the
   * past and in reports of older versions.
   */
  slow: v.exactOptional(boundedArray(v.tuple([linkIndex, finiteNumber]), MAX_DETAILS)),
  /**
   * How many of the last trusted samples failed, and of how many, by index in `links`: of links that are intermittent or
   * have recovered a few samples ago; at most `MAX_DETAILS`. Absent where there are none, and as `slow` is.
   */
  recent: v.exactOptional(boundedArray(v.tuple([linkIndex, wholeNumber, wholeNumber]), MAX_DETAILS)),
  stats: v.unknown(),
  windowMs: finiteNumber,
  /**
   * null in a report of now. Otherwise the report is of a time range of the past: `links` have their state at its end
   * (`ageMs` and `sinceMs` count back from there), `stats` cover all of it, and `windowMs` is its length.
   */
  past: v.nullish(reportPastSchema, null),
  probes: probesSchema,
  starvation: starvationSchema,
  /** How current the pod's list of peers is. */
  discovery: v.pick(discoverySchema, ['phase', 'sinceMs', 'lastGoodMs']),
});

/**
 * One pod's measurements of all its links: the answer of `/api/v1/pod-report`, and one column of the drawn mesh.
 * `links.to` is an index in `peers`, continued in `gonePeers`.
 */
export interface PodReport extends Omit<v.InferOutput<typeof reportSchema>, 'format' | 'links' | 'stats'> {
  links: LinkColumns;
  /** Statistics over `windowMs`; null if the request had no window. */
  stats: StatColumns | null;
}

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
  const peers = report.peers ?? (known !== null && known.hash === report.peersHash ? known.peers : null);
  if (peers === null) throw new TypeError(`report without peers, with the unknown hash ${report.peersHash}`);
  const links = decodeLinks(report.links, peers.length + report.gonePeers.length);
  return { ...report, peers, links, stats: decodeStats(report.stats, links.length) };
}
