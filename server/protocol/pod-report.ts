import type { TimeRange } from '../runtime/time-range.ts';
import { reportPastSchema } from './history.ts';
import { decodeLinks, decodeStats, encodeColumns, type LinkColumns, MAX_LINKS, type StatColumns } from './links.ts';
import { discoverySchema, type PeerRef, type Pod, peersHashOf, podSchema } from './pod.ts';
import { probeSchema } from './sample.ts';
import { decodeUdp, type UdpColumns } from './udp.ts';
import * as v from './validators.ts';

/** `format` of a report. A peer that answers with anything else is asked for Goldpinger's `/check`. */
export const POD_REPORT_FORMAT = 'goldpinger-ts/pod-report/1';
/** The most error texts in a report, and the most characters of each. Other failed links have only their outcome. */
export const MAX_DETAILS = 200;
export const MAX_DETAIL_LENGTH = 300;
/** The most external probes in a report. */
export const MAX_PROBES = 500;

/** The most departed pods that a report names. */
const MAX_GONE_PODS = 50;

/** The most times at which a process was starved that a report has. */
export const MAX_STARVED_TIMES = 16;

/** Validates a `Starvation`. */
export const starvationSchema = v.object({
  /** The longest delay of the event loop in the last seconds, us. Its name is from when it was a percentile. */
  loopDelayP99Us: v.finiteNumber,
  /** Share (0..1) of the recent samples that are suspect. */
  suspectShare: v.finiteNumber,
  /** The process has been short of CPU for some time: nothing in the report can be trusted. */
  unreliable: v.boolean(),
  /** Since when `unreliable` has had its value, ms since the epoch. */
  sinceMs: v.finiteNumber,
  /**
   * When the process was starved, as `isStarved` says (link-state.ts): from and until how long before the report was made, ms;
   * oldest first. Older versions do not say it.
   */
  times: v.exactOptional(v.boundedArray(v.tuple([v.finiteNumber, v.finiteNumber]), MAX_STARVED_TIMES)),
});

/** How far the measurements of a pod can be trusted. A pod that is short of CPU measures its own waiting. */
export type Starvation = v.InferOutput<typeof starvationSchema>;

/** `Starvation.times` of a report: which of `times`, oldest first, overlap a range, as ages at its end. */
export function starvedTimesIn(
  times: readonly TimeRange[],
  { fromMs, toMs }: TimeRange,
): NonNullable<Starvation['times']> {
  return times
    .filter((time) => time.toMs >= fromMs && time.fromMs <= toMs)
    .slice(-MAX_STARVED_TIMES)
    .map((time) => [Math.round(toMs - time.fromMs), Math.max(0, Math.round(toMs - time.toMs))]);
}

const linkIndex = v.pipe(v.number(), v.integer());
const detailSchema = v.tuple([linkIndex, v.boundedText(MAX_DETAIL_LENGTH)]);
/** Validates error messages by link. */
export const detailsSchema = v.boundedArray(detailSchema, MAX_DETAILS);
/** Validates the results of external probes. */
export const probesSchema = v.boundedArray(probeSchema, MAX_PROBES);

const peerSchema = v.tuple([v.boundedText(128), v.boundedText(253), v.boundedText(63), v.boundedText(45)]);

const reportSchema = v.object({
  format: v.literal(POD_REPORT_FORMAT),
  /**
   * Who reports; uid '' if the pod does not know itself. A reader assigns the report to the pod that it asked, because this
   * is only a claim.
   */
  pod: v.object({ uid: v.boundedText(128), name: v.boundedText(253), namespace: v.boundedText(63) }),
  /** When the report was made, ms since the epoch by the clock of its pod. Readers use the ages in `links` instead. */
  atMs: v.finiteNumber,
  bootTimeMs: v.finiteNumber,
  /** Fingerprint of `peers`: pods with the same value know the same peers. */
  peersHash: v.boundedText(64),
  /** All peers that are not gone, sorted by uid; null if the request named this `peersHash`: its sender has them. */
  peers: v.nullable(v.boundedList(MAX_LINKS)),
  /** Peers that are gone and of which samples are still kept. */
  gonePeers: v.boundedList(MAX_LINKS),
  links: v.unknown(),
  /** Error messages of failed links, by index in `links`; at most `MAX_DETAILS`. */
  details: v.eachOf(detailSchema, MAX_DETAILS),
  /**
   * How long links have been slow (SLOW_LINK), ms, by index in `links`; at most `MAX_DETAILS`. Absent where there are none.
   */
  slow: v.exactOptional(v.eachOf(v.tuple([linkIndex, v.finiteNumber]), MAX_DETAILS)),
  /**
   * How many of the last believed samples failed, and of how many, as [link, failures, samples]: of links that are intermittent or
   * have recovered a few samples ago; at most `MAX_DETAILS`. Absent where there are none.
   */
  recent: v.exactOptional(v.eachOf(v.tuple([linkIndex, v.wholeNumber, v.wholeNumber]), MAX_DETAILS)),
  /**
   * Which kind of connection alone fails or failed a few samples ago, by index in `links`: see `FailsOnly`. Absent where
   * there are none.
   */
  failsOnly: v.exactOptional(v.eachOf(v.tuple([linkIndex, v.picklist(['new', 'open'])]), MAX_DETAILS)),
  /**
   * The pods that departed last, at most `MAX_GONE_PODS`: a pod that started later has not seen them. Absent if there are none, if
   * the request named their `goneHashOf`, and in reports of the past.
   */
  gone: v.exactOptional(v.eachOf(podSchema, MAX_GONE_PODS)),
  stats: v.unknown(),
  udp: v.unknown(),
  windowMs: v.finiteNumber,
  /**
   * null in a report of now. Otherwise the report is of a time range of the past: `links` have their state at its end
   * (`ageMs` and `sinceMs` count back from there), `stats` cover all of it, and `windowMs` is its length.
   */
  past: v.nullish(reportPastSchema, null),
  probes: v.eachOf(probeSchema, MAX_PROBES),
  starvation: starvationSchema,
  /** How current the pod's list of peers is. */
  discovery: v.pick(discoverySchema, ['phase', 'sinceMs', 'lastGoodMs']),
});

