import { type ChildProcess, spawn } from 'node:child_process';
import type { EventKind } from '../../server/protocol/event.ts';
import type { FindingKind } from '../../server/protocol/finding.ts';
import type { UdpResult } from '../../server/protocol/sample.ts';
import type { NetworkCluster } from './cluster.ts';
import type { Look, Truth } from './looks.ts';
import { FRESH_INTERVALS, type NetworkPod, UDP_PORT } from './pod.ts';

/** What the first finding must be. What is left out may be anything; `about` is one of its pods. */
export interface Expected {
  kind?: FindingKind;
  subject?: string;
  about?: string;
  /** A part of its title. */
  says?: string;
}

/** A fault, and what the pods must say about it. Pods are given by name. */
export interface Scenario extends Truth {
  name: string;
  plant: (cluster: NetworkCluster) => unknown;
  /** Ends the fault. By default all packets pass again. */
  remove?: (cluster: NetworkCluster) => unknown;
  /** The pods that are asked. */
  asked: readonly string[];
  /** The first finding of the pod that is asked; 'nothing' = nothing may stand out until `isOver`. */
  first: Expected | ((asked: string) => Expected) | 'nothing';
  isOver?: (look: Look) => boolean;
  /** What the cluster measures wrongly while it lasts, since `plantedMs` (ms since the epoch). */
  wronglyMeasured?: (cluster: NetworkCluster, plantedMs: number) => Promise<string[]>;
  /** Whether `/cluster_health` stays 200, false by default; 'at times' if that depends on the newest ping. */
  isHealthy?: boolean | 'at times';
  /** The most intervals until it is told, and until nothing stands out after its end: see faults.test.ts for the default. */
  toldWithin?: number;
  recoveredWithin?: number;
  /**
   * How many intervals it must stay told. The default makes each fault an outage (see INTERMITTENT), which leaves no traces
   * in the next scenario.
   */
  staysFor?: number;
  /**
   * Links that events may tell of besides those of `affects`: of lost datagrams, and of a ping that failed before its pod could
   * know that the other one is starved.
   */
  noted?: Truth['affects'];
  /**
   * Whether the past tells the same later. Not if it knows more (both sides of a cut report later), if each ping changes what
   * is told, or if what was told is not kept (docs/past.md).
   */
  isPastAsked?: false;
  /** Events that must be told while it lasts, and after its end. */
  events?: readonly EventKind[];
  eventsAfter?: readonly EventKind[];
}

const IN_EAST = /^[ab]/;
const inEast = (pod: string) => IN_EAST.test(pod);
const ALL = ['a1', 'a2', 'a3', 'b1', 'b2', 'b3', 'c1', 'c2', 'd1', 'd2'];

/** Links into or out of a pod. The pod still reaches itself. */
const around = (pod: string) => (from: string, to: string) => from !== to && (from === pod || to === pod);
const into = (pod: string) => (from: string, to: string) => from !== to && to === pod;
const onlyLink = (source: string, destination: string) => (from: string, to: string) =>
  from === source && to === destination;
const eitherWay = (one: string, other: string) => (from: string, to: string) =>
  (from === one && to === other) || (from === other && to === one);

/** Filters what `source` sends to the port of `destination`. */
const filterLink = (source: string, destination: string, action: string) => (cluster: NetworkCluster) =>
  cluster.pod(destination).filter({ input: [cluster.incoming([source], action)] });

/** Slower than SLOW_LINK (100 ms), and far from PING_TIMEOUT (300 ms). */
const SLOW_MS = 120;
/** After three good pings a slow link is normal again (SLOW_RUN). */
const LINK_IS_SLOW = {
  isHealthy: true,
  recoveredWithin: 4,
  events: ['link-slow'],
  eventsAfter: ['link-normal'],
} as const;
const NO_LINK_EVENTS = { events: [], eventsAfter: [] } as const;

/**
 * Says so if the share of the datagrams of a link that were lost since `sinceMs` (ms since the epoch) is not in `range`, by the cycles
 * that its source has kept. Without any it says so too.
 */
