import type { TimeRange } from '../runtime/time-range.ts';
import { reportPastSchema } from './history.ts';
import { decodeLinks, decodeStats, encodeColumns, type LinkColumns, MAX_LINKS, type StatColumns } from './links.ts';
import { discoverySchema, type PeerRef } from './pod.ts';
import { probeSchema } from './sample.ts';
import { decodeUdp, type UdpColumns } from './udp.ts';
import * as v from './validators.ts';

/** `format` of a report. A peer that answers with anything else is asked for Goldpinger's `/check`. */
export const POD_REPORT_FORMAT = 'goldpinger-ts/pod-report/1';
/** The most error texts in a report, and the most characters of each. */
export const MAX_DETAILS = 200;
export const MAX_DETAIL_LENGTH = 300;
export const MAX_PROBES = 500;
export const MAX_STARVED_TIMES = 16;

/** How far the measurements of a pod can be trusted. A pod that is short of CPU measures its own waiting. */
export const starvationSchema = v.object({
  /** The longest delay of the event loop in the last seconds, us. Its name is from when it was a percentile. */
  loopDelayP99Us: v.finiteNumber,
  /** Share (0..1) of the recent samples that are suspect. */
  suspectShare: v.finiteNumber,
  /** The process has been short of CPU for some time: nothing in the report can be trusted. */
  unreliable: v.boolean(),
  /** Since when `unreliable` has had its value, ms since the epoch by the clock of the pod that answers; 0 = since its start. */
  sinceMs: v.finiteNumber,
  /** When the process was starved (`isStarved`): from and until how long before the report was made, ms; oldest first. */
  times: v.exactOptional(v.boundedArray(v.tuple([v.finiteNumber, v.finiteNumber]), MAX_STARVED_TIMES)),
});
export type Starvation = v.InferOutput<typeof starvationSchema>;

/** A process knows that it is starved when the second is over. */
const STARVED_SECOND_MS = 1000;

/** Times of a report are joined if no more than this lies between them: it has room for few. */
const JOIN_GAP_MS = 2000;

/**
 * `Starvation.times` of a report: which of `times`, oldest first, overlap a range, as ages at its end. What was not known at the end
 * of the range is left out, so that a report of the past says what the live one said.
 */
export function starvedTimesIn(
  times: readonly TimeRange[],
  { fromMs, toMs }: TimeRange,
): NonNullable<Starvation['times']> {
  const joined: TimeRange[] = [];
  for (const time of times) {
    if (time.fromMs > toMs - STARVED_SECOND_MS) break;
    const last = joined.at(-1);
    if (last !== undefined && time.fromMs - last.toMs <= JOIN_GAP_MS) last.toMs = time.toMs;
    else joined.push({ ...time });
  }
  return joined
    .filter((time) => time.toMs >= fromMs)
    .slice(-MAX_STARVED_TIMES)
    .map((time) => [Math.round(toMs - time.fromMs), Math.max(0, Math.round(toMs - time.toMs))]);
}

const linkIndex = v.pipe(v.number(), v.integer());
const detailSchema = v.tuple([linkIndex, v.boundedText(MAX_DETAIL_LENGTH)]);
export const detailsSchema = v.boundedArray(detailSchema, MAX_DETAILS);
export const probesSchema = v.boundedArray(probeSchema, MAX_PROBES);

const peerSchema = v.tuple([v.boundedText(128), v.boundedText(253), v.boundedText(63), v.boundedText(45)]);

const reportSchema = v.object({
  format: v.literal(POD_REPORT_FORMAT),
  /** Who reports, as a claim: readers assign the report to the pod that they asked. uid '': it does not know itself. */
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
  /** How long links have been slow (SLOW_LINK), ms, by index in `links`. This list and the next two are absent if empty. */
  slow: v.exactOptional(v.eachOf(v.tuple([linkIndex, v.finiteNumber]), MAX_DETAILS)),
  /** [link, failures, samples] among its last believed samples: of links that are intermittent or have just recovered. */
  recent: v.exactOptional(v.eachOf(v.tuple([linkIndex, v.wholeNumber, v.wholeNumber]), MAX_DETAILS)),
  /** Which kind of connection alone fails or failed a few samples ago, by index in `links`: see `FailsOnly`. */
  failsOnly: v.exactOptional(v.eachOf(v.tuple([linkIndex, v.picklist(['new', 'open'])]), MAX_DETAILS)),
  stats: v.unknown(),
  udp: v.unknown(),
  windowMs: v.finiteNumber,
  /** null = of now. Else of a past range: `links` have their state at its end, `stats` cover all of it, `windowMs` is its length. */
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

export function encodeMeasured({ links, stats, udp }: Measured, without?: ReadonlySet<string>) {
  return {
    links: encodeColumns(links),
    stats: stats && encodeColumns(stats, without),
    udp: udp && encodeColumns(udp),
  };
}

export function decodeMeasured(
  wire: { links: unknown; stats: unknown; udp: unknown },
  peerCount: number,
  skipped?: v.Skipped,
): Measured {
  const links = decodeLinks(wire.links, peerCount, skipped);
  const { length } = links;
  return { links, stats: decodeStats(wire.stats, length), udp: decodeUdp(wire.udp, length, skipped) };
}

/** Encodes a report as JSON, without its peers if the request named their fingerprint: `knownHash`, '' = it named none. */
export function encodePodReport(report: PodReport, knownHash = ''): string {
  const tuple = ({ uid, name, namespace, podIP }: PeerRef) => [uid, name, namespace, podIP];
  const knowsPeers = knownHash !== '' && knownHash === report.peersHash;
  return JSON.stringify({
    format: POD_REPORT_FORMAT,
    ...report,
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
