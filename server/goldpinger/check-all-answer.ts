import { type Addressing, addressOf } from '../peers/address.ts';
import { goError } from '../protocol/go-errors.ts';
import { FLAG_IPV6, FLAG_NOT_YET, NONE16, outcomeOf, phaseOf, unpack16 } from '../protocol/links.ts';
import type { MergedReport, Mesh } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import {
  externalResult,
  externalResults,
  isWorse,
  type PingResult,
  type PodJson,
  PodResultWriter,
  resultKeys,
} from './check.ts';

/** What `/check_all` needs besides the mesh. */
export interface CheckAllOptions extends Addressing {
  /** The port that pods are called on; error texts contain it. */
  port: number;
  /** The boot time that a pod last gave in answer to our own ping, ms since the epoch; -1 if it never did. */
  bootTimeMs(uid: string): number;
}

/**
 * About how long a piece is, in characters. A whole report of 1000 links would be one string of 180 000 characters, whose
 * thousand parts survive the collection of young garbage: that took a quarter of the time, and a third of the memory.
 */
const PIECE_LENGTH = 8_192;

/** One pod of the answer. Its JSON is made once and written N times. */
interface Entry {
  /** Index in `Mesh.pods`. */
  index: number;
  pod: Pod;
  report: MergedReport;
  /** The key as JSON. */
  key: string;
  /** The host's and the pod's first IP, as JSON. */
  hostIP: string;
  podIP: string;
  /** For results of pings on its first IP, and on its IPv6 address if it has one. */
  pinged: PodJson;
  pinged6: PodJson;
}

/**
 * Goldpinger's `/check_all` as JSON in pieces: for 1000 pods it has 190 MB, which should not be in memory at once.
 * It is made of a mesh that has been collected. Pods that are gone or still starting are left out, because Goldpinger lists
 * running pods only.
 */
export function* checkAllAnswer(mesh: Mesh, options: CheckAllOptions): Generator<string> {
  const writer = new PodResultWriter();
  const entries = entriesOf(mesh, options, writer);
  yield '{"hosts":[';
  for (const [i, { key, hostIP, podIP }] of entries.entries()) {
    yield `${i === 0 ? '' : ','}{"hostIP":${hostIP},"podIP":${podIP},"podName":${key}}`;
  }
  yield ']';
  yield* externalsByTarget(entries);
  yield ',"responses":{';
  const responses = new ResponseWriter(mesh.pods.length, entries, options, writer);
  for (const [i, entry] of entries.entries()) {
    yield `${i === 0 ? '' : ','}${entry.key}:`;
    yield* responses.write(entry);
  }
  yield '}}';
}

/** The pods of the answer, sorted by key as Go sorts its maps. */
function entriesOf(mesh: Mesh, options: CheckAllOptions, writer: PodResultWriter): Entry[] {
  const listed = mesh.reports.flatMap((report) => {
    const pod = mesh.pods[report.pod];
    const isListed = pod?.lifecycle !== 'gone' && (pod?.lifecycle !== 'starting' || report.missing === '');
    return pod !== undefined && isListed ? [{ pod, report }] : [];
  });
  const keys = resultKeys(
    listed.map(({ pod }) => pod),
    mesh.settings.displayNodeName,
  );
  const named = listed.map((entry) => ({ ...entry, name: keys.get(entry.pod.uid) ?? entry.pod.uid }));
  named.sort((a, b) => (a.name < b.name ? -1 : 1));
  return named.map(({ pod, report, name }) => {
    const bootTimeMs = report.bootTimeMs >= 0 ? report.bootTimeMs : options.bootTimeMs(pod.uid);
    const [hostIP = ''] = pod.hostIPs;
    const [podIP = ''] = pod.podIPs;
    const podIP6 = pod.podIPs.find((ip) => ip.includes(':')) ?? podIP;
    return {
      index: report.pod,
      pod,
      report,
      key: JSON.stringify(name),
      hostIP: JSON.stringify(hostIP),
      podIP: JSON.stringify(podIP),
      pinged: writer.podJson(hostIP, podIP, bootTimeMs),
      pinged6: writer.podJson(hostIP, podIP6, bootTimeMs),
    };
  });
}

