import { MeshCounts } from '../../server/analysis/findings/counts.ts';
import { analysisOf } from '../../server/analysis/findings/evidence.ts';
import { findingsFrom } from '../../server/analysis/findings/findings.ts';
import { healthFrom } from '../../server/peers/cluster-health.ts';
import type { EventPod } from '../../server/protocol/event.ts';
import type { Finding } from '../../server/protocol/finding.ts';
import { isSlow } from '../../server/protocol/link-state.ts';
import {
  emptyLinks,
  emptyStats,
  FLAG_NOT_YET,
  FLAG_SLOW,
  type LinkColumns,
  pack16,
  phaseFlag,
  type StatColumns,
} from '../../server/protocol/links.ts';
import type { MergedReport, Mesh, MeshSettings, MissingReason } from '../../server/protocol/mesh.ts';
import {
  type DiscoverySnapshot,
  type DiscoveryStatus,
  type PeerRef,
  type Pod,
  peersHashOf,
} from '../../server/protocol/pod.ts';
import type { PodReport } from '../../server/protocol/pod-report.ts';
import { OUTCOMES, type Outcome, type Phase } from '../../server/protocol/sample.ts';
import { emptyUdp, type UdpColumns, writeLoss, writeUdp } from '../../server/protocol/udp.ts';
import { runToEnd } from './generator.ts';

/** The moment at which all tests of the mesh play, ms since the epoch. */
export const NOW_MS = Date.UTC(2026, 10, 22, 15, 0, 0, 0);

/** A ready pod number `n`, alone on its node, an hour old. */
export function podOf(n: number, change: Partial<Pod> = {}): Pod {
  return {
    uid: `uid-${n}`,
    name: `pod-${n}`,
    namespace: 'default',
    node: `node-${n}`,
    zone: '',
    cordon: '',
    podIPs: [`127.0.${Math.floor(n / 250)}.${(n % 250) + 1}`],
    hostIPs: [`10.0.${Math.floor(n / 250)}.${(n % 250) + 1}`],
    lifecycle: 'ready',
    sinceMs: NOW_MS - 3_600_000,
    createdMs: NOW_MS - 3_600_000,
    owner: '',
    reason: '',
    goneByMs: 0,
    labels: '',
    unseenMs: 0,
    replacedBy: '',
    ...change,
  };
}

/** `count` ready pods. */
export function podsOf(count: number): Pod[] {
  return Array.from({ length: count }, (_, n) => podOf(n));
}

/** `count` ready pods; `reads`: how often a property of one of them, or of another `watched` pod, was read. */
export function countedPods(count: number) {
  let reads = 0;
  const get = (pod: Pod, property: string | symbol) => {
    reads += 1;
    return Reflect.get(pod, property);
  };
  const watched = (pod: Pod) => new Proxy(pod, { get });
  return { pods: podsOf(count).map(watched), watched, reads: () => reads };
}

/** A pod as its peers name it. */
export function refOf(pod: Pod): PeerRef {
  return { uid: pod.uid, name: pod.name, namespace: pod.namespace, podIP: pod.podIPs[0] ?? '' };
}

/** A pod as events name it. */
export function eventPodOf({ uid, name, namespace, node }: Pod): EventPod {
  return { uid, name, namespace, node };
}

/** One link as a test wants it: by default answered within 1 ms, 5 s ago. */
export interface LinkSpec {
  /** Index of the destination. */
  to: number;
  outcome?: Outcome;
  phase?: Phase | null;
  /** -1 = none. */
  connectUs?: number;
  /** -1 = none. */
  firstByteUs?: number;
  totalUs?: number;
  flags?: number;
  ageMs?: number;
  sinceMs?: number;
  notYet?: boolean;
}

