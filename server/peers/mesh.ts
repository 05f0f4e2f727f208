import {
  emptyLinks,
  FLAG_NOT_YET,
  type LinkColumns,
  MAX_LINKS,
  NONE16,
  type StatColumns,
  unpack16,
} from '../protocol/links.ts';
import type { MergedReport, MissingReason } from '../protocol/mesh.ts';
import { type PeerRef, type Pod, peersHashOf } from '../protocol/pod.ts';
import type { PodReport } from '../protocol/pod-report.ts';

/** When and how a report came in. */
export interface Arrival {
  /** Index in `Mesh.pods` of the pod that was asked; what the answer claims to be does not count. */
  pod: number;
  atMs: number;
  fetchUs: number;
}

/** The report of a pod that did not give one. */
export function missingReport(arrival: Arrival, missing: MissingReason, missingDetail: string): MergedReport {
  return {
    ...arrival,
    missing,
    missingDetail: missingDetail.slice(0, 300),
    via: 'report',
    bootTimeMs: -1,
    samePeers: false,
    links: emptyLinks(0),
    details: [],
    stats: null,
    probes: [],
    starvation: null,
  };
}

/**
 * A pod's own report as a report of the mesh: links lead to `Mesh.pods` instead of the report's own table, those to pods that
 * we do not know are dropped. `report` is left as it is. `toleranceMs` as in PodIndex: a link to a stranger that has been
 * there for longer shows that the lists differ for good.
 */
export function mergedReportOf(
  report: PodReport,
  arrival: Arrival,
  index: PodIndex,
  toleranceMs: number,
): MergedReport {
  const peers = report.peers ?? [];
  const table = index.ofTable(peers);
  const placed = placedLinks(report.links, table.to, index.ofGone(report.gonePeers));
  const kept = placed.unknown === 0 ? null : keptOf(placed.to);
  return {
    ...arrival,
    missing: '',
    missingDetail: '',
    via: 'report',
    bootTimeMs: report.bootTimeMs,
    samePeers: !table.lacks && !hasSettledStranger(report.links, table.strangers, toleranceMs),
    links: { ...picked({ ...report.links, to: placed.to }, kept), length: report.links.length - placed.unknown },
    details: pickDetails(report.details, report.links.length, kept),
    ...(report.slow === undefined ? {} : { slow: pickDetails(report.slow, report.links.length, kept) }),
    stats: report.stats === null ? null : picked(report.stats, kept),
    probes: report.probes,
    starvation: report.starvation,
  };
}

/** Marks a link to a pod that we do not know; no index of a pod, as there are at most 65535. */
const UNKNOWN = 0xffff;

/** Where the links lead in `Mesh.pods`, and how many lead to pods that we do not know. */
function placedLinks({ to, length }: LinkColumns, peers: Int32Array, gone: Int32Array) {
  const placed = new Uint16Array(length);
  let unknown = 0;
  for (let i = 0; i < length; i++) {
    const ref = to[i] ?? 0;
    const pod = (ref < peers.length ? peers[ref] : gone[ref - peers.length]) ?? -1;
    if (pod === -1) unknown += 1;
    placed[i] = pod === -1 ? UNKNOWN : pod;
  }
  return { to: placed, unknown };
}

function keptOf(to: Uint16Array): number[] {
  const kept: number[] = [];
  for (let i = 0; i < to.length; i++) if (to[i] !== UNKNOWN) kept.push(i);
  return kept;
}

/** Whether a link to a stranger has been there for longer than news take. */
function hasSettledStranger(links: LinkColumns, strangers: readonly number[], toleranceMs: number): boolean {
  if (strangers.length === 0) return false;
  const strange = new Set(strangers);
  for (let i = 0; i < links.length; i++) {
    const since = links.sinceMs[i] ?? NONE16;
    if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0 || since === NONE16) continue;
    if (strange.has(links.to[i] ?? -1) && unpack16(since) > toleranceMs) return true;
  }
  return false;
}

/** The columns with the entries `kept` only; null = all. */
function picked<T extends LinkColumns | StatColumns>(columns: T, kept: readonly number[] | null): T {
  if (kept === null) return columns;
  const result: Record<string, unknown> = { ...columns };
  for (const [name, column] of Object.entries(columns)) {
    if (typeof column === 'number') continue;
    const values = column instanceof Uint8Array ? new Uint8Array(kept.length) : new Uint16Array(kept.length);
    for (const [i, old] of kept.entries()) values[i] = column[old] ?? 0;
    result[name] = values;
  }
  return result as unknown as T;
}

/** What is told of links that there are, by their new indexes. */
function pickDetails<T>(
  details: readonly [link: number, told: T][],
  length: number,
  kept: readonly number[] | null,
): [link: number, told: T][] {
  if (details.length === 0) return [];
  if (kept === null) return details.filter(([link]) => link >= 0 && link < length);
  const newIndex = new Map(kept.map((old, i) => [old, i]));
  const picked: [number, T][] = [];
  for (const [link, told] of details) {
    const i = newIndex.get(link);
    if (i !== undefined) picked.push([i, told]);
  }
  return picked;
}

