import type { Pod, Target } from '../protocol/pod.ts';
import { OUTCOMES, type Outcome, PHASES, type Phase } from '../protocol/sample.ts';
import { type FamilyHead, type Format, headText, labelValue, seriesText } from './exposition.ts';
import { Latencies } from './latencies.ts';

/*
 * The metrics that grow with the cluster. prom-client would render those of 1000 peers in one block of 50 ms, in which our
 * own pings would wait, so they are kept and rendered here, 50 series at a time.
 */

/** Phases of a failure, and one value for a failure without a phase. */
const FAILURE_PHASES = ['none', ...PHASES] as const;
const FAILURE_KINDS = OUTCOMES.length * FAILURE_PHASES.length;

/** The index at which failures with this outcome in this phase are counted. */
export function failureIndex(outcome: Outcome, phase: Phase | null): number {
  return OUTCOMES.indexOf(outcome) * FAILURE_PHASES.length + FAILURE_PHASES.indexOf(phase ?? 'none');
}

/** The labels of the failures that are counted at `index`. */
export function failureLabels(index: number): { outcome: Outcome; phase: Phase | 'none' } {
  return {
    outcome: OUTCOMES[Math.floor(index / FAILURE_PHASES.length)] ?? 'malformed',
    phase: FAILURE_PHASES[index % FAILURE_PHASES.length] ?? 'none',
  };
}

