import { listChanges, type Pod, type Target } from '../protocol/pod.ts';
import type { Outcome, Phase, Sample, UdpResult } from '../protocol/sample.ts';
import { DurationSum, LatencyHistogram } from './latencies.ts';
import { type FamilyHead, type Format, headText, labelText, labelValue, seriesText } from './text-format.ts';

/*
 * The metrics that grow with the cluster. prom-client would render those of 1000 peers in one block of 50 ms, in which our
 * own pings would wait, so they are kept and rendered here, some series at a time.
 */

/** How many series are rendered at a time. A histogram is one of them, so that this takes up to half a millisecond. */
const SERIES_PER_SLICE = 50;

/** The series of one name. Each belongs to a peer, by labels that name it (`labelText`); '' = to all peers together. */
class Family<V extends number | DurationSum> {
  readonly #head: FamilyHead;
  readonly #newValue: () => V;
  /** By their own labels, then by those of the peer. Labels are not joined for each ping, which would take 10 us. */
  readonly #series = new Map<string, Map<string, { value: V }>>();

  constructor(head: FamilyHead, newValue: () => V) {
    this.#head = head;
    this.#newValue = newValue;
  }

  /** The series of a peer that has also the labels `own`; made if it is missing. */
  at(peer: string, own = ''): { value: V } {
    const byPeer = this.#series.get(own) ?? new Map<string, { value: V }>();
    if (byPeer.size === 0) this.#series.set(own, byPeer);
    const known = byPeer.get(peer);
    if (known !== undefined) return known;
    const series = { value: this.#newValue() };
    byPeer.set(peer, series);
    return series;
  }

  /** Drops the series of a peer. */
  drop(peer: string): void {
    for (const byPeer of this.#series.values()) byPeer.delete(peer);
  }

  clear(): void {
    this.#series.clear();
  }

  /** Renders the family in slices; nothing without series. `instance` is the label that every series has. */
  *render(instance: string, format: Format): Generator<string> {
    const { name } = this.#head;
    // A list of its own, because the peers may change between two slices.
    const all = [...this.#series].flatMap(([own, byPeer]) => Array.from(byPeer, (entry) => [own, ...entry] as const));
    if (all.length > 0) yield headText(this.#head, format);
    for (let start = 0; start < all.length; start += SERIES_PER_SLICE) {
      const texts = all.slice(start, start + SERIES_PER_SLICE).map(([own, peer, { value }]) => {
        const allLabels = [instance, own, peer].filter(Boolean).join(',');
        return typeof value === 'number' ? seriesText(name, allLabels, value) : value.text(name, allLabels, format);
      });
      yield texts.join('');
    }
  }
}

const counter = (name: string, help: string) => new Family<number>({ name, help, type: 'counter' }, () => 0);
const gauge = (name: string, help: string) => new Family<number>({ name, help, type: 'gauge' }, () => 0);
const histogram = (name: string, help: string) =>
  new Family({ name, help, type: 'histogram' }, () => new LatencyHistogram());
const summary = (name: string, help: string) => new Family({ name, help, type: 'summary' }, () => new DurationSum());

/** Whether the link to a target works; null = not known. */
type IsUpOf = (target: Target) => boolean | null;

/** A target that we ping. */
interface Peer {
  target: Target;
  /** Labels: its names and addresses, its addresses alone, and where its datagrams go. */
  named: string;
  address: string;
  host: string;
  isUp: boolean | null;
}

/**
 * Failures of pings that are shown from the start, as 0, so that a rate sees the first one. `ofPeer`: also for each peer. Only those
 * are that a killed pod causes, because each costs as many series as there are peers.
 */
export const FAILURES_FROM_THE_START = [
  { outcome: 'refused', phase: 'connect', ofPeer: true },
  { outcome: 'timeout', phase: 'connect', ofPeer: true },
  { outcome: 'reset', phase: 'first-byte', ofPeer: false },
  { outcome: 'timeout', phase: 'first-byte', ofPeer: false },
  { outcome: 'unreachable', phase: 'connect', ofPeer: false },
] as const;

const KILLED_FAILURES = FAILURES_FROM_THE_START.filter(({ ofPeer }) => ofPeer).map(failureLabels);

/**
 * The metrics of our peers. Latencies and results of the UDP probe are by address (a pod's IP on a host's IP), as Goldpinger's. Peers
 * with the same labels share their series, as a pod that terminates and the next one at its address: such a peer works if one of
 * them does. What is counted for a peer that has left, or is in no metric (IGNORE_CORDONED), is ignored.
 */
export class PeerMetrics {
  /** METRICS_PER_PEER; without it latencies, phases and counted datagrams have one series for all peers, and the rest has none. */
  readonly #perPeer: boolean;
  /** By the id of the target. */
  readonly #peers = new Map<string, Peer>();
  /** As of the last call of `setPeers`: only what has changed is looked at, because all of 6000 peers would take 13 ms. */
  #pods: readonly Pod[] = [];
  #targets: readonly Target[] = [];
  /** How many peers have each `named`, `host` and `address`. */
  readonly #named = new Uses();
  readonly #hosts = new Uses();
  readonly #pinged = new Uses();
  /** How many peers and pods that are not gone have each address. */
  readonly #addresses = new Uses();

  readonly #up = gauge(
    'goldpinger_peer_up',
    'Whether the link to a peer works (1) or fails (0). One ping of a moment without CPU does not change it.',
  );
  readonly #failures = counter(
    'goldpinger_peer_ping_failures_total',
    'Failed pings by peer, outcome and phase, without timeouts that our own busy process may have caused.',
  );
  readonly #latencies = histogram(
    'goldpinger_peers_response_time_s',
    'Response times of calls to other instances in seconds, successful calls only.',
  );
  readonly #phases = summary(
    'goldpinger_peer_phase_seconds',
    'Time that successful pings took to open a new connection, if they did, and to wait for the first byte of the answer.',
  );
  readonly #loss = gauge(
    'goldpinger_peers_loss_pct',
    'Percent (0-100) of the datagrams to a peer that were lost in the newest cycle.',
  );
  readonly #hops = gauge('goldpinger_peers_hop_count', 'Routers on the way to a peer.');
  readonly #roundTrips = histogram(
    'goldpinger_peers_udp_rtt_s',
    'Mean round trip of the datagrams of a cycle in seconds.',
  );
  readonly #duplicates = counter('goldpinger_udp_duplicates_total', 'Datagrams that came back a second time.');
  readonly #outOfOrder = counter('goldpinger_udp_out_of_order_total', 'Datagrams that came back after a later one.');
  readonly #udpErrors = counter('goldpinger_udp_errors_total', 'Datagrams that could not be sent, by address.');

  constructor(perPeer: boolean) {
    this.#perPeer = perPeer;
  }

  /**
   * Keeps the series of these pods and targets, and drops all others. Only targets have figures of the UDP probe. `isUpOf` gives the
   * state of a link whose series begins now: `setState` tells only changes, and a link that is in the metrics again
   * (IGNORE_CORDONED) may never change.
   */
  setPeers(pods: readonly Pod[], targets: readonly Target[], isUpOf: IsUpOf = () => null): void {
    const ofTargets = listChanges(this.#targets, targets);
    const ofPods = listChanges(this.#pods, pods);
    this.#targets = targets;
    this.#pods = pods;
    const left = new Map(ofTargets.removed.map(({ id }) => [id, this.#peers.get(id)]));
    for (const [id, peer] of left) {
      this.#peers.delete(id);
      if (peer !== undefined) this.#count(peer, -1);
    }
    for (const target of ofTargets.added) {
      const peer = this.#peerOf(target, left.get(target.id), isUpOf);
      this.#peers.set(target.id, peer);
      this.#count(peer, 1);
    }
    const addressesOf = (changed: readonly Pod[]) =>
      changed.filter(({ lifecycle }) => lifecycle !== 'gone').map((pod) => this.#addressOf(addressOf(pod)));
    for (const address of addressesOf(ofPods.added)) this.#addresses.change(address, 1);
    for (const address of addressesOf(ofPods.removed)) {
      this.#addresses.change(address, -1);
      this.#dropUnused(address);
    }
    for (const peer of left.values()) {
      if (peer === undefined || !this.#perPeer) continue;
      if (!this.#named.has(peer.named)) this.#failures.drop(peer.named);
      if (!this.#hosts.has(peer.host)) this.#udpErrors.drop(peer.host);
      this.#dropUnused(peer.address);
    }
  }

  #count({ named, host, address }: Peer, change: 1 | -1): void {
    this.#named.change(named, change);
    this.#hosts.change(host, change);
    this.#pinged.change(address, change);
    this.#addresses.change(address, change);
  }

  /** Drops the series of an address that nobody has any more. */
  #dropUnused(address: string): void {
    if (!this.#perPeer) return;
    if (!this.#addresses.has(address)) for (const family of [this.#latencies, this.#phases]) family.drop(address);
    const ofUdp = [this.#loss, this.#hops, this.#roundTrips, this.#duplicates, this.#outOfOrder];
    if (!this.#pinged.has(address)) for (const family of ofUdp) family.drop(address);
  }

  /** The peer of a target. `known`: the peer that had the same id until now; its state stays if its names and addresses do. */
  #peerOf(target: Target, known: Peer | undefined, isUpOf: IsUpOf): Peer {
    const { name, namespace, node, podIP: pod_ip, hostIP: host_ip } = target;
    const named = labelText({ peer: name, peer_namespace: namespace, peer_node: node, pod_ip, host_ip });
    const isUp = known?.named === named ? known.isUp : isUpOf(target);
    if (this.#perPeer) for (const failure of KILLED_FAILURES) this.#failures.at(named, failure);
    const host = this.#perPeer ? labelText({ host: target.address }) : '';
    return { target, named, address: this.#addressOf(target), host, isUp };
  }

  /** Sets the judged state of a link; false = it fails. */
  setState(target: Target, isUp: boolean): void {
    const peer = this.#peers.get(target.id);
    if (peer !== undefined) peer.isUp = isUp;
  }

  countFailure(target: Target, outcome: Outcome, phase: Phase | null): void {
    const peer = this.#peers.get(target.id);
    if (peer !== undefined && this.#perPeer)
      this.#failures.at(peer.named, failureLabels({ outcome, phase })).value += 1;
  }

  /** Counts a successful call for a report. */
  countCheck(pod: Pod, durationUs: number): void {
    const address = this.#addressOf(addressOf(pod));
    if (this.#addresses.has(address) && durationUs >= 0)
      this.#latencies.at(address, 'call_type="check"').value.observe(durationUs);
  }

  /** Counts a successful ping and its phases. Negative (not measured) durations are ignored. */
  countPing(target: Target, { connectUs, firstByteUs, totalUs }: Sample): void {
    const address = this.#peers.get(target.id)?.address;
    if (address === undefined) return;
    if (totalUs >= 0) this.#latencies.at(address, 'call_type="ping"').value.observe(totalUs);
    if (connectUs >= 0) this.#phases.at(address, 'phase="connect"').value.observe(connectUs);
    if (firstByteUs >= 0) this.#phases.at(address, 'phase="first-byte"').value.observe(firstByteUs);
  }

  /** Counts a cycle of the UDP probe; null = the link could not be measured. */
  countUdp(target: Target, result: UdpResult | null): void {
    const address = this.#peers.get(target.id)?.address;
    if (address === undefined || result?.suspect) return;
    this.#setGauge(this.#loss, address, result === null ? -1 : (100 * result.lost) / result.sent);
    this.#setGauge(this.#hops, address, result?.hops ?? -1);
    if (result === null) return;
    if (result.rttUs >= 0) this.#roundTrips.at(address).value.observe(result.rttUs);
    this.#duplicates.at(address).value += result.duplicates;
    this.#outOfOrder.at(address).value += result.outOfOrder;
  }

  /** `value`: negative = not known. */
  #setGauge(family: Family<number>, address: string, value: number): void {
    if (value < 0) family.drop(address);
    else if (this.#perPeer) family.at(address).value = value;
  }

  /** Counts a datagram of the UDP probe that could not be sent. */
  countUdpError(target: Target): void {
    const host = this.#peers.get(target.id)?.host;
    if (host !== undefined) this.#udpErrors.at(host).value += 1;
  }

  /** Renders all families in slices. `instance` is the label that every series has. */
  *render(instance: string, format: Format): Generator<string> {
    this.#up.clear();
    for (const { named, isUp } of this.#perPeer ? this.#peers.values() : []) {
      if (isUp === null) continue;
      const series = this.#up.at(named);
      series.value = Math.max(series.value, +isUp);
    }
    const ofPings = [this.#latencies, this.#phases, this.#up, this.#failures];
    const ofUdp = [this.#loss, this.#hops, this.#roundTrips, this.#duplicates, this.#outOfOrder, this.#udpErrors];
    for (const family of [...ofPings, ...ofUdp]) yield* family.render(instance, format);
  }

  /** The labels of an address; '' without METRICS_PER_PEER. */
  #addressOf({ hostIP, podIP }: Pick<Target, 'hostIP' | 'podIP'>): string {
    // Faster than `labelText`, for each pod after each change of the list.
    return this.#perPeer ? `host_ip="${labelValue(hostIP)}",pod_ip="${labelValue(podIP)}"` : '';
  }
}

/** Counts the users of labels. */
class Uses {
  readonly #counts = new Map<string, number>();

  has(labels: string): boolean {
    return this.#counts.has(labels);
  }

  change(labels: string, by: 1 | -1): void {
    const count = (this.#counts.get(labels) ?? 0) + by;
    if (count > 0) this.#counts.set(labels, count);
    else this.#counts.delete(labels);
  }
}

function addressOf({ hostIPs: [hostIP = ''], podIPs: [podIP = ''] }: Pod) {
  return { hostIP, podIP };
}

function failureLabels({ outcome, phase }: { outcome: Outcome; phase: Phase | null }): string {
  return labelText({ outcome, phase: phase ?? 'none' });
}
