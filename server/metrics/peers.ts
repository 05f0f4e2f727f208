import { listChanges, type Pod, type Target } from '../protocol/pod.ts';
import type { Outcome, Phase, Sample, UdpResult } from '../protocol/sample.ts';
import { LatencyHistogram } from './latencies.ts';
import { type FamilyHead, type Format, headText, labelText, labelValue, seriesText } from './text-format.ts';

/*
 * The metrics that grow with the cluster. prom-client would render those of 1000 peers in one block of 50 ms, in which our
 * own pings would wait, so they are kept and rendered here, 50 series at a time.
 */

/** Whether the link to a target works; null = not known. */
export type IsUpOf = (target: Target) => boolean | null;

/** A target that we ping. */
interface Peer {
  /** Its names and addresses. */
  labels: string;
  /** Whether the link to it works; null until that is known. */
  isUp: boolean | null;
}

/**
 * The series of all peers that we ping, by name. Targets with the same labels share their series, as a pod that terminates and the
 * next one of the same name at the same address: such a peer works if one of its targets does.
 */
export class SeriesByPeer {
  #targets: readonly Target[] = [];
  readonly #peers = new Map<string, Peer>();
  /** Counts of failures by the labels of a peer, then by their own; those of a peer from its first failure on. */
  readonly #counts = new Map<string, Map<string, number>>();

