import type { Pod, Target } from '../protocol/pod.ts';
import { OUTCOMES, type Outcome, PHASES, type Phase } from '../protocol/sample.ts';
import { type FamilyHead, type Format, headText, seriesText } from './exposition.ts';
import { Latencies } from './latencies.ts';

/** How many kinds of failure there are, by outcome and phase; see `failureIndex`. */
const FAILURE_KINDS = OUTCOMES.length * (PHASES.length + 1);

/** Where a failure of that outcome in that phase is counted. */
export function failureIndex(outcome: Outcome, phase: Phase | null): number {
  return OUTCOMES.indexOf(outcome) * (PHASES.length + 1) + (phase === null ? 0 : PHASES.indexOf(phase) + 1);
}

/** The labels of the failures counted at `index`. */
export function failureLabels(index: number): { outcome: Outcome; phase: Phase | 'none' } {
  const width = PHASES.length + 1;
  return { outcome: OUTCOMES[Math.floor(index / width)] ?? 'malformed', phase: PHASES[(index % width) - 1] ?? 'none' };
}

/** What is told about one peer by name. */
interface PairSeries {
  /** The peer's names and addresses. */
  readonly labels: string;
  /** null until the link's state is known. */
  isUp: boolean | null;
  /** By `failureIndex`; null until the first failure. */
  failures: Uint32Array | null;
}

/** The peers we ping, each with the series that name it. */
export class Pairs {
  #byTarget = new Map<string, { target: Target; series: PairSeries }>();

