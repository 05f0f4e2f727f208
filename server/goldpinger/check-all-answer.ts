import { type Addressing, addressOf } from '../peers/address.ts';
import { goError } from '../protocol/go-errors.ts';
import { isWorseResult } from '../protocol/link-state.ts';
import { FLAG_IPV6, FLAG_NOT_YET, NONE16, outcomeOf, phaseOf, unpack16 } from '../protocol/links.ts';
import type { MergedReport, Mesh } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import { type Addressee, externalResult, externalResults, type PingEnd, PodResultWriter, resultKeys } from './check.ts';

/** What the mesh does not tell itself. */
export interface CheckAllOptions extends Addressing {
  /** The port that peers are called on; it stands in error texts. */
  port: number;
  /** When a pod last told us that it booted, ms since the epoch; -1 if it never did. */
  bootTimeMs(uid: string): number;
}

/**
 * About how long a piece gets, in characters. A whole report of 1000 links would be one string of 180 000, whose thousand
 * parts outlive the collection of young garbage: that took a quarter of the time, and a third of the memory, of it all.
 */
const PIECE_LENGTH = 8_192;

/** One pod as it stands in the answer; its parts are made once and written N times. */
interface Entry {
  index: number;
  pod: Pod;
  /** The key as JSON. */
  key: string;
  /** Host's and pod's first IP as JSON. */
  hostIP: string;
  podIP: string;
  /** As the addressee of pings, by its first IP and, where it has one, by IPv6. */
  to: Addressee;
  to6: Addressee;
}

/**
 * Goldpinger's `/check_all` as JSON in pieces: 1000 pods come to 190 MB, which nobody should hold at once.
 * Made of the mesh that has been collected, not of a second round of questions. Pods that are gone or still starting
 * are left out, as Goldpinger lists running pods only.
 */
export function* checkAllAnswer(mesh: Mesh, options: CheckAllOptions): Generator<string> {
  const reports = reportsOf(mesh);
  const results = new PodResultWriter();
  const entries = entriesOf(mesh, options, results);
  yield '{"hosts":[';
  for (const [i, { key, hostIP, podIP }] of entries.entries()) {
    yield `${i === 0 ? '' : ','}{"hostIP":${hostIP},"podIP":${podIP},"podName":${key}}`;
  }
  yield ']';
  yield* externalsByTarget(entries, reports);
  yield ',"responses":{';
  const writer = new ReportWriter(mesh, entries, options, results);
  for (const [i, entry] of entries.entries()) {
    const report = reports.get(entry.index);
    if (report === undefined) continue;
    yield `${i === 0 ? '' : ','}${entry.key}:`;
    yield* writer.write(entry, report);
  }
  yield '}}';
}

function reportsOf(mesh: Mesh): Map<number, MergedReport> {
  return new Map(mesh.reports.map((report) => [report.pod, report]));
}

/** The pods of the answer, sorted by key as Go sorts its maps. */
function entriesOf(mesh: Mesh, options: CheckAllOptions, writer: PodResultWriter): Entry[] {
  const reports = reportsOf(mesh);
  const isListed = (pod: Pod, i: number) =>
    pod.lifecycle !== 'gone' && (pod.lifecycle !== 'starting' || reports.get(i)?.missing === '') && reports.has(i);
  const listed = mesh.pods.map((pod, index) => ({ pod, index })).filter(({ pod, index }) => isListed(pod, index));
  const keys = resultKeys(
    listed.map(({ pod }) => pod),
    mesh.settings.displayNodeName,
  );
  const named = listed.map(({ pod, index }) => ({ pod, index, name: keys.get(pod.uid) ?? pod.uid }));
  named.sort((a, b) => (a.name < b.name ? -1 : 1));
  return named.map(({ pod, index, name }) => {
    const told = reports.get(index)?.bootTimeMs ?? -1;
    const bootTimeMs = told >= 0 ? told : options.bootTimeMs(pod.uid);
    const [hostIP = ''] = pod.hostIPs;
    const [podIP = ''] = pod.podIPs;
    const podIP6 = pod.podIPs.find((ip) => ip.includes(':')) ?? podIP;
    return {
      index,
      pod,
      key: JSON.stringify(name),
      hostIP: JSON.stringify(hostIP),
      podIP: JSON.stringify(podIP),
      to: writer.addressee(hostIP, podIP, bootTimeMs),
      to6: writer.addressee(hostIP, podIP6, bootTimeMs),
    };
  });
}

