import { type Addressing, addressOf } from '../peers/peer-client.ts';
import { goError } from '../protocol/go-errors.ts';
import { FLAG_IPV6, FLAG_NOT_YET, type LinkColumns, NONE16, outcomeOf, phaseOf, unpack16 } from '../protocol/links.ts';
import type { MergedReport, Mesh } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import {
  externalResults,
  isoTimes,
  isWorse,
  type PodJson,
  podJson,
  probeResultsJson,
  resultJson,
  resultKeys,
} from './check.ts';

/** What `/check_all` needs besides the mesh. */
export interface CheckAllOptions extends Addressing {
  /** The port that pods are called on; error texts contain it. */
  port: number;
  /** The boot time that a pod last gave in answer to our own ping, ms since the epoch; -1 if it never did. */
  bootTimeMs(uid: string): number;
}

/** About how many characters of results are one piece. */
const PIECE_LENGTH = 8_192;

/** One pod of the answer. Its JSON is made once and written N times. */
interface Entry {
  pod: Pod;
  report: MergedReport;
  key: string;
  /** The host's and the pod's first IP, as JSON. */
  hostIP: string;
  podIP: string;
  /** Of pings on its first IP, and on its IPv6 address if it has one. */
  pinged: [first: PodJson, ipv6: PodJson];
}

/**
 * Goldpinger's `/check_all` as JSON, made of a collected mesh. Pods that are gone are left out, and starting ones that do not answer
 * yet, because Goldpinger lists running pods only.
 *
 * It comes in pieces for `sendPieces`: for 1000 pods it has 190 MB, which should not be in memory at once. Empty pieces only let
 * `sendPieces` pause within long work.
 */
export function* checkAllAnswer(mesh: Mesh, options: CheckAllOptions): Generator<string> {
  const entries = yield* entriesOf(mesh, options);
  yield '{"hosts":[';
  for (const [i, { key, hostIP, podIP }] of entries.entries()) {
    yield `${i === 0 ? '' : ','}{"hostIP":${hostIP},"podIP":${podIP},"podName":${key}}`;
  }
  yield ']';
  yield* externalsByTarget(entries);
  yield ',"responses":{';
  const timeText = isoTimes();
  let comma = '';
  for (const { pod, report, key, hostIP, podIP } of entries) {
    const { missing } = report;
    // Passive pods are hosts, and have no result: they were not asked.
    if (missing === 'passive') continue;
    const start = `${comma}${key}:{"HostIP":${hostIP},"OK":${missing === ''},"PodIP":${podIP}`;
    comma = ',';
    if (missing === '') {
      yield `${start},"response":{"podResults":{`;
      yield* podResults(report, entries, mesh.pods.length, options, timeText);
      yield `}${probeResultsJson(report.probes)}}}`;
    } else {
      const address = addressOf(pod, options);
      const { missingDetail: detail } = report;
      const error = goError({ path: '/check', address, port: options.port, outcome: missing, phase: null, detail });
      yield `${start},"error":${JSON.stringify(error)}}`;
    }
  }
  yield '}}';
}

/**
 * The pods of the answer, sorted by key as Go sorts its maps. Yields an empty piece after each pod, because a thousand take several
 * milliseconds.
 */