  /**
   * Keeps the series of these targets, adds missing ones and drops all others. `isUpOf`: whether the link to a target works; null =
   * not known.
   */
  setTargets(targets: readonly Target[], isUpOf: IsUpOf): void {
    const { added, removed } = listChanges(this.#targets, targets);
    this.#targets = targets;
    const before = new Map<string, Peer>();
    for (const { id } of removed) {
      const peer = this.#peers.get(id);
      if (peer !== undefined) before.set(id, peer);
      this.#peers.delete(id);
    }
    for (const target of added) {
      const labels = peerLabels(target);
      const known = before.get(target.id);
      this.#peers.set(target.id, known?.labels === labels ? known : { labels, isUp: isUpOf(target) });
    }
    const left = new Set<string>();
    for (const { labels } of before.values()) if (this.#counts.has(labels)) left.add(labels);
    if (left.size > 0) for (const { labels } of this.#peers.values()) left.delete(labels);
    for (const labels of left) this.#counts.delete(labels);
  }

  /** Sets whether the link to a target works. Does nothing for a target that has left. */
  setState(targetId: string, isUp: boolean): void {
    const peer = this.#peers.get(targetId);
    if (peer !== undefined) peer.isUp = isUp;
  }

  /** Counts a failed ping. Does nothing for a target that has left. */
  countFailure(targetId: string, outcome: Outcome, phase: Phase | null): void {
    const peer = this.#peers.get(targetId);
    if (peer === undefined) return;
    const counts = this.#counts.get(peer.labels) ?? new Map(NO_FAILURES);
    this.#counts.set(peer.labels, counts);
    const labels = failureLabels(outcome, phase);
    counts.set(labels, (counts.get(labels) ?? 0) + 1);
  }

  #labels(): Set<string> {
    return new Set(Array.from(this.#peers.values(), ({ labels }) => labels));
  }

  /** Renders the families in slices. `instance` is the label that every series has. */
  *render(instance: string, format: Format): Generator<string> {
    const states = new Map<string, boolean>();
    for (const { labels, isUp } of this.#peers.values()) {
      if (isUp !== null) states.set(labels, isUp || states.get(labels) === true);
    }
    yield headText(UP, format);
    yield* slices([...states], ([labels, isUp]) => seriesText(UP.name, `${instance},${labels}`, isUp ? 1 : 0));
    yield headText(FAILURES, format);
    yield* slices([...this.#labels()], (labels) =>
      Array.from(this.#counts.get(labels) ?? NO_FAILURES, ([own, count]) =>
        seriesText(FAILURES.name, `${instance},${labels},${own}`, count),
      ).join(''),
    );
  }
}

function peerLabels({ name, namespace, node, podIP, hostIP }: Target): string {
  return labelText({ peer: name, peer_namespace: namespace, peer_node: node, pod_ip: podIP, host_ip: hostIP });
}

function failureLabels(outcome: Outcome, phase: Phase | null): string {
  return `outcome="${outcome}",phase="${phase ?? 'none'}"`;
}

/**
 * Failures of pings that are shown from the start, as 0, so that a rate sees the first one. Of each peer only a killed pod's are,
 * because each of them costs as many series as there are peers.
 */
export const FAILURES_FROM_THE_START = [
  { outcome: 'refused', phase: 'connect', ofPeer: true },
  { outcome: 'timeout', phase: 'connect', ofPeer: true },
  { outcome: 'reset', phase: 'first-byte', ofPeer: false },
  { outcome: 'timeout', phase: 'first-byte', ofPeer: false },
  { outcome: 'unreachable', phase: 'connect', ofPeer: false },
] as const;

const NO_FAILURES: ReadonlyMap<string, number> = new Map(
  FAILURES_FROM_THE_START.filter(({ ofPeer }) => ofPeer).map(({ outcome, phase }) => [
    failureLabels(outcome, phase),
    0,
  ]),
);

const UP: FamilyHead = {
  name: 'goldpinger_peer_up',
  type: 'gauge',
  help: 'Whether the link to a peer works (1) or fails (0). One ping of a moment without CPU does not change it.',
};
const FAILURES: FamilyHead = {
  name: 'goldpinger_peer_ping_failures_total',
  type: 'counter',
  help: 'Failed pings by peer, outcome and phase, without timeouts that our own busy process may have caused.',
};

/** Why we call a peer: values of Goldpinger's label `call_type`. */
const CALL_TYPES = ['check', 'ping'] as const;
type CallType = (typeof CALL_TYPES)[number];

/** The series of the calls to one address: a pod's IP on a host's IP. */
interface AddressSeries {
  /** `host_ip` and `pod_ip`, with a comma before them; '' for all addresses together. */
  readonly labels: string;
  /** How many pods and targets have this address. */
  pods: number;
  targets: number;
  /** Latencies of successful calls; without an entry until the first one. */
  readonly latencies: Partial<Record<CallType, LatencyHistogram>>;
  /** Sums over successful pings, and how many there are. Only those that opened a new connection have a connect time. */
  connectUs: number;
  connectCount: number;
  firstByteUs: number;
  firstByteCount: number;
  /** null before the first cycle of the UDP probe. */
  udp: UdpFigures | null;
}

/** The figures of the UDP probe of one address. */
interface UdpFigures {
  /** Of the newest cycle that counts: percent of datagrams lost, and routers on the way; -1 = not measured, unknown. */
  lossPct: number;
  hops: number;
  readonly roundTrips: LatencyHistogram;
  duplicates: number;
  outOfOrder: number;
}

type Address = Pick<Target, 'hostIP' | 'podIP'>;
type PhaseTimes = Pick<Sample, 'connectUs' | 'firstByteUs' | 'totalUs'>;

const ALL_ADDRESSES = '';

/**
 * The latencies of our calls, and the results of the UDP probe, by address. Two peers at one address (host network, or a pod
 * that terminates while the next one starts) share their series, because their labels are the same. What is counted for an
 * address that no peer has is ignored.
 */
export class SeriesByAddress {
  readonly #perPeer: boolean;
  readonly #series = new Map<string, AddressSeries>();
  #pods: readonly Pod[] = [];
  #targets: readonly Target[] = [];
  /** How many targets have an address. Figures of the UDP probe are only for addresses of targets. */
  readonly #targetsAt = new Map<string, number>();
  /** Datagrams that could not be sent, by the address that they were for. */
  readonly #udpErrors = new Map<string, number>();

  /** `perPeer` (METRICS_PER_PEER) false: one series for all addresses, without loss and hops. */
  constructor(perPeer: boolean) {
    this.#perPeer = perPeer;
    if (!perPeer) this.#series.set(ALL_ADDRESSES, newAddressSeries(null));
  }

  /** Keeps the series of these addresses, adds missing ones and drops all others. Only targets have figures of the UDP probe. */
  setPeers(pods: readonly Pod[], targets: readonly Target[]): void {
    const [ofPods, ofTargets] = [listChanges(this.#pods, pods), listChanges(this.#targets, targets)];
    this.#pods = pods;
    this.#targets = targets;
    // First those that are added: the address of a pod that has only changed keeps its series.
    for (const target of ofTargets.added) this.#countTarget(target, 1);
    for (const pod of ofPods.added) this.#countPod(pod, 1);
    for (const target of ofTargets.removed) this.#countTarget(target, -1);
    for (const pod of ofPods.removed) this.#countPod(pod, -1);
  }

  #countTarget(target: Target, change: 1 | -1): void {
    const { address } = target;
    const count = (this.#targetsAt.get(address) ?? 0) + change;
    if (count > 0) this.#targetsAt.set(address, count);
    else {
      this.#targetsAt.delete(address);
      this.#udpErrors.delete(address);
    }
    this.#count(target, 'targets', change);
  }

  #countPod(pod: Pod, change: 1 | -1): void {
    if (pod.lifecycle !== 'gone') this.#count(addressOf(pod), 'pods', change);
  }

  #count(address: Address, who: 'pods' | 'targets', change: 1 | -1): void {
    if (!this.#perPeer) return;
    const key = keyOf(address);
    const series = this.#series.get(key) ?? newAddressSeries(address);
    series[who] += change;
    if (series.targets === 0) series.udp = null;
    if (series.pods + series.targets > 0) this.#series.set(key, series);
    else this.#series.delete(key);
  }

  /** Counts a successful call. */
  countCall(callType: CallType, pod: Pod, durationUs: number): void {
    const series = this.#find(addressOf(pod));
    if (series !== undefined) observe(series, callType, durationUs);
  }

  /** Counts a successful ping and its phases. Negative (not measured) phases are ignored. */
  countPing(target: Target, { connectUs, firstByteUs, totalUs }: PhaseTimes): void {
    const series = this.#find(target);
    if (series === undefined) return;
    observe(series, 'ping', totalUs);
    if (connectUs >= 0) {
      series.connectUs += connectUs;
      series.connectCount += 1;
    }
    if (firstByteUs >= 0) {
      series.firstByteUs += firstByteUs;
      series.firstByteCount += 1;
    }
  }

  /**
   * Counts a cycle of the UDP probe; null = the link could not be measured. Does nothing for an address that is no target: the
   * target has left, or is in no metric (IGNORE_CORDONED).
   */
  countUdp(target: Target, result: UdpResult | null): void {
    const series = this.#targetsAt.has(target.address) ? this.#find(target) : undefined;
    if (series === undefined || result?.suspect) return;
    if (result === null) {
      if (series.udp !== null) Object.assign(series.udp, { lossPct: -1, hops: -1 });
      return;
    }
    series.udp ??= { lossPct: -1, hops: -1, roundTrips: new LatencyHistogram(), duplicates: 0, outOfOrder: 0 };
    series.udp.lossPct = (100 * result.lost) / result.sent;
    series.udp.hops = result.hops;
    series.udp.roundTrips.observe(result.rttUs);
    series.udp.duplicates += result.duplicates;
    series.udp.outOfOrder += result.outOfOrder;
  }

  /** Counts a datagram that could not be sent, as `countUdp` does. */
  countUdpError({ address }: Target): void {
    if (!this.#targetsAt.has(address)) return;
    this.#udpErrors.set(address, (this.#udpErrors.get(address) ?? 0) + 1);
  }

  /** Renders the families in slices. `instance` is the label that every series has. */
  *render(instance: string, format: Format): Generator<string> {
    // A list of its own, because the peers may change between two slices.
    const all = [...this.#series.values()];
    yield headText(LATENCY, format);
    for (const callType of CALL_TYPES) {
      yield* slices(all, ({ latencies, labels }) => {
        return latencies[callType]?.text(LATENCY.name, `call_type="${callType}",${instance}${labels}`, format) ?? '';
      });
    }
    yield headText(PHASE, format);
    yield* slices(all, (series) => (series.firstByteCount === 0 ? '' : phasesText(series, instance)));
    yield* this.#renderUdp(instance, format);
  }

  /** Nothing where the UDP probe is off. */
  *#renderUdp(instance: string, format: Format): Generator<string> {
    const all = [...this.#series.values()].flatMap(({ udp, labels }) => (udp === null ? [] : { ...udp, labels }));
    const family = (head: FamilyHead, figureOf: (figures: UdpFigures) => number) =>
      familyText(head, all, format, (figures) => {
        const value = figureOf(figures);
        return value < 0 ? '' : seriesText(head.name, `${instance}${figures.labels}`, value);
      });
    if (this.#perPeer) {
      yield* family(LOSS, ({ lossPct }) => lossPct);
      yield* family(HOPS, ({ hops }) => hops);
    }
    yield* familyText(ROUND_TRIP, all, format, ({ roundTrips, labels }) =>
      roundTrips.text(ROUND_TRIP.name, `${instance}${labels}`, format),
    );
    yield* family(DUPLICATES, ({ duplicates }) => duplicates);
    yield* family(OUT_OF_ORDER, ({ outOfOrder }) => outOfOrder);
    yield* familyText(UDP_ERRORS, [...this.#udpErrors], format, ([address, count]) =>
      seriesText(UDP_ERRORS.name, `${instance},${labelText({ host: address })}`, count),
    );
  }

  #find(address: Address): AddressSeries | undefined {
    return this.#series.get(this.#perPeer ? keyOf(address) : ALL_ADDRESSES);
  }
}

function observe({ latencies }: AddressSeries, callType: CallType, durationUs: number): void {
  latencies[callType] ??= new LatencyHistogram();
  latencies[callType].observe(durationUs);
}

function addressOf({ hostIPs: [hostIP = ''], podIPs: [podIP = ''] }: Pod): Address {
  return { hostIP, podIP };
}

/** Faster than the labels, and unambiguous, because discovery accepts only valid addresses. */
function keyOf({ hostIP, podIP }: Address): string {
  return `${hostIP} ${podIP}`;
}

/** `address`: null = for all addresses together. */
function newAddressSeries(address: Address | null): AddressSeries {
  const labels =
    address === null ? '' : `,host_ip="${labelValue(address.hostIP)}",pod_ip="${labelValue(address.podIP)}"`;
  return {
    labels,
    pods: 0,
    targets: 0,
    latencies: {},
    connectUs: 0,
    connectCount: 0,
    firstByteUs: 0,
    firstByteCount: 0,
    udp: null,
  };
}

const LATENCY: FamilyHead = {
  name: 'goldpinger_peers_response_time_s',
  type: 'histogram',
  help: 'Response times of calls to other instances in seconds, successful calls only.',
};
const PHASE: FamilyHead = {
  name: 'goldpinger_peer_phase_seconds',
  type: 'summary',
  help: 'Time that successful pings took to open a new connection, if they did, and to wait for the first byte of the answer.',
};
const LOSS: FamilyHead = {
  name: 'goldpinger_peers_loss_pct',
  type: 'gauge',
  help: 'Percent (0-100) of the datagrams to a peer that were lost in the newest cycle.',
};
const HOPS: FamilyHead = {
  name: 'goldpinger_peers_hop_count',
  type: 'gauge',
  help: 'Routers on the way to a peer.',
};
const ROUND_TRIP: FamilyHead = {
  name: 'goldpinger_peers_udp_rtt_s',
  type: 'histogram',
  help: 'Mean round trip of the datagrams of a cycle in seconds.',
};
const DUPLICATES: FamilyHead = {
  name: 'goldpinger_udp_duplicates_total',
  type: 'counter',
  help: 'Datagrams that came back a second time.',
};
const OUT_OF_ORDER: FamilyHead = {
  name: 'goldpinger_udp_out_of_order_total',
  type: 'counter',
  help: 'Datagrams that came back after a later one.',
};
const UDP_ERRORS: FamilyHead = {
  name: 'goldpinger_udp_errors_total',
  type: 'counter',
  help: 'Datagrams that could not be sent, by address.',
};

function phasesText(series: AddressSeries, instance: string): string {
  const { labels, connectUs, connectCount, firstByteUs, firstByteCount } = series;
  const phaseText = (phase: Phase, sumUs: number, count: number) =>
    seriesText(`${PHASE.name}_sum`, `${instance}${labels},phase="${phase}"`, sumUs / 1e6) +
    seriesText(`${PHASE.name}_count`, `${instance}${labels},phase="${phase}"`, count);
  return phaseText('connect', connectUs, connectCount) + phaseText('first-byte', firstByteUs, firstByteCount);
}

/** A family with a series for each item; nothing without items. */
function* familyText<T>(
  head: FamilyHead,
  items: readonly T[],
  format: Format,
  textOf: (item: T) => string,
): Generator<string> {
  if (items.length === 0) return;
  yield headText(head, format);
  yield* slices(items, textOf);
}

/** How many series (a histogram counts as one) are rendered at a time. */
const SERIES_PER_SLICE = 50;

/** Renders a text for each item, some items at a time. */
function* slices<T>(items: readonly T[], textOf: (item: T) => string): Generator<string> {
  for (let start = 0; start < items.length; start += SERIES_PER_SLICE) {
    const slice = items.slice(start, start + SERIES_PER_SLICE);
    const text = slice.map(textOf).join('');
    if (text !== '') yield text;
  }
}
