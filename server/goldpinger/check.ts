import { goError } from '../protocol/go-errors.ts';
import { isWorseResult } from '../protocol/link-state.ts';
import type { Target } from '../protocol/pod.ts';
import type { Outcome, ProbeResult, Sample } from '../protocol/sample.ts';

/** What our own `/check` is made of. */
export interface OwnResults {
  /** Every target with its last sample; null = not yet probed, then it is left out. */
  links: Iterable<{ target: Target; sample: Sample | null }>;
  probes: readonly ProbeResult[];
  displayNodeName: boolean;
}

/** Goldpinger's `/check` as JSON in pieces, about one a pod. A pod probed over both families stands there once. */
export function* checkAnswer(own: OwnResults): Generator<string> {
  const links = [...own.links];
  const keys = resultKeys(
    links.map(({ target }) => target),
    own.displayNodeName,
  );
  const worst = new Map<string, { target: Target; sample: Sample }>();
  for (const { target, sample } of links) {
    const key = keys.get(target.uid);
    if (sample === null || key === undefined) continue;
    const other = worst.get(key);
    if (other === undefined || isWorseSample(sample, other.sample)) worst.set(key, { target, sample });
  }
  const writer = new PodResultWriter();
  yield '{"podResults":{';
  let comma = '';
  for (const key of [...worst.keys()].sort()) {
    const link = worst.get(key);
    if (link !== undefined) yield `${comma}${JSON.stringify(key)}:${resultOf(link.target, link.sample, writer)}`;
    comma = ',';
  }
  yield `}${externalResults(own.probes)}}`;
}

function isWorseSample(a: Sample, b: Sample): boolean {
  return isWorseResult(a.outcome !== 'ok', a.totalUs, b.outcome !== 'ok', b.totalUs);
}

function resultOf(target: Target, sample: Sample, writer: PodResultWriter): string {
  const { address, port } = target;
  const { outcome, phase, detail, atMs, totalUs, bootTimeMs } = sample;
  const error = outcome === 'ok' ? '' : goError({ path: '/ping', address, port, outcome, phase, detail });
  const to = writer.addressee(target.hostIP, target.podIP, bootTimeMs);
  return writer.write(to, { outcome, pingMs: atMs, totalUs, error });
}

/** Whom a ping went to, as JSON that is made once and written a thousand times. */
export interface Addressee {
  /** Up to the value of `OK`. */
  head: string;
  /** From `PodIP` on. */
  podIP: string;
  /** From `response` on: the answer's boot time. */
  response: string;
}

/** What one ping came to. */
export interface PingEnd {
  outcome: Outcome;
  /** When it ended, ms since the epoch; -1 if unknown. */
  pingMs: number;
  totalUs: number;
  /** In words, where it failed. */
  error: string;
}

const TWO_DIGITS = Array.from({ length: 60 }, (_, i) => String(i).padStart(2, '0'));
const THREE_DIGITS = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'));
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Writes results of pings as Goldpinger does: keys in alphabetical order, what is empty left out. */
export class PodResultWriter {
  /** Times of one minute differ in their last digits only; a report of 1000 pings spans few minutes. */
  readonly #minutes = new Map<number, string>();

  /** A pod in one family; `bootTimeMs` is -1 if unknown. */
  addressee(hostIP: string, podIP: string, bootTimeMs: number): Addressee {
    const boot = bootTimeMs < 0 ? '' : `"boot_time":"${this.#time(bootTimeMs)}"`;
    return {
      head: `{"HostIP":${JSON.stringify(hostIP)},"OK":`,
      podIP: `,"PodIP":${JSON.stringify(podIP)}`,
      response: `,"response":{${boot}}`,
    };
  }

  /**
   * One entry of `podResults` without its key. `status-code` is 504 for any failure, and 500 where there was no IP to
   * ping, as in Go; `response-time-ms` is cut, not rounded, and left out when 0.
   */
  write(to: Addressee, { outcome, pingMs, totalUs, error }: PingEnd): string {
    const ms = Math.trunc(totalUs / 1000);
    const time = pingMs < 0 ? '' : `,"PingTime":"${this.#time(pingMs)}"`;
    const tookMs = ms > 0 ? `,"response-time-ms":${ms}` : '';
    if (outcome === 'ok') return `${to.head}true${time}${to.podIP}${to.response}${tookMs},"status-code":200}`;
    const status = outcome === 'no-address' ? 500 : 504;
    return `${to.head}false${time}${to.podIP},"error":${JSON.stringify(error)}${tookMs},"status-code":${status}}`;
  }

