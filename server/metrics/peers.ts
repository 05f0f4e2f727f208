import type { Pod, Target } from '../protocol/pod.ts';
import type { Outcome, Phase, Sample, UdpResult } from '../protocol/sample.ts';
import { LatencyHistogram } from './latencies.ts';
import { type FamilyHead, type Format, headText, labelText, seriesText } from './text-format.ts';

/*
 * The metrics that grow with the cluster. prom-client would render those of 1000 peers in one block of 50 ms, in which our
 * own pings would wait, so they are kept and rendered here, some peers at a time.
 */

/** Whether the link to a target works; null = not known. */
export type IsUpOf = (target: Target) => boolean | null;

/** A target that we ping. */
interface Peer {
  target: Target;
  /** Its names and addresses. */
  labels: string;
  isUp: boolean | null;
}

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
  FAILURES_FROM_THE_START.filter(({ ofPeer }) => ofPeer).map((failure) => [labelText(failureLabels(failure)), 0]),
);

function failureLabels({ outcome, phase }: { outcome: Outcome; phase: Phase | null }) {
  return { outcome, phase: phase ?? 'none' };
}

/**
 * The series of all peers that we ping, by name. Targets with the same labels share their series, as a pod that terminates and the
 * next one of the same name at the same address: such a peer works if one of its targets does.
 */
export class SeriesByPeer {
  #peers = new Map<string, Peer>();
  /** Counts of failures by the labels of a peer, then by their own; those of a peer from its first failure on. */
  readonly #failures = new Map<string, Map<string, number>>();

