import { goError } from '../protocol/go-errors.ts';
import { isWorseResult } from '../protocol/link-state.ts';
import type { Pod, Target } from '../protocol/pod.ts';
import { podNamer } from '../protocol/pod-names.ts';
import type { Outcome, ProbeResult, Sample } from '../protocol/sample.ts';
import { LAST_MOMENT_MS } from '../runtime/time.ts';

/** This pod's results, for `/check`. */
export interface OwnResults {
  /** Every target with the sample that stands for it; null = not yet probed, then it is left out. */
  links: readonly { target: Target; judged: Sample | null }[];
  probes: readonly ProbeResult[];
  displayNodeName: boolean;
}

/**
 * Goldpinger's `/check` as JSON, in pieces for `sendPieces`: about one for each pod. A pod that is probed over both IP families
 * appears once, with the worse result.
 */
export function* checkAnswer({ links, probes, displayNodeName }: OwnResults): Generator<string> {
  const targets = links.map(({ target }) => target);
  const keys = resultKeys(targets, displayNodeName);
  const worst = new Map<string, { target: Target; sample: Sample }>();
  for (const { target, judged: sample } of links) {
    const key = keys.get(target.uid);
    if (sample === null || key === undefined) continue;
    const other = worst.get(key);
    if (other === undefined || isWorse(sample, other.sample)) worst.set(key, { target, sample });
  }
  yield '{"podResults":{';
  for (const [i, [key, { target, sample }]] of [...worst].sort(([a], [b]) => (a < b ? -1 : 1)).entries()) {
    const { address, port } = target;
    const { outcome, phase, detail, atMs, totalUs, bootTimeMs } = sample;
    const error = outcome === 'ok' ? '' : goError({ path: '/ping', address, port, outcome, phase, detail });
    const pod = podJson(key, target.hostIP, target.podIP, bootTimeMs);
    const result = resultJson(pod, { outcome, pingMs: atMs, totalUs, error });
    // The comma before the first result is left out.
    yield i === 0 ? result.slice(1) : result;
  }
  yield `}${probeResultsJson(probes)}}`;
}

/** The parts of a ping's result that depend on the pinged pod only, as JSON. */
export interface PodJson {
  /** From the comma before the key up to the value of `OK`. */
  head: string;
  podIP: string;
  /** `response`, which a failed ping does not have. */
  response: string;
  /** Of an ok ping: what stands before and after its time. `/check_all` of 1000 pods joins a million of them. */
  beforeTime: string;
  afterTime: string;
}

/** The result of one ping. */
export interface PingResult {
  outcome: Outcome;
  /** When it ended, ms since the epoch; -1 if unknown. */
  pingMs: number;
  totalUs: number;
  /** The error text of a failed ping. */
  error: string;
}

/** The JSON that depends on the pinged pod and its key, called over one IP family; `bootTimeMs` is -1 if unknown. */
export function podJson(key: string, hostIP: string, podIP: string, bootTimeMs: number): PodJson {
  const boot = bootTimeMs < 0 ? '' : `"boot_time":"${isoTime(bootTimeMs)}"`;
  const head = `,${JSON.stringify(key)}:{"HostIP":${JSON.stringify(hostIP)},"OK":`;
  const podIPField = `,"PodIP":${JSON.stringify(podIP)}`;
  const response = `,"response":{${boot}}`;
  return {
    head,
    podIP: podIPField,
    response,
    beforeTime: `${head}true,"PingTime":"`,
    afterTime: `"${podIPField}${response}`,
  };
}

/**
 * One entry of `podResults` with a comma before it, as Goldpinger's Go code writes it: keys in alphabetical order, empty values
 * left out. `status-code` is 500 if the pod had no IP to ping and 504 for any other failure, and `response-time-ms` is
 * truncated, not rounded, and left out when it is 0.
 */
export function resultJson(
  pod: PodJson,
  { outcome, pingMs, totalUs, error }: PingResult,
  timeText: (ms: number) => string = isoTime,
): string {
  const ms = Math.trunc(totalUs / 1000);
  if (outcome === 'ok' && pingMs >= 0) {
    return pod.beforeTime + timeText(pingMs) + pod.afterTime + (OK_ENDS[ms] ?? okEnd(ms));
  }
  const time = pingMs < 0 ? '' : `,"PingTime":"${timeText(pingMs)}"`;
  if (outcome === 'ok') return `${pod.head}true${time}${pod.podIP}${pod.response}${okEnd(ms)}`;
  const duration = durationJson(ms);
  const status = outcome === 'no-address' ? 500 : 504;
  return `${pod.head}false${time}${pod.podIP},"error":${JSON.stringify(error)}${duration},"status-code":${status}}`;
}

function durationJson(ms: number): string {
  return ms > 0 ? `,"response-time-ms":${ms}` : '';
}