  /** RFC 3339 in UTC with milliseconds, as `Date.toISOString` but for a million of them. */
  #time(ms: number): string {
    const bounded = Math.min(Math.max(0, Math.round(ms)), LAST_MS);
    const minute = Math.floor(bounded / 60_000);
    let head = this.#minutes.get(minute);
    if (head === undefined) {
      if (this.#minutes.size > 1_000) this.#minutes.clear();
      head = new Date(minute * 60_000).toISOString().slice(0, 17);
      this.#minutes.set(minute, head);
    }
    const rest = bounded - minute * 60_000;
    const second = Math.floor(rest / 1000);
    return `${head}${TWO_DIGITS[second]}.${THREE_DIGITS[rest - second * 1000]}Z`;
  }
}

/** What a key is made of; a Pod and a Target both are one. */
interface Named {
  uid: string;
  name: string;
  namespace: string;
  node: string;
}

/**
 * The key under which each pod stands in Goldpinger's maps, by uid: its name, or its node's with DISPLAY_NODENAME.
 * Unlike in Goldpinger no two pods share one: pods of a name get `namespace/name`, pods of a node `node (name)`.
 */
export function resultKeys(pods: readonly Named[], displayNodeName: boolean): Map<string, string> {
  const keys = new Map<string, string>();
  const ways: ((pod: Named) => string)[] = [
    (pod) => pod.name,
    (pod) => `${pod.namespace}/${pod.name}`,
    (pod) => `${pod.namespace}/${pod.name} ${pod.uid}`,
  ];
  if (displayNodeName) {
    ways.unshift(
      (pod) => (pod.node === '' ? pod.name : pod.node),
      (pod) => `${pod.node} (${pod.name})`,
      (pod) => `${pod.node} (${pod.namespace}/${pod.name})`,
    );
  }
  let open = [...new Map(pods.map((pod) => [pod.uid, pod])).values()];
  const taken = new Set<string>();
  for (const keyOf of ways) {
    const wanted = new Map<string, number>();
    for (const pod of open) wanted.set(keyOf(pod), (wanted.get(keyOf(pod)) ?? 0) + 1);
    const clash = (key: string) => taken.has(key) || wanted.get(key) !== 1;
    for (const pod of open) if (!clash(keyOf(pod))) keys.set(pod.uid, keyOf(pod));
    for (const pod of open) taken.add(keyOf(pod));
    open = open.filter((pod) => !keys.has(pod.uid));
  }
  // Hostile names may still collide; a uid never does.
  for (const pod of open) keys.set(pod.uid, taken.has(pod.uid) ? `${pod.uid} of ${pod.namespace}` : pod.uid);
  return keys;
}

/** One external probe's result as Goldpinger tells it; one not made yet is none. */
export function externalResult(probe: ProbeResult): string {
  const ms = Math.trunc(probe.durationUs / 1000);
  const error = probe.error === '' ? '' : `"error":${JSON.stringify(probe.error)},`;
  const time = ms > 0 ? `,"response-time-ms":${ms}` : '';
  return `{${error}"protocol":"${probe.protocol}"${time}}`;
}

/** Goldpinger's `probeResults` of one pod, with its key and a comma before it; '' if nothing has been probed. */
export function externalResults(probes: readonly ProbeResult[]): string {
  const byTarget = new Map<string, string[]>();
  for (const probe of probes) {
    if (probe.atMs === 0) continue;
    byTarget.set(probe.target, [...(byTarget.get(probe.target) ?? []), externalResult(probe)]);
  }
  if (byTarget.size === 0) return '';
  const entries = [...byTarget.keys()].sort().map((target) => `${JSON.stringify(target)}:[${byTarget.get(target)}]`);
  return `,"probeResults":{${entries.join(',')}}`;
}
