import { type Addressing, addressOf } from '../peers/address.ts';
import { goError } from '../protocol/go-errors.ts';
import { FLAG_IPV6, FLAG_NOT_YET, NONE16, outcomeOf, phaseOf, unpack16 } from '../protocol/links.ts';
import type { Mesh, MeshRow } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import {
  type Addressee,
  externalResult,
  externalResults,
  isWorse,
  type PingEnd,
  PodResultWriter,
  resultKeys,
} from './check.ts';

/** What the matrix does not tell itself. */
export interface CheckAllOptions extends Addressing {
  /** The port that peers are called on; it stands in error texts. */
  port: number;
  /** When a pod last told us that it booted, ms since the epoch; -1 if it never did. */
  bootTimeMs(uid: string): number;
}

/**
 * About how long a piece gets, in characters. A whole row of 1000 links would be one string of 180 000, whose thousand
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
 * Made of the matrix that has been collected, not of a second round of questions. Pods that are gone or still starting
 * are left out, as Goldpinger lists running pods only.
 */
export function* checkAllAnswer(mesh: Mesh, options: CheckAllOptions): Generator<string> {
  const rows = rowsOf(mesh);
  const results = new PodResultWriter();
  const entries = entriesOf(mesh, options, results);
  yield '{"hosts":[';
  for (const [i, { key, hostIP, podIP }] of entries.entries()) {
    yield `${i === 0 ? '' : ','}{"hostIP":${hostIP},"podIP":${podIP},"podName":${key}}`;
  }
  yield ']';
  yield* externalsByTarget(entries, rows);
  yield ',"responses":{';
  const writer = new RowWriter(mesh, entries, options, results);
  for (const [i, entry] of entries.entries()) {
    const row = rows.get(entry.index);
    if (row === undefined) continue;
    yield `${i === 0 ? '' : ','}${entry.key}:`;
    yield* writer.write(entry, row);
  }
  yield '}}';
}

function rowsOf(mesh: Mesh): Map<number, MeshRow> {
  return new Map(mesh.rows.map((row) => [row.pod, row]));
}

/** The pods of the answer, sorted by key as Go sorts its maps. */
function entriesOf(mesh: Mesh, options: CheckAllOptions, writer: PodResultWriter): Entry[] {
  const rows = rowsOf(mesh);
  const isListed = (pod: Pod, i: number) =>
    pod.lifecycle !== 'gone' && (pod.lifecycle !== 'starting' || rows.get(i)?.missing === '') && rows.has(i);
  const listed = mesh.pods.map((pod, index) => ({ pod, index })).filter(({ pod, index }) => isListed(pod, index));
  const keys = resultKeys(
    listed.map(({ pod }) => pod),
    mesh.settings.displayNodeName,
  );
  const named = listed.map(({ pod, index }) => ({ pod, index, name: keys.get(pod.uid) ?? pod.uid }));
  named.sort((a, b) => (a.name < b.name ? -1 : 1));
  return named.map(({ pod, index, name }) => {
    const told = rows.get(index)?.bootTimeMs ?? -1;
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
function* externalsByTarget(entries: readonly Entry[], rows: ReadonlyMap<number, MeshRow>): Generator<string> {
  const targets = new Map<string, Map<string, string[]>>();
  for (const { index, key } of entries) {
    for (const probe of rows.get(index)?.probes ?? []) {
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

/** Writes rows of the matrix as Goldpinger's answers to `/check`. */
class RowWriter {
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
  *write({ pod, hostIP, podIP }: Entry, row: MeshRow): Generator<string> {
    if (row.missing === '') {
      yield `{"HostIP":${hostIP},"OK":true,"PodIP":${podIP},"response":{"podResults":{`;
      yield* this.#podResults(row);
      yield `}${externalResults(row.probes)}}}`;
      return;
    }
    const address = addressOf(pod, this.#options);
    const { port } = this.#options;
    const failure = { path: '/check', address, port, outcome: row.missing, phase: null, detail: row.missingDetail };
    yield `{"HostIP":${hostIP},"OK":false,"PodIP":${podIP},"error":${JSON.stringify(goError(failure))}}`;
  }

  *#podResults(row: MeshRow): Generator<string> {
    const links = this.#linkOfEach(row);
    const details = new Map(row.details);
    let json = '';
    let separator = '';
    for (const entry of this.#entries) {
      const i = links[entry.index] ?? -1;
      if (i === -1) continue;
      const to = ((row.links.flags[i] ?? 0) & FLAG_IPV6) === 0 ? entry.to : entry.to6;
      const end = this.#end(row, i, entry, details);
      json += `${separator}${entry.key}:${this.#results.write(to, end)}`;
      separator = ',';
      if (json.length < PIECE_LENGTH) continue;
      yield json;
      json = '';
    }
    yield json;
  }

  /** Index of the link to each pod, -1 without one; of two (IPv4 and IPv6) the worse. */
  #linkOfEach({ links }: MeshRow): Int32Array {
    const chosen = new Int32Array(this.#byPod.length).fill(-1);
    const end = (i: number) => ({ outcome: outcomeOf(links, i), totalUs: unpack16(links.totalUs[i] ?? 0) });
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
      const other = chosen[to] ?? -1;
      if (other === -1 || isWorse(end(i), end(other))) chosen[to] = i;
    }
    return chosen;
  }

  #end({ links, atMs }: MeshRow, i: number, { pod }: Entry, details: ReadonlyMap<number, string>): PingEnd {
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