  /** Keeps the series of these targets, adds missing ones and drops those of departed ones. */
  setTargets(targets: readonly Target[]): void {
    const byLabels = new Map<string, PairSeries>();
    for (const { series } of this.#byTarget.values()) byLabels.set(series.labels, series);
    const next = new Map<string, { target: Target; series: PairSeries }>();
    for (const target of targets) {
      const known = this.#byTarget.get(target.id);
      const labels =
        known !== undefined && hasSameLabels(known.target, target) ? known.series.labels : pairLabels(target);
      const series = byLabels.get(labels) ?? { labels, isUp: null, failures: null };
      byLabels.set(labels, series);
      next.set(target.id, { target, series });
    }
    this.#byTarget = next;
  }

  /** The series of a target; undefined once it has departed. */
  find(targetId: string): PairSeries | undefined {
    return this.#byTarget.get(targetId)?.series;
  }

  /** All series at this moment, each once. */
  list(): PairSeries[] {
    return [...new Set([...this.#byTarget.values()].map(({ series }) => series))];
  }
}

/** Counts one failure. */
export function countFailure(series: PairSeries, outcome: Outcome, phase: Phase | null): void {
  series.failures ??= new Uint32Array(FAILURE_KINDS);
  const index = failureIndex(outcome, phase);
  series.failures[index] = (series.failures[index] ?? 0) + 1;
}

/** Comparing is a tenth of the work of writing the labels again. */
function hasSameLabels(a: Target, b: Target): boolean {
  const isSamePlace = a.node === b.node && a.podIP === b.podIP && a.hostIP === b.hostIP;
  return isSamePlace && a.name === b.name && a.namespace === b.namespace;
}

function pairLabels(target: Target): string {
  const names = `peer="${labelValue(target.name)}",peer_namespace="${labelValue(target.namespace)}"`;
  const places = `peer_node="${labelValue(target.node)}",pod_ip="${labelValue(target.podIP)}"`;
  return `${names},${places},host_ip="${labelValue(target.hostIP)}"`;
}

/** What we call a peer for, as Goldpinger's label `call_type` says it. */
type CallType = 'ping' | 'check';

/** The calls to one address: a pod's IP on a host's. A histogram is there once a call has succeeded. */
interface AddressSeries {
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

/** How many series (a histogram counts as one) are rendered before the loop gets its turn. */
const SLICE = 50;

const LATENCY: FamilyHead = {
  name: 'goldpinger_peers_response_time_s',
  type: 'histogram',
  help: 'Response times of calls to other instances in seconds, successful calls only.',
};
const PHASE: FamilyHead = {
  name: 'goldpinger_peer_phase_seconds',
  type: 'summary',
  help: 'Time that successful pings spent connecting, and waiting for the first byte of the answer.',
};
const UP: FamilyHead = {
  name: 'goldpinger_peer_up',
  type: 'gauge',
  help: 'Whether the link to a peer works (1) or fails (0), a ping from a starved moment alone not believed.',
};
const FAILURES: FamilyHead = {
  name: 'goldpinger_peer_ping_failures_total',
  type: 'counter',
  help: 'Failed pings by reported peer, outcome and phase, without timeouts that our own busy process may have caused.',
};

/** Failures that stand at 0 from the start, so that a rate sees the first one. */
const FROM_THE_START = new Set([failureIndex('refused', 'connect'), failureIndex('timeout', 'connect')]);
const FAILURE_LABELS = Array.from({ length: FAILURE_KINDS }, (_, index) => {
  const { outcome, phase } = failureLabels(index);
  return `outcome="${outcome}",phase="${phase}"`;
});

/** The families by address, in slices. `instance` is the label that every series has. */
export function* addressSlices(addresses: Addresses, instance: string, format: Format): Generator<string> {
  const all = addresses.list();
  const bare = (series: AddressSeries) => (series.labels === '' ? instance : `${instance},${series.labels}`);
  yield headText(LATENCY, format);
  for (const callType of ['check', 'ping'] as const) {
    yield* slices(all, (series) => {
      const slot = series.slots[callType];
      if (series.hasLeft || slot < 0) return '';
      return addresses.latencies.text(slot, LATENCY.name, `call_type="${callType}",${bare(series)}`, format);
    });
  }
  yield headText(PHASE, format);
  yield* slices(all, (series) => (series.phaseCount === 0 ? '' : phaseText(series, bare(series))));
}

/** The families by peer, in slices. */
export function* pairSlices(pairs: readonly PairSeries[], instance: string, format: Format): Generator<string> {
  yield headText(UP, format);
  yield* slices(pairs, (pair) =>
    pair.isUp === null ? '' : seriesText(UP.name, `${instance},${pair.labels}`, pair.isUp ? 1 : 0),
  );
  yield headText(FAILURES, format);
  yield* slices(pairs, (pair) => failuresText(pair, `${instance},${pair.labels}`));
}

function phaseText(series: AddressSeries, labels: string): string {
  const { name } = PHASE;
  const one = (phase: string, sumUs: number) =>
    seriesText(`${name}_sum`, `${labels},phase="${phase}"`, sumUs / 1e6) +
    seriesText(`${name}_count`, `${labels},phase="${phase}"`, series.phaseCount);
  return one('connect', series.connectUs) + one('first-byte', series.firstByteUs);
}

function failuresText(pair: PairSeries, labels: string): string {
  let lines = '';
  for (let index = 0; index < FAILURE_KINDS; index++) {
    const count = pair.failures?.[index] ?? 0;
    if (count === 0 && !FROM_THE_START.has(index)) continue;
    lines += seriesText(FAILURES.name, `${labels},${FAILURE_LABELS[index]}`, count);
  }
  return lines;
}

function* slices<T>(items: readonly T[], textOf: (item: T) => string): Generator<string> {
  for (let start = 0; start < items.length; start += SLICE) {
    let slice = '';
    for (const item of items.slice(start, start + SLICE)) slice += textOf(item);
    if (slice !== '') yield slice;
  }
}

/** The longest label value, in UTF-16 units: the longest name that Kubernetes allows. */
export const MAX_LABEL_LENGTH = 253;

// Most values are plain names and addresses, which one quick look tells.
const PLAIN = /^[\w .:/-]*$/;
// A NUL ends the text for some scrapers, and the other control characters have no business in a name.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNFIT = /[\u0000-\u0009\u000b-\u001f\u007f]|\p{Surrogate}/gu;
const SPECIAL = /[\\"\n]/g;

/** The start of a value that fits into a label: what is counted by label must be told apart by what is shown of it. */
export function bounded(value: string): string {
  return value.slice(0, MAX_LABEL_LENGTH);
}

/**
 * A label value as it stands between quotes in the exposition formats: at most `MAX_LABEL_LENGTH` units of the value,
 * backslash, quote and line feed escaped, other control characters and broken surrogates replaced by U+FFFD.
 */
export function labelValue(value: string): string {
  const short = bounded(value);
  if (PLAIN.test(short)) return short;
  return short.replace(UNFIT, '\ufffd').replace(SPECIAL, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}

/** Labels without braces (`a="1",b="2"`), in the order given; names are ours and taken as they are. */
export function labelText(labels: Readonly<Record<string, string | number>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${labelValue(String(value))}"`)
    .join(',');
}