/** The series that name one peer. */
interface PeerSeries {
  /** The names and addresses of the peer. */
  readonly labels: string;
  /** Whether the link to the peer works; null until that is known. */
  isUp: boolean | null;
  /** Counts by `failureIndex`; null until the first failure. */
  failures: Uint32Array | null;
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
    const index = failureIndex(outcome, phase);
    series.failures ??= new Uint32Array(FAILURE_KINDS);
    series.failures[index] = (series.failures[index] ?? 0) + 1;
  }

  /** Renders the families in slices. `instance` is the label that every series has. */
  *render(instance: string, format: Format): Generator<string> {
    const all = [...new Set([...this.#byTarget.values()].map(({ series }) => series))];
    yield headText(UP, format);
    yield* slices(all, ({ isUp, labels }) =>
      isUp === null ? '' : seriesText(UP.name, `${instance},${labels}`, isUp ? 1 : 0),
    );
    yield headText(FAILURES, format);
    yield* slices(all, (series) => failuresText(series, `${instance},${series.labels}`));
  }
}

function hasSameLabels(a: Target, b: Target): boolean {
  const isSamePlace = a.node === b.node && a.podIP === b.podIP && a.hostIP === b.hostIP;
  return isSamePlace && a.name === b.name && a.namespace === b.namespace;
}

function peerLabels(target: Target): string {
  const names = `peer="${labelValue(target.name)}",peer_namespace="${labelValue(target.namespace)}"`;
  const places = `peer_node="${labelValue(target.node)}",pod_ip="${labelValue(target.podIP)}"`;
  return `${names},${places},host_ip="${labelValue(target.hostIP)}"`;
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

/** These failures are shown from the start, as 0, so that a rate sees the first one. */
const FROM_THE_START = new Set([failureIndex('refused', 'connect'), failureIndex('timeout', 'connect')]);
const FAILURE_LABELS = Array.from({ length: FAILURE_KINDS }, (_, index) => {
  const { outcome, phase } = failureLabels(index);
  return `outcome="${outcome}",phase="${phase}"`;
});

function failuresText({ failures }: PeerSeries, labels: string): string {
  let lines = '';
  for (const [index, ownLabels] of FAILURE_LABELS.entries()) {
    const count = failures?.[index] ?? 0;
    if (count > 0 || FROM_THE_START.has(index)) lines += seriesText(FAILURES.name, `${labels},${ownLabels}`, count);
  }
  return lines;
}

/** Why we call a peer: values of Goldpinger's label `call_type`. */
type CallType = 'ping' | 'check';

/** The series of the calls to one address: a pod's IP on a host's IP. */
interface AddressSeries {
  /** `host_ip` and `pod_ip`; '' for all addresses together. */
  readonly labels: string;
  /** Slots in `Latencies`; -1 until the first success. */
  readonly slots: Record<CallType, number>;
  /** Sums over successful pings, and how many there are. */
  connectUs: number;
  firstByteUs: number;
  phaseCount: number;
  /** Whether no peer has the address any more. A scrape under way must skip it, because its slots may be in use again. */
  hasLeft: boolean;
}

const ALL_ADDRESSES = '';

/**
 * The latencies of our calls by address. Two peers at one address (host network, or a pod that terminates while the next
 * one starts) share their series, because their labels are the same.
 */
export class SeriesByAddress {
  readonly #latencies = new Latencies();
  readonly #perPeer: boolean;
  #series = new Map<string, AddressSeries>();

  /** `perPeer` (METRICS_PER_PEER) false: all calls are counted in one series without address. */
  constructor(perPeer: boolean) {
    this.#perPeer = perPeer;
    if (!perPeer) this.#series.set(ALL_ADDRESSES, newAddressSeries(''));
  }

  /** Keeps the series of these addresses, adds missing ones and releases all others. */
  setPeers(pods: readonly Pod[], targets: readonly Target[]): void {
    if (!this.#perPeer) return;
    const next = new Map<string, AddressSeries>();
    const keep = (hostIP: string, podIP: string) => {
      const key = keyOf(hostIP, podIP);
      if (!next.has(key)) next.set(key, this.#series.get(key) ?? newAddressSeries(addressLabels(hostIP, podIP)));
    };
    for (const target of targets) keep(target.hostIP, target.podIP);
    for (const pod of pods) if (pod.lifecycle !== 'gone') keep(pod.hostIPs[0] ?? '', pod.podIPs[0] ?? '');
    for (const [key, series] of this.#series) if (!next.has(key)) this.#release(series);
    this.#series = next;
  }

  /** Counts a successful call. Does nothing if no peer has the address. */
  countCall(callType: CallType, hostIP: string, podIP: string, durationUs: number): void {
    const series = this.#find(hostIP, podIP);
    if (series === undefined) return;
    if (series.slots[callType] < 0) series.slots[callType] = this.#latencies.allocate();
    this.#latencies.observe(series.slots[callType], durationUs);
  }

  /** Adds the phases of a successful ping. Negative (not measured) phases are ignored. */
  addPhases(hostIP: string, podIP: string, connectUs: number, firstByteUs: number): void {
    const series = this.#find(hostIP, podIP);
    if (series === undefined || connectUs < 0 || firstByteUs < 0) return;
    series.connectUs += connectUs;
    series.firstByteUs += firstByteUs;
    series.phaseCount += 1;
  }

  /** Renders the families in slices. `instance` is the label that every series has. */
  *render(instance: string, format: Format): Generator<string> {
    // A list of its own, because the peers may change between two slices.
    const all = [...this.#series.values()];
    const allLabels = ({ labels }: AddressSeries) => (labels === '' ? instance : `${instance},${labels}`);
    yield headText(LATENCY, format);
    for (const callType of ['check', 'ping'] as const) {
      yield* slices(all, (series) => {
        const slot = series.slots[callType];
        if (series.hasLeft || slot < 0) return '';
        return this.#latencies.text(slot, LATENCY.name, `call_type="${callType}",${allLabels(series)}`, format);
      });
    }
    yield headText(PHASE, format);
    yield* slices(all, (series) => (series.phaseCount === 0 ? '' : phasesText(series, allLabels(series))));
  }

  #find(hostIP: string, podIP: string): AddressSeries | undefined {
    return this.#series.get(this.#perPeer ? keyOf(hostIP, podIP) : ALL_ADDRESSES);
  }

  #release(series: AddressSeries): void {
    series.hasLeft = true;
    for (const slot of Object.values(series.slots)) if (slot >= 0) this.#latencies.release(slot);
  }
}

/** Faster than the labels, and unambiguous, because discovery accepts only valid addresses. */
function keyOf(hostIP: string, podIP: string): string {
  return `${hostIP} ${podIP}`;
}

function addressLabels(hostIP: string, podIP: string): string {
  return `host_ip="${labelValue(hostIP)}",pod_ip="${labelValue(podIP)}"`;
}

function newAddressSeries(labels: string): AddressSeries {
  return { labels, slots: { ping: -1, check: -1 }, connectUs: 0, firstByteUs: 0, phaseCount: 0, hasLeft: false };
}

const LATENCY: FamilyHead = {
  name: 'goldpinger_peers_response_time_s',
  type: 'histogram',
  help: 'Response times of calls to other instances in seconds, successful calls only.',
};
const PHASE: FamilyHead = {
  name: 'goldpinger_peer_phase_seconds',
  type: 'summary',
  help: 'Time that successful pings took to connect, and to wait for the first byte of the answer.',
};

function phasesText(series: AddressSeries, labels: string): string {
  const phaseText = (phase: string, sumUs: number) =>
    seriesText(`${PHASE.name}_sum`, `${labels},phase="${phase}"`, sumUs / 1e6) +
    seriesText(`${PHASE.name}_count`, `${labels},phase="${phase}"`, series.phaseCount);
  return phaseText('connect', series.connectUs) + phaseText('first-byte', series.firstByteUs);
}

/** How many series (a histogram counts as one) are rendered at a time. */
const SERIES_PER_SLICE = 50;

function* slices<T>(items: readonly T[], textOf: (item: T) => string): Generator<string> {
  for (let start = 0; start < items.length; start += SERIES_PER_SLICE) {
    const slice = items
      .slice(start, start + SERIES_PER_SLICE)
      .map(textOf)
      .join('');
    if (slice !== '') yield slice;
  }
}