function okEnd(ms: number): string {
  return `${durationJson(ms)},"status-code":200}`;
}

/** `okEnd` of short durations. */
const OK_ENDS = Array.from({ length: 300 }, (_, ms) => okEnd(ms));

/** A time, ms since the epoch, as Go's JSON has it. */
function isoTime(ms: number): string {
  return new Date(Math.min(Math.max(0, Math.round(ms)), LAST_MOMENT_MS)).toISOString();
}

/**
 * Returns a function that does the same in a tenth of the time for many times that span few seconds: `/check_all` of 1000 pods has
 * a million.
 */
export function isoTimes(): (ms: number) => string {
  /** `2026-11-22T14:59:55.` by second. */
  const seconds = new Map<number, string>();
  return (ms) => {
    const wholeMs = Math.round(ms);
    const second = Math.floor(wholeMs / 1000);
    let text = seconds.get(second);
    if (text === undefined) {
      if (seconds.size >= MAX_SECONDS) seconds.clear();
      text = isoTime(second * 1000).slice(0, -4);
      seconds.set(second, text);
    }
    return text + MS_TEXTS[wholeMs - second * 1000];
  };
}

/** The most seconds whose texts are kept. */
const MAX_SECONDS = 1_000;
const MS_TEXTS = Array.from({ length: 1_000 }, (_, ms) => `${String(ms).padStart(3, '0')}Z`);

/** Whether result `a` is worse than `b`, which is the same pod's over the other IP family: see `isWorseResult`. */
export function isWorse(
  a: Pick<PingResult, 'outcome' | 'totalUs'>,
  b: Pick<PingResult, 'outcome' | 'totalUs'>,
): boolean {
  return isWorseResult(a.outcome !== 'ok', a.totalUs, b.outcome !== 'ok', b.totalUs);
}

/** What the key of a pod is made of. Pods and targets both have it. */
type Named = Pick<Pod, 'uid' | 'name' | 'namespace' | 'node'>;

/**
 * The key of each pod in Goldpinger's maps, by uid: the pod's name, or its node's with DISPLAY_NODENAME. Unlike in Goldpinger
 * no two pods share a key: pods with the same name get `namespace/name` (see `podNamer`), pods on the same node `node (name)`.
 */
export function resultKeys(pods: readonly Named[], displayNodeName: boolean): Map<string, string> {
  const nameOf = podNamer(pods);
  const podKeys: ((pod: Named) => string)[] = [nameOf, (pod) => `${pod.namespace}/${pod.name} ${pod.uid}`];
  const nodeKeys: ((pod: Named) => string)[] = [
    (pod) => (pod.node === '' ? nameOf(pod) : pod.node),
    (pod) => `${pod.node} (${nameOf(pod)})`,
  ];
  const keys = new Map<string, string>();
  let withoutKey = [...new Map(pods.map((pod) => [pod.uid, pod])).values()];
  // A key that several pods want is given to none of them.
  const taken = new Set<string>();
  for (const keyOf of displayNodeName ? [...nodeKeys, ...podKeys] : podKeys) {
    const counts = new Map<string, number>();
    for (const pod of withoutKey) counts.set(keyOf(pod), (counts.get(keyOf(pod)) ?? 0) + 1);
    for (const pod of withoutKey) {
      const key = keyOf(pod);
      if (!taken.has(key) && counts.get(key) === 1) keys.set(pod.uid, key);
    }
    for (const key of counts.keys()) taken.add(key);
    withoutKey = withoutKey.filter((pod) => !keys.has(pod.uid));
  }
  // Hostile names may still collide with each other, but uids do not.
  for (const pod of withoutKey) keys.set(pod.uid, taken.has(pod.uid) ? `${pod.uid} of ${pod.namespace}` : pod.uid);
  return keys;
}

/**
 * The results of external probes by target, each as one object of Goldpinger's JSON. Probes that have not run yet are left out.
 */
export function externalResults(probes: readonly ProbeResult[]): Map<string, string[]> {
  const byTarget = new Map<string, string[]>();
  for (const { target, protocol, atMs, durationUs, error } of probes) {
    if (atMs === 0) continue;
    const cause = error === '' ? '' : `"error":${JSON.stringify(error)},`;
    const duration = durationJson(Math.trunc(durationUs / 1000));
    const results = byTarget.get(target) ?? [];
    byTarget.set(target, results);
    results.push(`{${cause}"protocol":"${protocol}"${duration}}`);
  }
  return byTarget;
}

/** Goldpinger's `probeResults` of one pod, with its key and a comma before it; '' if nothing has been probed. */
export function probeResultsJson(probes: readonly ProbeResult[]): string {
  const entries = [...externalResults(probes)].sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return '';
  return `,"probeResults":{${entries.map(([target, list]) => `${JSON.stringify(target)}:[${list.join(',')}]`).join(',')}}`;
}