/** Writes link `i`. */
export function setLink(links: LinkColumns, i: number, spec: LinkSpec): void {
  links.to[i] = spec.to;
  links.flags[i] = (spec.flags ?? 0) | (spec.notYet ? FLAG_NOT_YET : 0) | phaseFlag(spec.phase ?? null);
  links.outcome[i] = OUTCOMES.indexOf(spec.outcome ?? 'ok');
  links.connectUs[i] = pack16(spec.connectUs ?? 0);
  links.firstByteUs[i] = pack16(spec.firstByteUs ?? 0);
  links.totalUs[i] = pack16(spec.totalUs ?? 1_000);
  links.ageMs[i] = pack16(spec.ageMs ?? 5_000);
  links.sinceMs[i] = pack16(spec.sinceMs ?? 60_000);
}

/** The links of `specs`. */
export function linksOf(specs: readonly LinkSpec[]): LinkColumns {
  const links = emptyLinks(specs.length);
  for (const [i, spec] of specs.entries()) setLink(links, i, spec);
  return links;
}

/** The report of pod `from`, which knows `peers`. `specs`: its links, one to each peer by default. */
export function reportOf(
  from: Pod,
  peers: readonly Pod[],
  specs?: readonly LinkSpec[],
  change: Partial<PodReport> = {},
): PodReport {
  return {
    pod: { uid: from.uid, name: from.name, namespace: from.namespace },
    atMs: NOW_MS,
    bootTimeMs: NOW_MS - 7_200_000,
    peersHash: peersHashOf(peers.map(refOf)),
    peers: peers.map(refOf),
    gonePeers: [],
    links: linksOf(specs ?? peers.map((_, to) => ({ to }))),
    details: [],
    stats: null,
    udp: null,
    windowMs: 0,
    past: null,
    probes: [],
    starvation: { loopDelayP99Us: 0, suspectShare: 0, unreliable: false, sinceMs: 0 },
    discovery: { phase: 'synced', sinceMs: 0, lastGoodMs: 0 },
    ...change,
  };
}

/** The report of pod `pod` (index) in a mesh, with the links of `specs`. */
export function mergedReportOf(
  pod: number,
  specs: readonly LinkSpec[],
  change: Partial<MergedReport> = {},
): MergedReport {
  return {
    pod,
    missing: '',
    missingDetail: '',
    via: 'report',
    atMs: NOW_MS,
    fetchUs: 1_000,
    bootTimeMs: NOW_MS - 7_200_000,
    samePeers: true,
    links: linksOf(specs),
    details: [],
    stats: null,
    udp: null,
    probes: [],
    starvation: null,
    ...change,
  };
}

/** The state of discovery: by default the list of pods is current. */
export function statusOf(change: Partial<DiscoveryStatus> = {}): DiscoveryStatus {
  return {
    phase: 'synced',
    sinceMs: NOW_MS - 3_600_000,
    mode: 'watch',
    lastGoodMs: NOW_MS,
    attempts: 0,
    nextAttemptMs: 0,
    lastError: null,
    namespace: 'default',
    labelSelector: 'app=goldpinger',
    ...change,
  };
}

/** What discovery knows. */
export function snapshotOf(pods: readonly Pod[], change: Partial<DiscoveryStatus> = {}): DiscoverySnapshot {
  return { pods, status: statusOf(change) };
}

/** Goldpinger's default settings. */
export function settingsOf(change: Partial<MeshSettings> = {}): MeshSettings {
  return {
    version: '1.0.0',
    refreshIntervalMs: 30_000,
    jitterFactor: 0.05,
    pingTimeoutMs: 300,
    pingNumber: 0,
    slowLinkMs: 100,
    historyWindowMs: 3_600_000,
    goneRetentionMs: 300_000,
    displayNodeName: false,
    linkTemplates: [],
    ...change,
  };
}

/** A mesh of `reports`, with its health but without findings. By default all pods reach each other. */
export function meshOf(pods: readonly Pod[], reports?: MergedReport[], change: Partial<Mesh> = {}): Mesh {
  const links = pods.map((_, to) => ({ to }));
  const all = reports ?? pods.map((_, from) => mergedReportOf(from, links));
  const servedBy = { pod: 0, name: pods[0]?.name ?? '' };
  const head = { atMs: NOW_MS, discovery: statusOf(), settings: settingsOf(), servedBy, ...change };
  const mesh = { collectMs: 5, ageMs: 0, windowMs: 0, past: null, pods: [...pods], reports: all, ...head };
  return { health: findingsAndHealthOf(mesh).health, findings: [], ...mesh };
}