/**
 * One pod's measurements of all its links: the answer of `/api/v1/pod-report`, and one column of the drawn mesh.
 * `links.to` is an index in `peers`, continued in `gonePeers`.
 */
export interface PodReport
  extends Omit<v.Parsed<typeof reportSchema>, 'format' | 'peers' | 'gonePeers' | keyof Measured>,
    Measured {
  peers: PeerRef[] | null;
  gonePeers: PeerRef[];
}

/** What a pod measured of its links, in columns. */
export interface Measured {
  links: LinkColumns;
  /** Statistics over the window of the request; null if it had none. */
  stats: StatColumns | null;
  /** Results of the UDP probe; null = not measured (UDP_ENABLED is off). */
  udp: UdpColumns | null;
}

/** Converts columns to JSON, without the statistics in `without`. */
export function encodeMeasured({ links, stats, udp }: Measured, without?: ReadonlySet<string>) {
  return {
    links: encodeColumns(links),
    stats: stats && encodeColumns(stats, without),
    udp: udp && encodeColumns(udp),
  };
}

/** Validates and decodes columns from another process: see `decodeLinks`, `decodeStats`, `decodeUdp`. */
export function decodeMeasured(
  wire: { links: unknown; stats: unknown; udp: unknown },
  peerCount: number,
  skipped?: v.Skipped,
): Measured {
  const links = decodeLinks(wire.links, peerCount, skipped);
  const { length } = links;
  return { links, stats: decodeStats(wire.stats, length), udp: decodeUdp(wire.udp, length, skipped) };
}

/** The pods of a list that departed last, as reports name them: without labels, which may be long; sorted by uid. */
export function lastGoneOf(pods: readonly Pod[]): Pod[] {
  return pods
    .filter(({ lifecycle }) => lifecycle === 'gone')
    .sort((a, b) => b.sinceMs - a.sinceMs)
    .slice(0, MAX_GONE_PODS)
    .map((pod) => ({ ...pod, labels: '' }))
    .sort((a, b) => (a.uid < b.uid ? -1 : 1));
}

/** Fingerprint of departed pods, in the order of `lastGoneOf`. */
export function goneHashOf(gone: readonly Pod[]): string {
  return peersHashOf(gone.map(({ uid, name, namespace }) => ({ uid, name, namespace, podIP: '' })));
}

/** The fingerprints in a request for a report: its sender has these lists, so that the report leaves them out. '' = none. */
interface KnownHashes {
  peers?: string;
  gone?: string;
}

/** Encodes a report as JSON, without the lists that the request names by their fingerprint. */
export function encodePodReport({ gone = [], ...report }: PodReport, known: KnownHashes = {}): string {
  const tuple = (peer: PeerRef) => [peer.uid, peer.name, peer.namespace, peer.podIP];
  const knowsPeers = known.peers !== '' && known.peers === report.peersHash;
  return JSON.stringify({
    format: POD_REPORT_FORMAT,
    ...report,
    ...(gone.length === 0 || goneHashOf(gone) === known.gone ? {} : { gone }),
    peers: knowsPeers ? null : (report.peers ?? []).map(tuple),
    gonePeers: report.gonePeers.map(tuple),
    ...encodeMeasured(report),
  });
}

/**
 * Validates a report from another pod. `known` has the peers for the fingerprint in the request; they are used if the report
 * leaves its peers out. An invalid link leads to no peer.
 */
export function* parsePodReportSliced(
  wire: unknown,
  known: { hash: string; peers: PeerRef[] } | null,
  skipped: v.Skipped,
): Generator<void, PodReport> {
  const { format: _format, ...report } = yield* v.parseSliced(reportSchema, wire, skipped);
  const sent = report.peers === null ? null : yield* parsePeers(report.peers, skipped);
  const peers = sent ?? (known !== null && known.hash === report.peersHash ? known.peers : null);
  if (peers === null) throw new TypeError(`report without peers, with the unknown hash ${report.peersHash}`);
  const gonePeers = yield* parsePeers(report.gonePeers, skipped);
  return { ...report, peers, gonePeers, ...decodeMeasured(report, peers.length + gonePeers.length, skipped) };
}

const NO_PEER: PeerRef = { uid: '', name: '', namespace: '', podIP: '' };

/** Links refer to peers by index. So an invalid peer keeps its place, as one that nobody knows: its links are dropped. */
function* parsePeers(list: unknown[], skipped: v.Skipped): Generator<void, PeerRef[]> {
  const peers = list.map(() => NO_PEER);
  let i = 0;
  const read = (wire: unknown) => {
    const at = i++;
    const [uid, name, namespace, podIP] = v.validate(peerSchema, wire);
    peers[at] = { uid, name, namespace, podIP };
  };
  yield* v.readEach(list, read, skipped);
  return peers;
}
