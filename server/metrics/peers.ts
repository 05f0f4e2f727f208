import type { Pod, Target } from '../protocol/pod.ts';
import type { Outcome, Phase, Sample } from '../protocol/sample.ts';
import { type FamilyHead, type Format, headText, labelText, labelValue, seriesText } from './exposition.ts';
import { LatencyHistogram } from './latencies.ts';

/*
 * The metrics that grow with the cluster. prom-client would render those of 1000 peers in one block of 50 ms, in which our
 * own pings would wait, so they are kept and rendered here, 50 series at a time.
 */

/** The series that name one peer. */
interface PeerSeries {
  /** The names and addresses of the peer. */
  readonly labels: string;
  /** Whether the link to the peer works; null until that is known. */
  isUp: boolean | null;
  /** Counts of failures by their labels; null until the first failure. */
  failures: Map<string, number> | null;
}

/** The series of all peers that we ping, by name. Targets with the same labels share their series. */
export class SeriesByPeer {
  #byTarget = new Map<string, { target: Target; series: PeerSeries }>();

  /** Keeps the series of these targets, adds missing ones and drops all others. */
  setTargets(targets: readonly Target[]): void {
    const byLabels = new Map<string, PeerSeries>();
    for (const { series } of this.#byTarget.values()) byLabels.set(series.labels, series);
    const next = new Map<string, { target: Target; series: PeerSeries }>();
    for (const target of targets) {
      const known = this.#byTarget.get(target.id);
      // To compare the target takes a tenth of the time that writing its labels takes.
      const labels =
        known !== undefined && hasSameLabels(known.target, target) ? known.series.labels : peerLabels(target);
      const series = byLabels.get(labels) ?? { labels, isUp: null, failures: null };
      byLabels.set(labels, series);
      next.set(target.id, { target, series });
    }
    this.#byTarget = next;
  }

  /** Sets whether the link to a target works. Does nothing for a target that has left. */
  setState(targetId: string, isUp: boolean): void {
    const series = this.#byTarget.get(targetId)?.series;
    if (series !== undefined) series.isUp = isUp;
  }

  /** Counts a failed ping. Does nothing for a target that has left. */
  countFailure(targetId: string, outcome: Outcome, phase: Phase | null): void {
    const series = this.#byTarget.get(targetId)?.series;
    if (series === undefined) return;
    const labels = failureLabels(outcome, phase);
    series.failures ??= new Map(NO_FAILURES);
    series.failures.set(labels, (series.failures.get(labels) ?? 0) + 1);
  }

  /** Renders the families in slices. `instance` is the label that every series has. */
  *render(instance: string, format: Format): Generator<string> {
    const all = [...new Set([...this.#byTarget.values()].map(({ series }) => series))];
    yield headText(UP, format);
    yield* slices(all, ({ isUp, labels }) =>
      isUp === null ? '' : seriesText(UP.name, `${instance},${labels}`, isUp ? 1 : 0),
    );
    yield headText(FAILURES, format);
    yield* slices(all, ({ failures, labels }) =>
      Array.from(failures ?? NO_FAILURES, ([ownLabels, count]) =>
        seriesText(FAILURES.name, `${instance},${labels},${ownLabels}`, count),
      ).join(''),
    );
  }
}

function hasSameLabels(a: Target, b: Target): boolean {
  const isSamePlace = a.node === b.node && a.podIP === b.podIP && a.hostIP === b.hostIP;
  return isSamePlace && a.name === b.name && a.namespace === b.namespace;
}

function peerLabels({ name, namespace, node, podIP, hostIP }: Target): string {
  return labelText({ peer: name, peer_namespace: namespace, peer_node: node, pod_ip: podIP, host_ip: hostIP });
}

function failureLabels(outcome: Outcome, phase: Phase | null): string {
  return `outcome="${outcome}",phase="${phase ?? 'none'}"`;
}

/** These failures are shown from the start, as 0, so that a rate sees the first one. */
const NO_FAILURES: ReadonlyMap<string, number> = new Map([
  [failureLabels('refused', 'connect'), 0],
  [failureLabels('timeout', 'connect'), 0],
]);

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
  /** Latencies of successful calls; without an entry until the first one. */
  readonly latencies: Partial<Record<CallType, LatencyHistogram>>;
  /** Sums over successful pings, and how many there are. Only those that opened a new connection have a connect time. */
  connectUs: number;
  connectCount: number;
  firstByteUs: number;
  firstByteCount: number;
}

type PhaseTimes = Pick<Sample, 'connectUs' | 'firstByteUs' | 'totalUs'>;

const ALL_ADDRESSES = '';

/**
 * The latencies of our calls by address. Two peers at one address (host network, or a pod that terminates while the next
 * one starts) share their series, because their labels are the same.
 */
export class SeriesByAddress {
  readonly #perPeer: boolean;
  #series = new Map<string, AddressSeries>();

  /** `perPeer` (METRICS_PER_PEER) false: all calls are counted in one series without address. */
  constructor(perPeer: boolean) {
    this.#perPeer = perPeer;
    if (!perPeer) this.#series.set(ALL_ADDRESSES, newAddressSeries(''));
  }

  /** Keeps the series of these addresses, adds missing ones and drops all others. */
  setPeers(pods: readonly Pod[], targets: readonly Target[]): void {
    if (!this.#perPeer) return;
    const next = new Map<string, AddressSeries>();
    const keep = (hostIP: string, podIP: string) => {
      const key = keyOf(hostIP, podIP);
      if (next.has(key)) return;
      const labels = `,host_ip="${labelValue(hostIP)}",pod_ip="${labelValue(podIP)}"`;
      next.set(key, this.#series.get(key) ?? newAddressSeries(labels));
    };
    for (const target of targets) keep(target.hostIP, target.podIP);
    for (const pod of pods) if (pod.lifecycle !== 'gone') keep(pod.hostIPs[0] ?? '', pod.podIPs[0] ?? '');
    this.#series = next;
  }

  /** Counts a successful call. Does nothing if no peer has the address. */
  countCall(callType: CallType, hostIP: string, podIP: string, durationUs: number): void {
    const series = this.#find(hostIP, podIP);
    if (series !== undefined) observe(series, callType, durationUs);
  }

  /** Counts a successful ping and its phases. Negative (not measured) phases are ignored. */
  countPing(hostIP: string, podIP: string, { connectUs, firstByteUs, totalUs }: PhaseTimes): void {
    const series = this.#find(hostIP, podIP);
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
  }

  #find(hostIP: string, podIP: string): AddressSeries | undefined {
    return this.#series.get(this.#perPeer ? keyOf(hostIP, podIP) : ALL_ADDRESSES);
  }
}

function observe({ latencies }: AddressSeries, callType: CallType, durationUs: number): void {
  latencies[callType] ??= new LatencyHistogram();
  latencies[callType].observe(durationUs);
}

/** Faster than the labels, and unambiguous, because discovery accepts only valid addresses. */
function keyOf(hostIP: string, podIP: string): string {
  return `${hostIP} ${podIP}`;
}

function newAddressSeries(labels: string): AddressSeries {
  return { labels, latencies: {}, connectUs: 0, connectCount: 0, firstByteUs: 0, firstByteCount: 0 };
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

function phasesText(series: AddressSeries, instance: string): string {
  const { labels, connectUs, connectCount, firstByteUs, firstByteCount } = series;
  const phaseText = (phase: Phase, sumUs: number, count: number) =>
    seriesText(`${PHASE.name}_sum`, `${instance}${labels},phase="${phase}"`, sumUs / 1e6) +
    seriesText(`${PHASE.name}_count`, `${instance}${labels},phase="${phase}"`, count);
  return phaseText('connect', connectUs, connectCount) + phaseText('first-byte', firstByteUs, firstByteCount);
}

/** How many series (a histogram counts as one) are rendered at a time. */
const SERIES_PER_SLICE = 50;

/** Renders a text for each item, some items at a time. */
export function* slices<T>(items: readonly T[], textOf: (item: T) => string): Generator<string> {
  for (let start = 0; start < items.length; start += SERIES_PER_SLICE) {
    const slice = items.slice(start, start + SERIES_PER_SLICE);
    const text = slice.map(textOf).join('');
    if (text !== '') yield text;
  }
}