type MeasuredMesh = Pick<Mesh, 'atMs' | 'pods' | 'reports' | 'settings' | 'discovery' | 'servedBy'>;

/** What the collecting pod makes of the reports of a mesh: its findings and its health. */
export function findingsAndHealthOf(mesh: MeasuredMesh): Pick<Mesh, 'findings' | 'health'> {
  const { atMs, pods, reports, settings, discovery, servedBy } = mesh;
  const counts = new MeshCounts(pods, settings);
  for (const report of reports) counts.add(report);
  const analysis = runToEnd(analysisOf(counts, servedBy.pod)).result;
  const context = { atMs, discovery, servedBy: servedBy.pod };
  return {
    findings: runToEnd(findingsFrom(analysis, context)).result,
    health: runToEnd(healthFrom(analysis, context)).result,
  };
}

/** The findings of a mesh. */
export function findingsOf(mesh: MeasuredMesh): Finding[] {
  return findingsAndHealthOf(mesh).findings;
}

/** How a test spoils one link of a `MeshBuilder`. */
export interface LinkFault {
  outcome?: Outcome;
  phase?: Phase | null;
  connectUs?: number;
  firstByteUs?: number;
  /** Whether only the newest sample is so; the other nine of the window are fine. */
  fresh?: boolean;
  /** More bits of `flags`, for example FLAG_SLOW. */
  flags?: number;
  /** How many of the last 16 samples failed, for an intermittent link. */
  failures?: number;
  /** Which kind of connection alone fails. */
  failsOnly?: 'new' | 'open';
  /**
   * Results of the UDP probe; without them the link has none. `lost` of 10 datagrams of the newest cycle, and `windowLost` of
   * 100 in the window (10 times `lost` by default) did not come back, in as many cycles as can be by default; `roundTripUs` 0.5 ms and 2 hops by default, -1 = unknown.
   */
  udp?: {
    lost?: number;
    windowLost?: number;
    lossCycles?: number;
    roundTripUs?: number;
    hops?: number;
    ageMs?: number;
  };
  /** Age of the newest sample, and for how long the link has had its state, ms. */
  ageMs?: number;
  sinceMs?: number;
}

/** Nothing listens; nothing answers; the connection is open and nothing comes. */
export const REFUSED: LinkFault = { outcome: 'refused', phase: 'connect' };
export const TIMEOUT: LinkFault = { outcome: 'timeout', phase: 'connect' };
export const NO_RESPONSE: LinkFault = { outcome: 'timeout', phase: 'first-byte' };

/** A delay of the response alone, as a proxy causes it, and one of the network in both directions. */
export const LATE_ANSWER: LinkFault = { connectUs: 200, firstByteUs: 251_000 };
export const LATE_NETWORK: LinkFault = { connectUs: 120_000, firstByteUs: 121_000 };

/** How a test spoils a mesh. */
export type MeshChange = (mesh: MeshBuilder) => unknown;

/** A mesh in which all pods reach each other in 0.5 ms, for a test to spoil. */
export class MeshBuilder {
  readonly pods: Pod[];
  readonly reports: MergedReport[];
  status = statusOf();

  /**
   * `n` pods, `perNode` on each node; node k is in zone k modulo `zones`, 0 = zones are unknown. `pingNumber`: how many pods
   * each pings, 0 = all.
   */
  constructor(n: number, { perNode = 1, zones = 0, pingNumber = 0 } = {}) {
    this.pods = Array.from({ length: n }, (_, i) => {
      const node = Math.floor(i / perNode);
      return podOf(i, { node: `node-${node}`, zone: zones === 0 ? '' : `zone-${node % zones}` });
    });
    const linkCount = pingNumber === 0 ? n : Math.min(n, pingNumber);
    // Made once and copied: a mesh of 500 pods has 250 000 links.
    const links = emptyLinks(linkCount);
    const stats = emptyStats(linkCount);
    for (let i = 0; i < linkCount; i++) setFault(links, stats, i, {});
    this.reports = this.pods.map((_, from) => {
      const copy = structuredClone({ links, stats });
      for (let i = 0; i < linkCount; i++) copy.links.to[i] = (from + i) % n;
      return mergedReportOf(from, [], copy);
    });
  }