async function lossOutside(
  range: [number, number],
  from: NetworkPod,
  to: NetworkPod,
  sinceMs: number,
): Promise<string[]> {
  const answer = await fetch(`${from.url}/api/v1/link?from=${from.uid}&to=${to.uid}`);
  const { udp } = (await answer.json()) as { udp: UdpResult[] };
  const [sent, lost] = udp
    .filter(({ atMs, suspect }) => atMs >= sinceMs && !suspect)
    .reduce(([all, bad], cycle) => [all + cycle.sent, bad + cycle.lost], [0, 0]);
  const share = lost / sent;
  return share >= range[0] && share <= range[1] ? [] : [`${from.name} → ${to.name}: ${lost} of ${sent} datagrams lost`];
}

let openMark = 0;
const hogs: ChildProcess[] = [];

/**
 * Stops a pod for seven tenths of the time, as the CPU limit of a container does, but not long enough to be slow. A process of
 * its own does it, ahead of all others: timers of this process are late on a busy machine, and would stop the pod for longer.
 */
function throttle(pod: NetworkPod): ChildProcess {
  const script = 'while kill -STOP "$0"; do sleep 0.07; kill -CONT "$0"; sleep 0.03; done';
  return spawn('nice', ['-n', '-15', 'sh', '-c', script, String(pod.pid)], { stdio: 'ignore' });
}