  /** Keeps the series of these targets, adds missing ones and drops all others. */
  setTargets(targets: readonly Target[], isUpOf: IsUpOf): void {
    const before = this.#peers;
    this.#peers = new Map();
    for (const target of targets) {
      const known = before.get(target.id);
      // A target that has changed is another object, but its labels may be the same.
      const labels = known?.target === target ? known.labels : peerLabels(target);
      const isUp = known?.labels === labels ? known.isUp : isUpOf(target);
      this.#peers.set(target.id, { target, labels, isUp });
    }
    const present = this.#labels();
    for (const labels of this.#failures.keys()) if (!present.has(labels)) this.#failures.delete(labels);
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
    const counts = this.#failures.get(peer.labels) ?? new Map(NO_FAILURES);
    this.#failures.set(peer.labels, counts);
    const labels = labelText(failureLabels({ outcome, phase }));
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
    yield* familyText(UP, [...states], format, ([labels, isUp]) => seriesText(UP.name, `${instance},${labels}`, +isUp));
    yield* familyText(FAILURES, [...this.#labels()], format, (labels) =>
      Array.from(this.#failures.get(labels) ?? NO_FAILURES, ([own, count]) =>
        seriesText(FAILURES.name, `${instance},${labels},${own}`, count),
      ).join(''),
    );
  }
}

function peerLabels({ name, namespace, node, podIP, hostIP }: Target): string {
  return labelText({ peer: name, peer_namespace: namespace, peer_node: node, pod_ip: podIP, host_ip: hostIP });
}

/** The series of the calls to one address: a pod's IP on a host's IP. Or of the calls to all addresses together. */
interface AddressSeries {
  /** `host_ip` and `pod_ip`, with a comma before them; '' for all addresses together. */
  readonly labels: string;
  /** Latencies of successful calls by Goldpinger's label `call_type`. */
  readonly latencies: { readonly check: LatencyHistogram; readonly ping: LatencyHistogram };
  /** Sums over successful pings, and how many there are. Only those that opened a new connection have a connect time. */
  readonly phases: Record<'connect' | 'first-byte', { sumUs: number; count: number }>;
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
const ROUND_TRIP: FamilyHead = {
  name: 'goldpinger_peers_udp_rtt_s',
  type: 'histogram',
  help: 'Mean round trip of the datagrams of a cycle in seconds.',
};
const UDP_ERRORS: FamilyHead = {
  name: 'goldpinger_udp_errors_total',
  type: 'counter',
  help: 'Datagrams that could not be sent, by address.',
};
/** Gauges of the newest cycle of the UDP probe, only with METRICS_PER_PEER, and its counters. */
const UDP_FAMILIES: (FamilyHead & { figure: 'lossPct' | 'hops' | 'duplicates' | 'outOfOrder' })[] = [
  {
    figure: 'lossPct',
    name: 'goldpinger_peers_loss_pct',
    type: 'gauge',
    help: 'Percent (0-100) of the datagrams to a peer that were lost in the newest cycle.',
  },
  { figure: 'hops', name: 'goldpinger_peers_hop_count', type: 'gauge', help: 'Routers on the way to a peer.' },
  {
    figure: 'duplicates',
    name: 'goldpinger_udp_duplicates_total',
    type: 'counter',
    help: 'Datagrams that came back a second time.',
  },
  {
    figure: 'outOfOrder',
    name: 'goldpinger_udp_out_of_order_total',
    type: 'counter',
    help: 'Datagrams that came back after a later one.',
  },
];

/**
 * The latencies of our calls, and the results of the UDP probe, by address. Two peers at one address (host network, or a pod
 * that terminates while the next one starts) share their series, because their labels are the same. What is counted for an
 * address that no peer has is ignored.
 */
export class SeriesByAddress {
  /** METRICS_PER_PEER; without it there is one series for all addresses, without loss and hops. */
  readonly #perPeer: boolean;
  #series = new Map<string, AddressSeries>();
  /** Datagrams that could not be sent, by the address that they were for: of the targets alone. */
  #udpErrors = new Map<string, number>();

  constructor(perPeer: boolean) {
    this.#perPeer = perPeer;
    if (!perPeer) this.#series.set(ALL_ADDRESSES, newSeries(''));
  }

  /** Keeps the series of these addresses, adds missing ones and drops all others. Only targets have figures of the UDP probe. */
  setPeers(pods: readonly Pod[], targets: readonly Target[]): void {
    this.#udpErrors = new Map(targets.map(({ address }) => [address, this.#udpErrors.get(address) ?? 0]));
    if (!this.#perPeer) return;
    const before = this.#series;
    this.#series = new Map();
    const keep = (address: Address) => {
      const key = keyOf(address);
      const series = before.get(key) ?? newSeries(`,${labelText({ host_ip: address.hostIP, pod_ip: address.podIP })}`);
      this.#series.set(key, series);
    };
    for (const target of targets) keep(target);
    const targetKeys = new Set(this.#series.keys());
    for (const pod of pods) if (pod.lifecycle !== 'gone') keep(addressOf(pod));
    for (const [key, series] of this.#series) if (!targetKeys.has(key)) series.udp = null;
  }

  /** Counts a successful call for a report. */
  countCheck(pod: Pod, durationUs: number): void {
    this.#find(addressOf(pod))?.latencies.check.observe(durationUs);
  }

  /** Counts a successful ping and its phases. Negative (not measured) phases are ignored. */
  countPing(target: Target, { connectUs, firstByteUs, totalUs }: Sample): void {
    const series = this.#find(target);
    series?.latencies.ping.observe(totalUs);
    for (const [phase, us] of [['connect', connectUs] as const, ['first-byte', firstByteUs] as const]) {
      if (series === undefined || us < 0) continue;
      series.phases[phase].sumUs += us;
      series.phases[phase].count += 1;
    }
  }

  /**
   * Counts a cycle of the UDP probe; null = the link could not be measured. Does nothing for an address that is no target: the
   * target has left, or is in no metric (IGNORE_CORDONED).
   */
  countUdp(target: Target, result: UdpResult | null): void {
    const series = this.#udpErrors.has(target.address) ? this.#find(target) : undefined;
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
    const count = this.#udpErrors.get(address);
    if (count !== undefined) this.#udpErrors.set(address, count + 1);
  }

  /** Renders the families in slices. `instance` is the label that every series has. */
  *render(instance: string, format: Format): Generator<string> {
    // A list of its own, because the peers may change between two slices.
    const all = [...this.#series.values()];
    yield* familyText(LATENCY, all, format, ({ latencies, labels }) => {
      const texts = Object.entries(latencies).map(([callType, histogram]) =>
        histogram.text(LATENCY.name, `call_type="${callType}",${instance}${labels}`, format),
      );
      return texts.join('');
    });
    yield* familyText(PHASE, all, format, ({ phases, labels }) => {
      const lines = Object.entries(phases).map(([phase, { sumUs, count }]) => {
        const allLabels = `${instance}${labels},phase="${phase}"`;
        return (
          seriesText(`${PHASE.name}_sum`, allLabels, sumUs / 1e6) + seriesText(`${PHASE.name}_count`, allLabels, count)
        );
      });
      return phases['first-byte'].count === 0 ? '' : lines.join('');
    });
    yield* this.#renderUdp(instance, format);
  }

  /** Nothing where the UDP probe is off. */
  *#renderUdp(instance: string, format: Format): Generator<string> {
    const all = [...this.#series.values()].flatMap(({ udp, labels }) =>
      udp === null ? [] : { ...udp, labels: `${instance}${labels}` },
    );
    for (const { figure, ...head } of UDP_FAMILIES) {
      if (head.type === 'gauge' && !this.#perPeer) continue;
      yield* familyText(head, all, format, ({ labels, [figure]: value }) =>
        value < 0 ? '' : seriesText(head.name, labels, value),
      );
    }
    yield* familyText(ROUND_TRIP, all, format, ({ roundTrips, labels }) =>
      roundTrips.text(ROUND_TRIP.name, labels, format),
    );
    const errors = [...this.#udpErrors].filter(([, count]) => count > 0);
    yield* familyText(UDP_ERRORS, errors, format, ([address, count]) =>
      seriesText(UDP_ERRORS.name, `${instance},${labelText({ host: address })}`, count),
    );
  }

  #find(address: Address): AddressSeries | undefined {
    return this.#series.get(this.#perPeer ? keyOf(address) : ALL_ADDRESSES);
  }
}

const ALL_ADDRESSES = '';

function addressOf({ hostIPs: [hostIP = ''], podIPs: [podIP = ''] }: Pod): Address {
  return { hostIP, podIP };
}

/** Faster than the labels, and unambiguous, because discovery accepts only valid addresses. */
function keyOf({ hostIP, podIP }: Address): string {
  return `${hostIP} ${podIP}`;
}

function newSeries(labels: string): AddressSeries {
  const noTime = () => ({ sumUs: 0, count: 0 });
  return {
    labels,
    latencies: { check: new LatencyHistogram(), ping: new LatencyHistogram() },
    phases: { connect: noTime(), 'first-byte': noTime() },
    udp: null,
  };
}

/** How many peers are rendered at a time. Each has up to two histograms, so that this takes up to half a millisecond. */
const PEERS_PER_SLICE = 25;

/** Renders a family with a text for each item, some items at a time; nothing without items. */
function* familyText<T>(
  head: FamilyHead,
  items: readonly T[],
  format: Format,
  textOf: (item: T) => string,
): Generator<string> {
  if (items.length > 0) yield headText(head, format);
  for (let start = 0; start < items.length; start += PEERS_PER_SLICE) {
    const slice = items.slice(start, start + PEERS_PER_SLICE);
    const text = slice.map(textOf).join('');
    if (text !== '') yield text;
  }
}