/** A table of peers and its fingerprint. */
export interface PeersTable {
  hash: string;
  peers: PeerRef[];
}

/** The most different tables kept: more only means that peers send theirs again. */
const MAX_TABLES = 16;

/**
 * The tables of peers that reports came with, so that 1000 pods that know the same peers need not say so 1000 times: 3 ms
 * and 110 kB each. Only a table that bears its fingerprint rightly is kept, so a false one garbles its sender's report only.
 */
export class PeerTables {
  readonly #tables = new Map<string, PeerRef[]>();
  /** What each pod last answered with, and what our own fingerprint was then. */
  readonly #byPod = new Map<string, { hash: string; ownHash: string }>();
  /** How many answers of this collection had which table. */
  readonly #votes = new Map<string, number>();

  /** Kept tables; for tests of the bound. */
  get size(): number {
    return this.#tables.size;
  }

  /**
   * The table to offer to pod `uid`: the one it last answered with, if nothing has changed here since; else the one
   * that most of the others have answered with, as news reaches everybody at about the same time; else our own.
   */
  offer(uid: string, own: PeersTable | null): PeersTable | null {
    const last = this.#byPod.get(uid);
    if (last !== undefined && last.ownHash === own?.hash) return this.#kept(last.hash) ?? own;
    let [best, votes] = [own, this.#votes.get(own?.hash ?? '') ?? 0];
    for (const [hash, count] of this.#votes) {
      const table = count > votes ? this.#kept(hash) : null;
      if (table !== null) [best, votes] = [table, count];
    }
    return best;
  }

  /** Takes the table of pod `uid`'s report; gives the shared copy of it. `own` as in `offer`. */
  keep(
    uid: string,
    { peersHash: hash, peers: sent }: Pick<PodReport, 'peersHash' | 'peers'>,
    own: PeersTable | null,
  ): PeerRef[] {
    const peers = sent ?? [];
    const shared = own?.hash === hash ? own.peers : this.#tables.get(hash);
    if (peers !== shared && peersHashOf(peers) !== hash) {
      this.#byPod.delete(uid);
      return peers;
    }
    if (own?.hash === hash) this.#byPod.delete(uid);
    else this.#byPod.set(uid, { hash, ownHash: own?.hash ?? '' });
    if (this.#votes.size < MAX_TABLES || this.#votes.has(hash)) this.#votes.set(hash, (this.#votes.get(hash) ?? 0) + 1);
    if (shared !== undefined) return sameUids(shared, peers) ? shared : peers;
    this.#tables.set(hash, peers);
    const oldest = this.#tables.keys().next();
    if (this.#tables.size > MAX_TABLES && !oldest.done) this.#tables.delete(oldest.value);
    return peers;
  }

  /** Begins a collection among the pods `uids`: forgets others, and what tables were common before. */
  begin(uids: ReadonlySet<string>): void {
    for (const uid of this.#byPod.keys()) if (!uids.has(uid)) this.#byPod.delete(uid);
    this.#votes.clear();
  }

  #kept(hash: string): PeersTable | null {
    const peers = this.#tables.get(hash);
    if (peers === undefined) return null;
    this.#tables.delete(hash);
    this.#tables.set(hash, peers);
    return { hash, peers };
  }
}

/** Whether two tables of one fingerprint are one: fingerprints are no proof against malice. */
function sameUids(a: readonly PeerRef[], b: readonly PeerRef[]): boolean {
  return a === b || (a.length === b.length && a.every((peer, i) => peer.uid === b[i]?.uid));
}

/** Where one table of peers lies in the mesh, and how it differs from what we know. */
interface TableMap {
  /** Index in `Mesh.pods` by index in the table; -1 = not known to us. */
  to: Int32Array;
  /** Whether a pod that everybody should know by now is missing in it. */
  lacks: boolean;
  /** Entries that we do not know or hold for gone since long, by index in the table. */
  strangers: number[];
}

/**
 * Finds the pods that peers speak of among `pods`. Made once a collection.
 * Lists may differ while a change is on its way to everybody: only pods in their stage for more than `toleranceMs`
 * count as a difference.
 */
export class PodIndex {
  readonly #pods: Pod[];
  readonly #adopt: ((peer: PeerRef) => Pod | null) | null;
  readonly #sinceMs: number;
  readonly #byUid = new Map<string, number>();
  readonly #byName = new Map<string, number[]>();
  readonly #byNode = new Map<string, number[]>();
  readonly #byIP = new Map<string, number>();
  readonly #maps = new Map<readonly PeerRef[], TableMap>();

  /** `adopt` makes a pod of one that only a peer names; null = it stays a stranger. */
  constructor(
    pods: readonly Pod[],
    nowMs: number,
    toleranceMs: number,
    adopt: ((peer: PeerRef) => Pod | null) | null = null,
  ) {
    this.#pods = [...pods];
    this.#adopt = adopt;
    this.#sinceMs = nowMs - toleranceMs;
    for (const [i, pod] of pods.entries()) {
      this.#byUid.set(pod.uid, i);
      push(this.#byName, pod.name, i);
      if (pod.lifecycle === 'gone') continue;
      if (pod.node !== '') push(this.#byNode, pod.node, i);
      for (const ip of pod.podIPs) if (!this.#byIP.has(ip)) this.#byIP.set(ip, i);
    }
  }

  /** The pods, those adopted at the end. */
  get pods(): readonly Pod[] {
    return this.#pods;
  }

  /** Index of the pod with this uid, -1 without one. */
  ofUid(uid: string): number {
    return this.#byUid.get(uid) ?? -1;
  }

  /** The map of a table of peers that are not gone; computed once for tables that are shared. */
  ofTable(peers: readonly PeerRef[]): TableMap {
    const found = this.#maps.get(peers);
    if (found !== undefined) return found;
    const to = Int32Array.from(peers, (peer) => this.#placeOf(peer));
    const strangers = [...to.keys()].filter((i) => this.#isStrange(to[i] ?? -1));
    const map = { to, lacks: this.lacks(new Set(to)), strangers };
    this.#maps.set(peers, map);
    return map;
  }

  /** Indexes of departed peers; nothing is concluded from them. */
  ofGone(peers: readonly PeerRef[]): Int32Array {
    return Int32Array.from(peers, (peer) => this.#ofRef(peer));
  }

  /** Whether a settled ready pod is missing among `known`. */
  lacks(known: ReadonlySet<number>): boolean {
    return this.#pods.some((pod, i) => pod.lifecycle === 'ready' && pod.sinceMs <= this.#sinceMs && !known.has(i));
  }

  /**
   * The pod that a key of Goldpinger's `/check` means: a pod's name, or its node's with DISPLAY_NODENAME; where
   * several bear it, or none, the IP decides. -1 if we do not know it.
   */
  ofKey(key: string, podIP: string): number {
    const named = this.#byName.get(key) ?? this.#byNode.get(key) ?? [];
    const alive = named.filter((i) => this.#pods[i]?.lifecycle !== 'gone');
    const fits = (i: number) => this.#pods[i]?.podIPs.includes(podIP) === true;
    return alive.find(fits) ?? (alive.length === 1 ? alive[0] : this.#byIP.get(podIP)) ?? named[0] ?? -1;
  }

  /** Whether pod `i` of a peer's list of living pods should not be there: unknown to us, or gone since long. */
  #isStrange(i: number): boolean {
    const pod = this.#pods[i];
    return pod === undefined || (pod.lifecycle === 'gone' && pod.sinceMs <= this.#sinceMs);
  }

  #placeOf(peer: PeerRef): number {
    const known = this.#ofRef(peer);
    const adopted = known === -1 && this.#pods.length < MAX_LINKS ? (this.#adopt?.(peer) ?? null) : null;
    if (adopted === null) return known;
    this.#byUid.set(peer.uid, this.#pods.length);
    return this.#pods.push(adopted) - 1;
  }

  /** By uid. By name only where the peer knows no uid: a known uid that is not ours is another pod of that name. */
  #ofRef(peer: PeerRef): number {
    if (peer.uid !== '') return this.ofUid(peer.uid);
    return this.#byName.get(peer.name)?.find((i) => this.#pods[i]?.namespace === peer.namespace) ?? -1;
  }
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** How many meshes there may be at once: those that are collected, and those that are kept for who asks next. */
interface MatrixBounds {
  now: { running: number; kept: number };
  past: { running: number; kept: number };
}

/** Up to so many links (300 pods that all ping each other) a mesh is small. */
const MANY_LINKS = 90_000;
const SMALL: MatrixBounds = { now: { running: 4, kept: 4 }, past: { running: 4, kept: 3 } };
const LARGE: MatrixBounds = { now: { running: 2, kept: 1 }, past: { running: 1, kept: 1 } };

/**
 * The bounds for a mesh of `podCount` pods that ping `pingNumber` others each, 0 = all. Any client may ask for any window
 * and any time range, so this bounds what plain GETs make us hold. A link takes 14 bytes and its statistics 18
 * (`LINK_BYTES`, `STAT_BYTES`; twice that where both IP families are pinged):
 * 300 pods: 90 000 links, 2.9 MB a mesh, 15 of them 43 MB.
 * 1000 pods: 1 million links, 32 MB a mesh, 5 of them 160 MB; 15 would be 480 MB.
 */
export function meshBounds(podCount: number, pingNumber: number): MatrixBounds {
  const links = podCount * (pingNumber > 0 ? Math.min(pingNumber, podCount) : podCount);
  return links > MANY_LINKS ? LARGE : SMALL;
}