/** All scenarios. They run one after another in one cluster, and each leaves it as it was, so that it can be tried again. */
export const SCENARIOS: Scenario[] = [
  {
    name: 'a killed pod',
    plant: (cluster) => cluster.pod('b2').kill(),
    remove: (cluster) => cluster.pod('b2').run(),
    affects: around('b2'),
    culprits: ['b2'],
    asked: ['c1'],
    first: { kind: 'pod-unreachable', subject: 'b2' },
  },
  {
    name: 'a frozen pod',
    plant: (cluster) => cluster.pod('a2').signal('SIGSTOP'),
    remove: (cluster) => cluster.pod('a2').signal('SIGCONT'),
    affects: (from, to) => from === 'a2' || to === 'a2',
    culprits: ['a2'],
    asked: ['c1'],
    first: { kind: 'pod-unreachable', subject: 'a2' },
  },
  {
    name: 'connections in one direction dropped',
    plant: filterLink('a1', 'c1', 'drop'),
    affects: onlyLink('a1', 'c1'),
    culprits: ['c1'],
    asked: ['b1'],
    first: { kind: 'one-way', subject: 'a1 → c1' },
  },
  {
    name: 'connections in one direction reset',
    plant: filterLink('c2', 'b3', 'tcp flags & psh == psh reject with tcp reset'),
    affects: onlyLink('c2', 'b3'),
    culprits: ['b3'],
    asked: ['d1'],
    first: { kind: 'one-way', subject: 'c2 → b3' },
  },
  {
    name: 'connections in one direction rejected by ICMP',
    plant: filterLink('b1', 'd2', 'reject with icmp admin-prohibited'),
    affects: onlyLink('b1', 'd2'),
    culprits: ['d2'],
    asked: ['a1'],
    first: { kind: 'one-way', subject: 'b1 → d2' },
  },
  {
    name: 'both directions of a link dropped',
    plant: (cluster) => cluster.cut(['a1'], ['d1']),
    affects: eitherWay('a1', 'd1'),
    culprits: ['a1', 'd1'],
    asked: ['b1'],
    first: { kind: 'link', subject: 'a1 ⇄ d1' },
  },
  {
    name: 'an isolated node, asked inside and outside',
    plant: (cluster) => cluster.cut(['a1', 'a2', 'a3'], cluster.others('a1', 'a2', 'a3')),
    affects: (from, to) => from.startsWith('a') !== to.startsWith('a'),
    culprits: ['a1', 'a2', 'a3'],
    asked: ['a1', 'c1'],
    first: { kind: 'node', subject: 'node alpha' },
  },
  {
    name: 'a zone cut off from the other one',
    isPastAsked: false,
    plant: (cluster) => cluster.cut(ALL.filter(inEast), cluster.others(...ALL.filter(inEast))),
    affects: (from, to) => inEast(from) !== inEast(to),
    culprits: ALL,
    asked: ['a1', 'd1'],
    // Each side has only its own reports. The smaller one cannot tell which of the two is cut off.
    first: (asked) => ({ kind: asked === 'a1' ? 'zone-block' : 'cut-off' }),
  },
  {
    name: 'nothing gets into a pod',
    plant: (cluster) => cluster.pod('c2').filter({ input: [cluster.incoming(cluster.others('c2'), 'drop')] }),
    affects: into('c2'),
    culprits: ['c2'],
    asked: ['a1'],
    first: { kind: 'pod-unreachable', subject: 'c2' },
  },
  {
    name: 'nothing gets out of a pod',
    plant: (cluster) =>
      cluster.pod('d1').filter({ output: [`ip daddr ${cluster.addresses(cluster.others('d1'))} tcp dport 8080 drop`] }),
    affects: (from, to) => from === 'd1' && to !== 'd1',
    culprits: ['d1'],
    asked: ['a1'],
    first: { kind: 'pod-reaches-nobody', subject: 'd1' },
  },
  {
    name: 'a slow pod',
    plant: (cluster) => cluster.delay(cluster.others('d2'), 'd2', SLOW_MS),
    affects: into('d2'),
    culprits: ['d2'],
    asked: ['a1'],
    first: { kind: 'pod-slow', subject: 'd2' },
    ...LINK_IS_SLOW,
  },
  {
    name: 'a slow link',
    plant: (cluster) => cluster.delay(['a3'], 'c2', SLOW_MS),
    affects: onlyLink('a3', 'c2'),
    culprits: ['c2'],
    asked: ['b1'],
    first: { kind: 'link-slow', subject: 'a3 → c2' },
    toldWithin: 4,
    ...LINK_IS_SLOW,
  },
  {
    name: 'new connections to a pod dropped',
    plant: (cluster) =>
      cluster.pod('c1').filter({ input: [cluster.incoming(cluster.others('c1'), 'tcp flags syn drop')] }),
    affects: into('c1'),
    culprits: ['c1'],
    asked: ['a1'],
    first: { kind: 'pod-unreachable', subject: 'c1', says: 'only new connections fail' },
    // Each link opens a new connection within FRESH_CONNECTION_INTERVAL and one interval.
    toldWithin: FRESH_INTERVALS + 2,
  },
  {
    name: 'open connections to a pod dropped',
    isPastAsked: false,
    // Connections that open from now on carry a mark, another one at each try.
    plant: (cluster) => {
      const others = cluster.others('b2');
      openMark += 1;
      const input = [
        cluster.incoming(others, `tcp flags syn ct mark set ${openMark}`),
        cluster.incoming(others, `ct mark != ${openMark} drop`),
      ];
      return cluster.pod('b2').filter({ input });
    },
    affects: into('b2'),
    culprits: ['b2'],
    asked: ['a1'],
    // Each link fails for one interval, and not all at the same time.
    first: { about: 'b2', says: 'only open connections fail' },
    // The next ping opens a new connection, which works.
    isHealthy: 'at times',
    staysFor: 0,
  },
  {
    name: '30 % of the packets of a link lost',
    isPastAsked: false,
    plant: filterLink('b1', 'c1', 'numgen random mod 100 < 30 drop'),
    affects: onlyLink('b1', 'c1'),
    culprits: ['c1'],
    asked: ['a1'],
    // After one failed ping it is a link that fails, and no finding after the next good one: two failures tell what it is.
    first: { kind: 'link-intermittent', subject: 'b1 → c1' },
    isHealthy: 'at times',
    toldWithin: 8,
    // A finding that ends with the next good ping would come and go while the fault lasts.
    recoveredWithin: 60,
  },
  {
    name: '20 % of the datagrams of a link lost',
    plant: (cluster) => {
      const rule = `ip saddr ${cluster.pod('b1').address} udp dport ${UDP_PORT} numgen random mod 100 < 20 drop`;
      return cluster.pod('b3').filter({ input: [rule] });
    },
    // No ping fails.
    affects: () => false,
    culprits: ['b3'],
    asked: ['a1', 'b1'],
    first: { kind: 'link-lossy', subject: 'b1 → b3', says: 'HTTP works' },
    wronglyMeasured: async (cluster, plantedMs) => {
      const [b1, b3] = [cluster.pod('b1'), cluster.pod('b3')];
      // 100 datagrams or more.
      const there = await lossOutside([0.05, 0.4], b1, b3, plantedMs);
      return [...there, ...(await lossOutside([0, 0.02], b3, b1, plantedMs))];
    },
    isHealthy: true,
    // The last minute counts, at this interval: until 2 % of its datagrams are lost, and until few of those that are are left.
    toldWithin: 15,
    recoveredWithin: 65,
    noted: (from, to) => from === 'b1' && to === 'b3',
    events: ['link-lossy'],
    eventsAfter: ['link-loss-over'],
  },
  {
    name: 'the Kubernetes API unreachable for one pod, while another pod comes',
    isPastAsked: false,
    plant: async (cluster) => {
      await cluster.cutApi(['b3']);
      await cluster.addPod('c3', cluster.pod('c1').node);
    },
    remove: async (cluster) => {
      await cluster.unfilter();
      await cluster.deletePod('c3');
    },
    affects: () => false,
    culprits: ['b3'],
    asked: ['b3', 'c1'],
    first: (asked) =>
      asked === 'b3' ? { kind: 'api-away', subject: 'Kubernetes API' } : { kind: 'list-differs', subject: 'b3' },
    toldWithin: 15,
    recoveredWithin: 5,
    events: ['api-lost'],
    eventsAfter: ['api-back'],
  },
  {
    name: 'the Kubernetes API unreachable for all pods',
    plant: (cluster) => cluster.cutApi(ALL),
    affects: () => false,
    culprits: ALL,
    asked: ['a1', 'd2'],
    first: { kind: 'api-away', subject: 'Kubernetes API' },
    toldWithin: 15,
    recoveredWithin: 5,
    events: ['api-lost'],
    eventsAfter: ['api-back'],
  },
  {
    name: 'four busy loops, and a throttled pod',
    isPastAsked: false,
    plant: (cluster) => {
      hogs.push(throttle(cluster.pod('c2')));
      // With the rank of the pods they would leave a throttled one too little to answer within PING_TIMEOUT.
      const hog = ['-n', '5', process.execPath, '-e', 'for(;;);'];
      for (let i = 0; i < 4; i++) hogs.push(spawn('nice', hog, { stdio: 'ignore' }));
    },
    remove: (cluster) => {
      for (const hog of hogs.splice(0)) hog.kill('SIGKILL');
      cluster.pod('c2').signal('SIGCONT');
    },
    affects: () => false,
    culprits: [],
    asked: ['a1'],
    first: 'nothing',
    // The machine may starve other pods too, and those come first by name.
    isOver: ({ mesh: { pods, reports, findings } }) => {
      const c2 = pods.findIndex(({ name }) => name === 'c2');
      const isStarved = reports.some(({ pod, starvation }) => pod === c2 && starvation?.unreliable === true);
      return isStarved && findings.some((finding) => finding.kind === 'cpu-starved' && finding.pods.includes(c2));
    },
    noted: into('c2'),
    isHealthy: true,
    toldWithin: 10,
    staysFor: 8,
    recoveredWithin: 30,
    events: ['cpu-starved'],
    eventsAfter: ['cpu-recovered'],
  },
  {
    name: 'a pod that says that none of its pings succeeds',
    isPastAsked: false,
    plant: (cluster) => cluster.lie('b1'),
    affects: (from) => from === 'b1',
    culprits: ['b1'],
    asked: ['a1'],
    first: { kind: 'pod-reaches-nobody', subject: 'b1' },
    ...NO_LINK_EVENTS,
  },
  {
    name: 'a pod replaced by another one',
    isPastAsked: false,
    plant: (cluster) => cluster.replacePod('d2', 'd3'),
    remove: (cluster) => cluster.replacePod('d3', 'd2'),
    affects: () => false,
    culprits: [],
    asked: ['a1'],
    first: 'nothing',
    isOver: ({ mesh: { pods, reports } }) => {
      const isGone = pods.every(({ name, lifecycle }) => name !== 'd2' || lifecycle === 'gone');
      return isGone && reports.some(({ pod, missing }) => pods[pod]?.name === 'd3' && missing === '');
    },
    isHealthy: true,
    toldWithin: 8,
    recoveredWithin: 8,
    events: ['pod-terminating', 'pod-gone', 'pod-replaced', 'pod-ready'],
    eventsAfter: [],
  },
];
