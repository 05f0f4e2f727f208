import type { MissingReason } from '../../../server/protocol/mesh.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import type { Outcome, Phase, ProbeResult } from '../../../server/protocol/sample.ts';
import { podOf as podOfMesh } from '../mesh.ts';

/** The seed of made-up meshes. */
export const SEED = 1;

/** A number in [0, 1) that depends only on its arguments, so that the same scenario always makes the same mesh. */
export function chance(seed: number, ...parts: number[]): number {
  let hash = 2166136261 ^ seed;
  for (const part of parts) {
    hash = Math.imul(hash ^ (part + 0x9e3779b9), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return (hash >>> 0) / 2 ** 32;
}

/** The situations that the page must show correctly. `mixed` is most of them at once. */
export const SCENARIOS = [
  'healthy',
  'dead-pod',
  'slow-pod',
  'lossy',
  'lossy-link',
  'dead-node',
  'zone-cut',
  'one-way',
  'starved',
  'cut-off',
  'outcomes',
  'lifecycles',
  'missing-reports',
  'passive',
  'probes',
  'paths',
  'check-only',
  'hostile',
  'mixed',
  'waiting',
  'empty',
  'forbidden',
  'stale',
  'alone',
] as const;

/** A situation; see `SCENARIOS`. */
export type Scenario = (typeof SCENARIOS)[number];

/** The mesh to make. All options but `pods` and `scenario` have a default. */
export interface MeshOptions {
  /** Number of pods; ignored by `waiting`, `empty` and `forbidden` (0) and `alone` (1). */
  pods: number;
  scenario: Scenario;
  /** The serving pod's time, ms since the epoch. */
  atMs?: number;
  /** Number of nodes; 0 = a likely number. */
  nodes?: number;
  /** Number of zones; 0 = zones unknown. */
  zones?: number;
  /** As PING_NUMBER: how many peers each pod probes; 0 = all. */
  pingNumber?: number;
  /** Window of the statistics; 0 = no statistics. */
  windowMs?: number;
  /** Number of the update: the latencies of healthy links differ a little from one to the next. */
  tick?: number;
}

/** The state of one link in a scenario. */
export interface LinkFate {
  outcome: Outcome | 'not-yet';
  phase: Phase;
  /** Latency of the first byte, us; 0 = a usual one. */
  firstByteUs: number;
  suspect: boolean;
  /** How long the link has been in this state, ms. */
  forMs: number;
  detail: string;
}

/** The state of the whole mesh in a scenario. */
export interface Plan {
  pods: Pod[];
  missing: Map<number, MissingReason>;
  viaCheck: Set<number>;
  starved: Set<number>;
  fate(from: number, to: number): LinkFate;
  /** How many of 100 datagrams of the UDP probe are lost between two pods; null = not measured. */
  lossPercent(from: number, to: number): number | null;
  /** Whether some of the links that are ok failed now and then. */
  hasFormerFailures: boolean;
  probes(from: number): ProbeResult[];
}

const FINE: LinkFate = { outcome: 'ok', phase: 'connect', firstByteUs: 0, suspect: false, forMs: 549_000, detail: '' };
const TIMEOUT: LinkFate = { ...FINE, outcome: 'timeout', forMs: 169_000, detail: 'no connection within 300 ms' };
const LATE: LinkFate = { ...FINE, firstByteUs: 250_500, forMs: 150_000 };

const FAILURES: LinkFate[] = [
  { ...FINE, outcome: 'refused', detail: 'connect ECONNREFUSED' },
  { ...FINE, outcome: 'reset', phase: 'first-byte', detail: 'read ECONNRESET' },
  { ...TIMEOUT, phase: 'first-byte', detail: 'connected, no answer within 300 ms' },
  { ...FINE, outcome: 'unreachable', detail: 'connect EHOSTUNREACH' },
  { ...FINE, outcome: 'dns', detail: 'getaddrinfo ENOTFOUND' },
  { ...FINE, outcome: 'http-status', phase: 'body', detail: 'HTTP status 503' },
  { ...FINE, outcome: 'malformed', phase: 'body', detail: 'not JSON: "<html>"' },
  { ...FINE, outcome: 'no-address', detail: 'pod has no IPv4 address' },
];

/** Names that would do harm or break the layout in a careless page. */
const HOSTILE = [
  '<script>document.title="owned"</script>',
  '"><img src=x onerror=alert(1)>',
  'pod-\u202egnp.elbatucexe',
  "=cmd|'/c calc'!A1",
  'goldpinger-with-a-name-that-goes-on-and-on-'.padEnd(253, 'x'),
];

/** Makes the pods of a scenario, and decides which of them are faulty: the last ones, so that of four it is "chaos". */
export function planOf(options: Required<MeshOptions>): Plan {
  const { scenario, atMs } = options;
  const pods = podsOf(options);
  const n = pods.length;
  const is = (...names: string[]) => names.includes(scenario);
  const plan: Plan = {
    pods,
    missing: new Map(),
    viaCheck: new Set(),
    starved: new Set(),
    fate: () => FINE,
    lossPercent: () => null,
    hasFormerFailures: is('mixed'),
    probes: () => [],
  };
  if (n === 0) return plan;
  const faulty = n - 1;
  const isLarge = n > 30;
  const slowPod = is('slow-pod') ? faulty : is('mixed') ? Math.floor(n * 0.3) : -1;
  const deadNode = is('dead-node', 'mixed') ? (pods[Math.floor(n * 0.6)]?.node ?? '') : '';
  const onDeadNode = (i: number) => deadNode !== '' && pods[i]?.node === deadNode;
  if (is('starved', 'mixed')) plan.starved.add(is('mixed') ? Math.floor(n * 0.8) : faulty);
  if (is('dead-pod')) plan.missing.set(faulty, 'refused');
  if (is('missing-reports')) for (const i of [0, faulty]) plan.missing.set(i, i === 0 ? 'timeout' : 'malformed');
  if (is('passive')) for (let i = 1; i < n; i += 2) plan.missing.set(i, 'passive');
  if (is('check-only')) for (let i = 0; i < n; i += 2) plan.viaCheck.add(i);
  for (let i = 0; i < n; i++) if (onDeadNode(i)) plan.missing.set(i, 'timeout');
  if (is('lifecycles', 'mixed')) addLifecycles(plan, atMs, is('mixed'));
  if (is('probes', 'mixed', 'slow-pod')) plan.probes = (from) => probesOf(from, atMs, is('probes'));
  if (is('paths')) plan.probes = (from) => [...pathsOf(atMs), ...probesOf(from, atMs, false)];
  if (is('lossy')) plan.lossPercent = (from, to) => ((from === faulty) === (to === faulty) ? 0 : 20);
  if (is('lossy-link')) plan.lossPercent = (from, to) => (from === 1 && to === Math.floor(n / 2) ? 20 : 0);
  const pairFails = is('mixed') && isLarge ? [2, 5] : [-1, -1];
  const zonesOf = (...indexes: number[]) =>
    indexes
      .map((i) => pods[i]?.zone)
      .sort()
      .join();
  plan.fate = (from, to) => {
    if (is('outcomes') && from !== to) return FAILURES[(from * n + to) % 11] ?? FINE;
    if (is('dead-pod') && to === faulty) return { ...(FAILURES[0] ?? FINE), forMs: 88_000 };
    if (is('cut-off') && from === faulty && to !== faulty) return TIMEOUT;
    if (onDeadNode(to) || onDeadNode(from)) return TIMEOUT;
    if (is('zone-cut') && zonesOf(from, to) === 'zone-a,zone-b') return TIMEOUT;
    if (is('one-way') && from === Math.floor(n / 4) && to === faulty) return TIMEOUT;
    if (pairFails.includes(from) && pairFails.includes(to) && from !== to) return TIMEOUT;
    if (pods[to]?.lifecycle === 'gone' && is('lifecycles', 'mixed')) return { ...TIMEOUT, forMs: 100_000 };
    if (pods[from]?.lifecycle === 'not-ready') return { ...FINE, outcome: 'not-yet' };
    if (to === slowPod) return LATE;
    if (plan.starved.has(from)) return { ...FINE, suspect: true, firstByteUs: 9000 };
    return isLarge && chance(SEED, from, to, 41) < 0.004 ? { ...FINE, firstByteUs: 6160 } : FINE;
  };
  return plan;
}

/** Gives some pods other lifecycles: each lifecycle in `lifecycles`, one new and one gone pod in `mixed`. */
function addLifecycles(plan: Plan, atMs: number, few: boolean): void {
  const n = plan.pods.length;
  const at = (share: number) => Math.min(n - 1, Math.floor(n * share));
  const set = (i: number, change: Partial<Pod>) => {
    const pod = plan.pods[i];
    if (pod !== undefined) plan.pods[i] = { ...pod, ...change };
  };
  const newest = at(0.95);
  const gone = at(0.2);
  set(newest, { lifecycle: 'starting', podIPs: [], sinceMs: atMs - 6000, createdMs: atMs - 7000 });
  plan.missing.set(newest, 'no-address');
  const replacedBy = plan.pods[newest]?.uid ?? '';
  if (gone !== newest) set(gone, { lifecycle: 'gone', sinceMs: atMs - 120_000, replacedBy });
  if (few) return;
  if (n > 3) set(at(0.4), { lifecycle: 'not-ready', sinceMs: atMs - 45_000 });
  if (n > 4) set(at(0.6), { lifecycle: 'terminating', sinceMs: atMs - 9000 });
}

function probesOf(from: number, atMs: number, isBad: boolean): ProbeResult[] {
  const base = { atMs: atMs - 400, error: '' };
  return [
    { ...base, target: 'kubernetes.default', protocol: 'dns', durationUs: 1800 },
    isBad
      ? { ...base, target: '10.0.0.53:53', protocol: 'tcp', durationUs: 500_000, error: 'no connection within 500 ms' }
      : { ...base, target: '10.0.0.53:53', protocol: 'tcp', durationUs: 900 },
    {
      ...base,
      target: 'https://example.org/health',
      protocol: 'http',
      durationUs: 48_000,
      error: isBad && from === 0 ? 'https://example.org/health returned non-200 resp: 404' : '',
    },
  ];
}

/** The paths of a cluster whose Service refuses connections, while its DNS and its API server answer. */
function pathsOf(atMs: number): ProbeResult[] {
  const url = 'http://goldpinger:8080/ping';
  const base = { atMs: atMs - 400, sinceMs: atMs - 60_400, durationUs: 900, error: '', outcome: 'ok' as const };
  const refused = { ...base, target: url, protocol: 'http', outcome: 'refused' } as const;
  const error = 'connection refused';
  return [
    { ...refused, path: 'service', error: `Get "${url}": ${error}` },
    { ...refused, path: 'service-ip', error: `Get "${url}": ${error}` },
    { ...base, target: 'kubernetes.default.svc', protocol: 'dns', path: 'dns' },
    { ...base, target: 'https://10.96.0.1:443/livez', protocol: 'http', path: 'apiserver' },
  ];
}

/** The pods of a scenario, sorted by name as the server sends them. Up to four are named as in docs/experiments.md. */
function podsOf(options: Required<MeshOptions>): Pod[] {
  const { pods: count, scenario } = options;
  const nodes = Math.max(1, options.nodes || (count <= 30 ? Math.min(3, count) : Math.ceil(count / 10)));
  const names = Array.from({ length: count }, (_, i) => {
    if (scenario === 'hostile' && i < HOSTILE.length) return HOSTILE[i] ?? '';
    if (count <= 4) return i === count - 1 && count > 1 ? 'goldpinger-chaos' : `goldpinger-00${i + 1}`;
    return `goldpinger-${suffix(i)}`;
  });
  return names.sort().map((name, i) => podOf(options, name, i, nodes));
}

function podOf({ pods, atMs, zones }: Required<MeshOptions>, name: string, i: number, nodes: number): Pod {
  // Pods with neighbouring names are on different nodes, as a scheduler places them.
  const node = pods <= 30 ? i % nodes : Math.floor(((i * 7919) % pods) / (pods / nodes));
  const pad = nodes > 99 ? 3 : 2;
  return podOfMesh(i, {
    uid: `uid-${String(i).padStart(4, '0')}`,
    name,
    node: `worker-${String(node + 1).padStart(pad, '0')}`,
    zone: zones > 0 ? `zone-${'abcdef'[node % zones] ?? 'x'}` : '',
    podIPs: [`10.244.${node + 1}.${(i % 250) + 2}`],
    hostIPs: [`10.0.0.${(node % 250) + 2}`],
    sinceMs: atMs - 3_600_000,
    createdMs: atMs - 3_605_000,
    owner: 'owner-1',
  });
}

/** Five characters like those with which Kubernetes ends the name of a pod. */
function suffix(index: number): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  return Array.from({ length: 5 }, (_, i) => letters[Math.floor(chance(SEED, index, i) * letters.length)]).join('');
}