  get size(): number {
    return this.pods.length;
  }

  /** Whether `from` pings `to` and reports it. */
  has(from: number, to: number): boolean {
    return this.#linkIndex(from, to) >= 0;
  }

  /** Spoils one link; does nothing if it is not pinged or not reported. */
  set(from: number, to: number, fault: LinkFault): this {
    const report = this.reports[from];
    const i = this.#linkIndex(from, to);
    if (report === undefined || i < 0) return this;
    setFault(report.links, report.stats, i, fault);
    if (fault.udp !== undefined) {
      report.udp ??= emptyUdp(report.links.length);
      setUdp(report.udp, i, fault.udp);
    }
    if (fault.failsOnly !== undefined) report.failsOnly = [...(report.failsOnly ?? []), [i, fault.failsOnly]];
    if (fault.failures !== undefined) report.recent = [...(report.recent ?? []), [i, fault.failures, 16]];
    return this;
  }

  /** Turns the UDP probe of all pods on: every link has lost no datagram. */
  withUdp(): this {
    return this.each(() => true, { udp: {} }, true);
  }

  /** Makes one link not yet probed. */
  notYet(from: number, to: number): this {
    return this.set(from, to, { flags: FLAG_NOT_YET });
  }

  /** Spoils every link for which `picks` is true; that of a pod to itself only with `self`. */
  each(picks: (from: number, to: number) => boolean, fault: LinkFault, self = false): this {
    for (let from = 0; from < this.size; from++) {
      for (let to = 0; to < this.size; to++) if ((self || from !== to) && picks(from, to)) this.set(from, to, fault);
    }
    return this;
  }

  /** Spoils the links of all other pods to one; with `self` also its link to itself. */
  into(pod: number, fault: LinkFault, self = false): this {
    return this.each((_, to) => to === pod, fault, self);
  }

  /** Spoils the links of one pod to all others. */
  outOf(pod: number, fault: LinkFault): this {
    return this.each((from) => from === pod, fault);
  }

  pod(i: number, change: Partial<Pod>): this {
    this.pods[i] = { ...(this.pods[i] ?? podOf(i)), ...change };
    return this;
  }

  report(i: number, change: Partial<MergedReport>): this {
    this.reports[i] = { ...(this.reports[i] ?? mergedReportOf(i, [])), ...change };
    return this;
  }

  /** Lets the report of a pod be missing. */
  silence(pod: number, reason: MissingReason = 'timeout'): this {
    this.reports[pod] = mergedReportOf(pod, [], { missing: reason, missingDetail: 'words' });
    return this;
  }

  /** Lets the process of a pod be starved, so that half of its links look bad. */
  starve(pod: number): this {
    for (let to = 0; to < this.size; to += 2) this.set(pod, to, { outcome: 'timeout', phase: 'connect' });
    const sinceMs = NOW_MS - 20_000;
    return this.#setStarvation(pod, { loopDelayP99Us: 140_000, suspectShare: 0.9, unreliable: true, sinceMs });
  }

  /** Lets the event loop of a pod be late at the moment, not for long enough to make its report unreliable. */
  delayLoop(pod: number): this {
    return this.#setStarvation(pod, { loopDelayP99Us: 140_000 });
  }

  /** Lets the event loop of a pod have been late from and until so long ago; `isNow`: and be late now. */
  wasLate(pod: number, times: [fromAgeMs: number, toAgeMs: number][], isNow = false): this {
    return this.#setStarvation(pod, { loopDelayP99Us: isNow ? 140_000 : 0, times });
  }

  /** Lets the process of a pod have been starved until `agoMs` ago. */
  recover(pod: number, agoMs: number): this {
    return this.#setStarvation(pod, { suspectShare: 0.2, sinceMs: NOW_MS - agoMs });
  }

