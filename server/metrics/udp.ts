import type { Target } from '../protocol/pod.ts';
import type { UdpResult } from '../protocol/sample.ts';
import { type FamilyHead, type Format, headText, labelText, labelValue, seriesText } from './exposition.ts';
import { LatencyHistogram } from './latencies.ts';
import { slices } from './peers.ts';

/** The series of the UDP probe of one address: a pod's IP on a host's IP. */
interface UdpSeries {
  /** `host_ip` and `pod_ip`, with a comma before them; '' for all addresses together. */
  readonly labels: string;
  /** Of the newest cycle that counts: percent of datagrams lost, and routers on the way; -1 = not measured, unknown. */
  lossPct: number;
  hops: number;
  readonly roundTrips: LatencyHistogram;
  duplicates: number;
  outOfOrder: number;
}

const ALL_ADDRESSES = '';

/** The metrics of the UDP probe by address, with Goldpinger's names. Nothing is shown of an address before its first cycle. */
export class SeriesOfUdp {
  readonly #perPeer: boolean;
  /** The addresses of our targets, and the series of those that have had a cycle. */
  #series = new Map<string, UdpSeries | null>();
  /** Errors by the address that was sent to. */
  #errors = new Map<string, number>();

  /** `perPeer` (METRICS_PER_PEER) false: one series for all addresses, without loss and hops. */
  constructor(perPeer: boolean) {
    this.#perPeer = perPeer;
    if (!perPeer) this.#series.set(ALL_ADDRESSES, null);
  }

  /** Drops the series of all addresses but those of these targets. */
  setTargets(targets: readonly Target[]): void {
    const addresses = new Set(targets.map(({ address }) => address));
    for (const address of this.#errors.keys()) if (!addresses.has(address)) this.#errors.delete(address);
    if (!this.#perPeer) return;
    this.#series = new Map(targets.map((target) => [keyOf(target), this.#series.get(keyOf(target)) ?? null]));
  }

  /** Counts a cycle; null = the link could not be measured. Does nothing for a target that has left. */
  count(target: Target, result: UdpResult | null): void {
    const key = this.#perPeer ? keyOf(target) : ALL_ADDRESSES;
    const known = this.#series.get(key);
    if (known === undefined || result?.suspect) return;
    if (result === null) {
      if (known !== null) Object.assign(known, { lossPct: -1, hops: -1 });
      return;
    }
    const series = known ?? newSeries(this.#perPeer ? addressLabels(target) : '');
    this.#series.set(key, series);
    series.lossPct = (100 * result.lost) / result.sent;
    series.hops = result.hops;
    series.roundTrips.observe(result.rttUs);
    series.duplicates += result.duplicates;
    series.outOfOrder += result.outOfOrder;
  }

  /** Counts a datagram that could not be sent. */
  countError({ address }: Target): void {
    this.#errors.set(address, (this.#errors.get(address) ?? 0) + 1);
  }

  /** Renders the families in slices. `instance` is the label that every series has. Nothing where the probe is off. */
  *render(instance: string, format: Format): Generator<string> {
    const all = [...this.#series.values()].filter((series) => series !== null);
    const family = (head: FamilyHead, figureOf: (series: UdpSeries) => number) =>
      familyText(head, all, format, (series) => {
        const value = figureOf(series);
        return value < 0 ? '' : seriesText(head.name, `${instance}${series.labels}`, value);
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
    yield* familyText(ERRORS, [...this.#errors], format, ([address, count]) =>
      seriesText(ERRORS.name, `${instance},${labelText({ host: address })}`, count),
    );
  }
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

function keyOf({ hostIP, podIP }: Target): string {
  return `${hostIP} ${podIP}`;
}

function addressLabels({ hostIP, podIP }: Target): string {
  return `,host_ip="${labelValue(hostIP)}",pod_ip="${labelValue(podIP)}"`;
}

function newSeries(labels: string): UdpSeries {
  return { labels, lossPct: -1, hops: -1, roundTrips: new LatencyHistogram(), duplicates: 0, outOfOrder: 0 };
}

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
const ERRORS: FamilyHead = {
  name: 'goldpinger_udp_errors_total',
  type: 'counter',
  help: 'Datagrams that could not be sent, by address.',
};