/** `,"probeResults":{target:{pod:[...]}}`, one piece per target; nothing if no pod probes anything. */
function* externalsByTarget(entries: readonly Entry[]): Generator<string> {
  const targets = new Map<string, Map<string, string[]>>();
  for (const { key, report } of entries) {
    for (const probe of report.probes) {
      if (probe.atMs === 0) continue;
      const byPod = targets.get(probe.target) ?? new Map<string, string[]>();
      targets.set(probe.target, byPod);
      byPod.set(key, [...(byPod.get(key) ?? []), externalResult(probe)]);
    }
  }
  if (targets.size === 0) return;
  let start = ',"probeResults":{';
  for (const [target, results] of [...targets].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const byPod = [...results].map(([key, list]) => `${key}:[${list}]`);
    yield `${start}${JSON.stringify(target)}:{${byPod.join(',')}}`;
    start = ',';
  }
  yield '}';
}

/** Writes reports of the mesh as Goldpinger's answers to `/check`. */
class ResponseWriter {
  readonly #podCount: number;
  readonly #entries: readonly Entry[];
  readonly #options: CheckAllOptions;
  readonly #writer: PodResultWriter;

  constructor(podCount: number, entries: readonly Entry[], options: CheckAllOptions, writer: PodResultWriter) {
    this.#podCount = podCount;
    this.#entries = entries;
    this.#options = options;
    this.#writer = writer;
  }

  /** One entry of `responses` without its key, in pieces. */
  *write({ pod, report, hostIP, podIP }: Entry): Generator<string> {
    if (report.missing === '') {
      yield `{"HostIP":${hostIP},"OK":true,"PodIP":${podIP},"response":{"podResults":{`;
      yield* this.#podResults(report);
      yield `}${externalResults(report.probes)}}}`;
      return;
    }
    const error = goError({
      path: '/check',
      address: addressOf(pod, this.#options),
      port: this.#options.port,
      outcome: report.missing,
      phase: null,
      detail: report.missingDetail,
    });
    yield `{"HostIP":${hostIP},"OK":false,"PodIP":${podIP},"error":${JSON.stringify(error)}}`;
  }

  *#podResults(report: MergedReport): Generator<string> {
    const links = this.#linkToEach(report);
    const details = new Map(report.details);
    let json = '';
    let separator = '';
    for (const entry of this.#entries) {
      const i = links[entry.index] ?? -1;
      if (i === -1) continue;
      const pinged = ((report.links.flags[i] ?? 0) & FLAG_IPV6) === 0 ? entry.pinged : entry.pinged6;
      const result = this.#pingResult(report, i, entry.pod, details.get(i) ?? '');
      json += `${separator}${entry.key}:${this.#writer.write(pinged, result)}`;
      separator = ',';
      if (json.length < PIECE_LENGTH) continue;
      yield json;
      json = '';
    }
    yield json;
  }

  /** Index of the link to each pod of the mesh, -1 without one; of two (IPv4 and IPv6) the worse. */
  #linkToEach({ links }: MergedReport): Int32Array {
    const chosen = new Int32Array(this.#podCount).fill(-1);
    const result = (i: number) => ({ outcome: outcomeOf(links, i), totalUs: unpack16(links.totalUs[i] ?? 0) });
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
      const other = chosen[to] ?? -1;
      if (other === -1 || isWorse(result(i), result(other))) chosen[to] = i;
    }
    return chosen;
  }

  #pingResult({ links, atMs }: MergedReport, i: number, pod: Pod, detail: string): PingResult {
    const outcome = outcomeOf(links, i);
    const age = links.ageMs[i] ?? NONE16;
    let error = '';
    if (outcome !== 'ok') {
      const { port, useHostIP } = this.#options;
      const family = ((links.flags[i] ?? 0) & FLAG_IPV6) === 0 ? 4 : 6;
      const address = addressOf(pod, { families: [family], useHostIP });
      error = goError({ path: '/ping', address, port, outcome, phase: phaseOf(links, i), detail });
    }
    const pingMs = age === NONE16 ? -1 : atMs - unpack16(age);
    return { outcome, pingMs, totalUs: Math.max(0, unpack16(links.totalUs[i] ?? 0)), error };
  }
}