/** `,"probeResults":{target:{pod:[...]}}`, one piece a target; nothing where no pod probes anything. */
function* externalsByTarget(entries: readonly Entry[], reports: ReadonlyMap<number, MergedReport>): Generator<string> {
  const targets = new Map<string, Map<string, string[]>>();
  for (const { index, key } of entries) {
    for (const probe of reports.get(index)?.probes ?? []) {
      if (probe.atMs === 0) continue;
      const byPod = targets.get(probe.target) ?? new Map<string, string[]>();
      targets.set(probe.target, byPod);
      byPod.set(key, [...(byPod.get(key) ?? []), externalResult(probe)]);
    }
  }
  if (targets.size === 0) return;
  let start = ',"probeResults":{';
  for (const target of [...targets.keys()].sort()) {
    const byPod = [...(targets.get(target) ?? [])].map(([key, results]) => `${key}:[${results}]`);
    yield `${start}${JSON.stringify(target)}:{${byPod.join(',')}}`;
    start = ',';
  }
  yield '}';
}

/** Writes reports of the mesh as Goldpinger's answers to `/check`. */
class ReportWriter {
  readonly #entries: readonly Entry[];
  /** By index of the pod; those that are left out have none. */
  readonly #byPod: (Entry | undefined)[];
  readonly #options: CheckAllOptions;
  readonly #results: PodResultWriter;

  constructor(mesh: Mesh, entries: readonly Entry[], options: CheckAllOptions, results: PodResultWriter) {
    this.#results = results;
    this.#entries = entries;
    this.#byPod = new Array(mesh.pods.length).fill(undefined);
    for (const entry of entries) this.#byPod[entry.index] = entry;
    this.#options = options;
  }

  /** One entry of `responses` without its key, in pieces. */
  *write({ pod, hostIP, podIP }: Entry, report: MergedReport): Generator<string> {
    if (report.missing === '') {
      yield `{"HostIP":${hostIP},"OK":true,"PodIP":${podIP},"response":{"podResults":{`;
      yield* this.#podResults(report);
      yield `}${externalResults(report.probes)}}}`;
      return;
    }
    const address = addressOf(pod, this.#options);
    const { port } = this.#options;
    const failure = {
      path: '/check',
      address,
      port,
      outcome: report.missing,
      phase: null,
      detail: report.missingDetail,
    };
    yield `{"HostIP":${hostIP},"OK":false,"PodIP":${podIP},"error":${JSON.stringify(goError(failure))}}`;
  }

  *#podResults(report: MergedReport): Generator<string> {
    const links = this.#linkOfEach(report);
    const details = new Map(report.details);
    let json = '';
    let separator = '';
    for (const entry of this.#entries) {
      const i = links[entry.index] ?? -1;
      if (i === -1) continue;
      const to = ((report.links.flags[i] ?? 0) & FLAG_IPV6) === 0 ? entry.to : entry.to6;
      const end = this.#end(report, i, entry, details);
      json += `${separator}${entry.key}:${this.#results.write(to, end)}`;
      separator = ',';
      if (json.length < PIECE_LENGTH) continue;
      yield json;
      json = '';
    }
    yield json;
  }

  /** Index of the link to each pod, -1 without one; of two (IPv4 and IPv6) the worse. */
  #linkOfEach({ links }: MergedReport): Int32Array {
    const chosen = new Int32Array(this.#byPod.length).fill(-1);
    const failed = (i: number) => links.outcome[i] !== 0;
    const us = (i: number) => unpack16(links.totalUs[i] ?? 0);
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
      const other = chosen[to] ?? -1;
      if (other === -1 || isWorseResult(failed(i), us(i), failed(other), us(other))) chosen[to] = i;
    }
    return chosen;
  }

  #end({ links, atMs }: MergedReport, i: number, { pod }: Entry, details: ReadonlyMap<number, string>): PingEnd {
    const outcome = outcomeOf(links, i);
    const age = links.ageMs[i] ?? NONE16;
    let error = '';
    if (outcome !== 'ok') {
      const { port, useHostIP } = this.#options;
      const families: (4 | 6)[] = ((links.flags[i] ?? 0) & FLAG_IPV6) === 0 ? [4] : [6];
      const address = addressOf(pod, { families, useHostIP });
      const phase = phaseOf(links, i);
      error = goError({ path: '/ping', address, port, outcome, phase, detail: details.get(i) ?? '' });
    }
    const pingMs = age === NONE16 ? -1 : atMs - unpack16(age);
    return { outcome, pingMs, totalUs: Math.max(0, unpack16(links.totalUs[i] ?? 0)), error };
  }
}
