import type { Pod, Target } from '../contract/pod.ts';
import { labelValue } from './labels.ts';
import { Latencies } from './latencies.ts';

/** What we call a peer for, as Goldpinger's label `call_type` says it. */
export type CallType = 'ping' | 'check';

/** The calls to one address: a pod's IP on a host's. A histogram is there once a call has succeeded. */
export interface AddressSeries {
  /** `host_ip` and `pod_ip`; '' for all addresses together. */
  readonly labels: string;
  /** Slots in the histograms, -1 until the first success. */
  readonly slots: Record<CallType, number>;
  /** Sums over pings that succeeded, in us, and how many those are. */
  connectUs: number;
  firstByteUs: number;
  phaseCount: number;
  /** Whether the address left; a scrape that still holds it must not print it, its slots may be another's by now. */
  hasLeft: boolean;
}

const ALL = '';

/**
 * The latencies of our calls by address. Two peers on one address (host network, or one pod terminating while the next
 * starts) share their series, because their labels would be the same.
 */
export class Addresses {
  readonly latencies = new Latencies();
  readonly #perPeer: boolean;
  #series = new Map<string, AddressSeries>();

  /** `perPeer` false: all calls go into one series without address. */
  constructor(perPeer: boolean) {
    this.#perPeer = perPeer;
    if (!perPeer) this.#series.set(ALL, newSeries(ALL));
  }

  /** Keeps the series of these addresses, adds missing ones and frees those that nobody has any more. */
  setPeers(pods: readonly Pod[], targets: readonly Target[]): void {
    if (!this.#perPeer) return;
    const next = new Map<string, AddressSeries>();
    const keep = (hostIP: string, podIP: string) => {
      const key = keyOf(hostIP, podIP);
      if (!next.has(key)) next.set(key, this.#series.get(key) ?? newSeries(addressLabels(hostIP, podIP)));
    };
    for (const target of targets) keep(target.hostIP, target.podIP);
    for (const pod of pods) if (pod.lifecycle !== 'gone') keep(pod.hostIPs[0] ?? '', pod.podIPs[0] ?? '');
    for (const [key, series] of this.#series) if (!next.has(key)) this.#free(series);
    this.#series = next;
  }

  /** The series of an address; undefined if no peer has it. */
  find(hostIP: string, podIP: string): AddressSeries | undefined {
    return this.#series.get(this.#perPeer ? keyOf(hostIP, podIP) : ALL);
  }

  /** Counts a call that succeeded. */
  observe(series: AddressSeries, callType: CallType, durationUs: number): void {
    if (series.hasLeft) return;
    if (series.slots[callType] < 0) series.slots[callType] = this.latencies.allocate();
    this.latencies.observe(series.slots[callType], durationUs);
  }

  /** All series at this moment, as a list that later changes leave alone. */
  list(): AddressSeries[] {
    return [...this.#series.values()];
  }

  #free(series: AddressSeries): void {
    series.hasLeft = true;
    for (const slot of Object.values(series.slots)) if (slot >= 0) this.latencies.release(slot);
  }
}

/** Cheaper than the labels, and as good: discovery lets only addresses through. */
function keyOf(hostIP: string, podIP: string): string {
  return `${hostIP} ${podIP}`;
}

function addressLabels(hostIP: string, podIP: string): string {
  return `host_ip="${labelValue(hostIP)}",pod_ip="${labelValue(podIP)}"`;
}

function newSeries(labels: string): AddressSeries {
  return { labels, slots: { ping: -1, check: -1 }, connectUs: 0, firstByteUs: 0, phaseCount: 0, hasLeft: false };
}