  /** The findings, as pod `servedBy` (index) collected the mesh. */
  findings(servedBy = 0): Finding[] {
    return findingsOf({
      atMs: NOW_MS,
      pods: this.pods,
      reports: this.reports,
      settings: settingsOf(),
      discovery: this.status,
      servedBy: { pod: servedBy, name: '' },
    });
  }

  /** The only finding. */
  onlyFinding(): Finding {
    const [finding, ...others] = this.findings();
    if (finding !== undefined && others.length === 0) return finding;
    throw new Error(`not one finding: ${JSON.stringify(this.findings().map(({ title }) => title))}`);
  }

  #setStarvation(pod: number, change: Partial<NonNullable<MergedReport['starvation']>>): this {
    const calm = { loopDelayP99Us: 0, suspectShare: 0, unreliable: false, sinceMs: 0 };
    return this.report(pod, { starvation: { ...calm, ...change } });
  }

  #linkIndex(from: number, to: number): number {
    const links = this.reports[from]?.links;
    if (links === undefined || links.length === 0) return -1;
    const i = (to - from + this.size) % this.size;
    return i < links.length ? i : -1;
  }
}

/** Writes results of the UDP probe of link `i`. */
function setUdp(udp: UdpColumns, i: number, spec: NonNullable<LinkFault['udp']>): void {
  const {
    lost = 0,
    windowLost = 10 * lost,
    lossCycles = Math.min(windowLost, 10),
    roundTripUs = 500,
    hops = 2,
    ageMs = 5_000,
  } = spec;
  const rttUs = lost >= 10 ? -1 : roundTripUs;
  writeUdp(udp, i, { sent: 10, lost, rttUs, duplicates: 0, outOfOrder: 0, hops }, ageMs);
  writeLoss(udp, i, { sent: 100, lost: windowLost, lossCycles });
}

function setFault(links: LinkColumns, stats: StatColumns | null, i: number, fault: LinkFault): void {
  const { outcome = 'ok', phase = null, connectUs = 200, firstByteUs = 300, fresh = false } = fault;
  const isOk = outcome === 'ok';
  // A pod calls a link slow after several slow samples in a row.
  const isSlowLink = isOk && !fresh && isSlow(connectUs + firstByteUs, settingsOf().slowLinkMs * 1000);
  setLink(links, i, {
    to: links.to[i] ?? 0,
    outcome,
    phase,
    connectUs: isOk ? connectUs : -1,
    firstByteUs: isOk ? firstByteUs : -1,
    totalUs: isOk ? connectUs + firstByteUs + 20 : 300_000,
    ageMs: fault.ageMs ?? 5_000,
    sinceMs: fault.sinceMs ?? (!isOk && fresh ? 5_000 : 60_000),
    flags: fault.flags ?? (isSlowLink ? FLAG_SLOW : 0),
  });
  if (stats === null) return;
  const latencyUs = isOk && !fresh ? pack16(connectUs + firstByteUs) : pack16(500);
  stats.samples[i] = 10;
  stats.failures[i] = isOk ? 0 : fresh ? 1 : 10;
  stats.p50Us[i] = latencyUs;
  stats.p95Us[i] = latencyUs;
  stats.maxUs[i] = latencyUs;
  stats.jitterUs[i] = pack16(50);
  stats.usualUs[i] = pack16(500);
}

/** The share (0..1) of the datagrams of link `i` that were lost in its newest cycle; -1 = not measured. */
export function lossOf(udp: UdpColumns | null, i: number): number {
  return shareOf(udp?.lost[i], udp?.sent[i]);
}

/** The share (0..1) of the datagrams of link `i` that were lost in the window of the report; -1 = not measured. */
export function windowLossOf(udp: UdpColumns | null, i: number): number {
  return shareOf(udp?.windowLost[i], udp?.windowSent[i]);
}

const shareOf = (lost = 0, sent = 0) => (sent === 0 ? -1 : lost / sent);