function* entriesOf(mesh: Mesh, options: CheckAllOptions): Generator<string, Entry[]> {
  const listed = mesh.reports.flatMap((report) => {
    const pod = mesh.pods[report.pod];
    const isListed = pod?.lifecycle !== 'gone' && (pod?.lifecycle !== 'starting' || report.missing === '');
    return pod !== undefined && isListed ? [{ pod, report }] : [];
  });
  yield '';
  const keys = resultKeys(
    listed.map(({ pod }) => pod),
    mesh.settings.displayNodeName,
  );
  yield '';
  const named = listed.map((entry) => ({ ...entry, name: keys.get(entry.pod.uid) ?? entry.pod.uid }));
  named.sort((a, b) => (a.name < b.name ? -1 : 1));
  const entries: Entry[] = [];
  for (const { pod, report, name } of named) {
    yield '';
    const bootTimeMs = report.bootTimeMs >= 0 ? report.bootTimeMs : options.bootTimeMs(pod.uid);
    const [hostIP = ''] = pod.hostIPs;
    const [podIP = ''] = pod.podIPs;
    const podIP6 = pod.podIPs.find((ip) => ip.includes(':')) ?? podIP;
    const first = podJson(name, hostIP, podIP, bootTimeMs);
    entries.push({
      pod,
      report,
      key: JSON.stringify(name),
      hostIP: JSON.stringify(hostIP),
      podIP: JSON.stringify(podIP),
      pinged: [first, podIP6 === podIP ? first : podJson(name, hostIP, podIP6, bootTimeMs)],
    });
  }
  return entries;
}

/** `,"probeResults":{target:{pod:[...]}}`, one piece per target; nothing if no pod probes anything. */
function* externalsByTarget(entries: readonly Entry[]): Generator<string> {
  const targets = new Map<string, string[]>();
  for (const { key, report } of entries) {
    for (const [target, results] of externalResults(report.probes)) {
      const pods = targets.get(target) ?? [];
      targets.set(target, pods);
      pods.push(`${key}:[${results.join(',')}]`);
    }
  }
  let start = ',"probeResults":{';
  for (const [target, pods] of [...targets].sort(([a], [b]) => (a < b ? -1 : 1))) {
    yield `${start}${JSON.stringify(target)}:{${pods.join(',')}}`;
    start = ',';
  }
  if (targets.size > 0) yield '}';
}

/** One pod's `podResults` without its braces, in pieces. */
function* podResults(
  { links, atMs, details }: MergedReport,
  entries: readonly Entry[],
  podCount: number,
  options: CheckAllOptions,
  timeText: (ms: number) => string,
): Generator<string> {
  const linkTo = linksByPod(links, podCount);
  const detailOf = new Map(details);
  /** The comma before the first result is left out. */
  let skip = 1;
  let piece = '';
  for (const { pod, report, pinged } of entries) {
    const i = linkTo[report.pod] ?? -1;
    if (i < 0) continue;
    const family = ((links.flags[i] ?? 0) & FLAG_IPV6) === 0 ? 0 : 1;
    const outcome = outcomeOf(links, i);
    const ageMs = unpack16(links.ageMs[i] ?? NONE16);
    const pingMs = ageMs < 0 ? -1 : atMs - ageMs;
    const totalUs = Math.max(0, unpack16(links.totalUs[i] ?? 0));
    let error = '';
    if (outcome !== 'ok') {
      const address = addressOf(pod, { ...options, families: [family === 0 ? 4 : 6] });
      const detail = detailOf.get(i) ?? '';
      error = goError({ path: '/ping', address, port: options.port, outcome, phase: phaseOf(links, i), detail });
    }
    piece += resultJson(pinged[family], { outcome, pingMs, totalUs, error }, timeText);
    if (piece.length < PIECE_LENGTH) continue;
    yield piece.slice(skip);
    skip = 0;
    piece = '';
  }
  yield piece.slice(skip);
}

/** By index of the pod in the mesh: the link to it, of those over IPv4 and IPv6 the worse; -1 = none. */
function linksByPod(links: LinkColumns, podCount: number): Int32Array {
  const linkTo = new Int32Array(podCount).fill(-1);
  const result = (i: number) => ({ outcome: outcomeOf(links, i), totalUs: unpack16(links.totalUs[i] ?? 0) });
  for (let i = 0; i < links.length; i++) {
    if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
    const to = links.to[i] ?? 0;
    const other = linkTo[to] ?? -1;
    if (other < 0 || isWorse(result(i), result(other))) linkTo[to] = i;
  }
  return linkTo;
}
