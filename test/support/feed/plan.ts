import type { MissingReason } from '../../../server/protocol/mesh.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import type { Outcome, Phase, ProbeResult } from '../../../server/protocol/sample.ts';
import type { MeshOptions } from './options.ts';
import { chance } from './random.ts';

/** What a scenario has in store for one link. */
export interface Fate {
  outcome: Outcome | 'not-yet';
  phase: Phase;
  /** How late the first byte is, us; 0 = as usual. */
  firstByteUs: number;
  suspect: boolean;
  /** How long it has been so, ms. */
  forMs: number;
  detail: string;
}

/** What a scenario has in store for the whole mesh. */
export interface Plan {
  pods: Pod[];
  missing: Map<number, MissingReason>;
  viaCheck: Set<number>;
  starved: Set<number>;
  fate(from: number, to: number): Fate;
  probes(from: number): ProbeResult[];
}

const FINE: Fate = { outcome: 'ok', phase: 'connect', firstByteUs: 0, suspect: false, forMs: 549_000, detail: '' };
const TIMEOUT: Fate = { ...FINE, outcome: 'timeout', forMs: 169_000, detail: 'no connection within 300 ms' };
const LATE: Fate = { ...FINE, firstByteUs: 250_500, forMs: 150_000 };

const FAILURES: Fate[] = [
  { ...FINE, outcome: 'refused', detail: 'connect ECONNREFUSED' },
  { ...FINE, outcome: 'reset', phase: 'first-byte', detail: 'read ECONNRESET' },
  { ...TIMEOUT, phase: 'first-byte', detail: 'connected, no answer within 300 ms' },
  { ...FINE, outcome: 'unreachable', detail: 'connect EHOSTUNREACH' },
  { ...FINE, outcome: 'dns', detail: 'getaddrinfo ENOTFOUND' },
  { ...FINE, outcome: 'http-status', phase: 'body', detail: 'HTTP status 503' },
  { ...FINE, outcome: 'malformed', phase: 'body', detail: 'not JSON: "<html>"' },
  { ...FINE, outcome: 'no-address', detail: 'pod has no IPv4 address' },
];

/** Decides who is ill and how. The accused are the last pods, so that "chaos" is the one with four of them. */
export function planOf(options: Required<MeshOptions>, pods: Pod[]): Plan {
  const { scenario, atMs } = options;
  const n = pods.length;
  const is = (...names: string[]) => names.includes(scenario);
  const plan: Plan = {
    pods,
    missing: new Map(),
    viaCheck: new Set(),
    starved: new Set(),
    fate: () => FINE,
    probes: () => [],
  };
  if (n === 0) return plan;
  const accused = n - 1;
  const large = n > 30;
  const slowPod = is('slow-pod') ? accused : is('mixed') ? Math.floor(n * 0.3) : -1;
  const deadNode = is('dead-node', 'mixed') ? (pods[Math.floor(n * 0.6)]?.node ?? '') : '';
  const onDeadNode = (i: number) => deadNode !== '' && pods[i]?.node === deadNode;
  if (is('starved', 'mixed')) plan.starved.add(is('mixed') ? Math.floor(n * 0.8) : accused);
  if (is('dead-pod')) plan.missing.set(accused, 'refused');
  if (is('missing-reports')) for (const i of [0, accused]) plan.missing.set(i, i === 0 ? 'timeout' : 'malformed');
  if (is('check-only')) for (let i = 0; i < n; i += 2) plan.viaCheck.add(i);
  for (let i = 0; i < n; i++) if (onDeadNode(i)) plan.missing.set(i, 'timeout');
  if (is('lifecycles', 'mixed')) live(plan, atMs, is('mixed'));
  if (is('probes', 'mixed', 'slow-pod')) plan.probes = (from) => probesOf(from, atMs, is('probes'));
  const pairFails = is('mixed') && large ? [2, 5] : [-1, -1];
  plan.fate = (from, to) => {
    if (is('outcomes') && from !== to) return FAILURES[(from * n + to) % 11] ?? FINE;
    if (is('dead-pod') && to === accused) return { ...(FAILURES[0] ?? FINE), forMs: 88_000 };
    if (is('cut-off') && from === accused && to !== accused) return TIMEOUT;
    if (onDeadNode(to) || onDeadNode(from)) return TIMEOUT;
    if (pairFails.includes(from) && pairFails.includes(to) && from !== to) return TIMEOUT;
    if (pods[to]?.lifecycle === 'gone' && is('lifecycles', 'mixed')) return { ...TIMEOUT, forMs: 100_000 };
    if (pods[from]?.lifecycle === 'not-ready') return { ...FINE, outcome: 'not-yet' };
    if (to === slowPod) return LATE;
    if (plan.starved.has(from)) return { ...FINE, suspect: true, firstByteUs: 9000 };
    const wobble = large ? 0.004 : 0;
    return chance(options.seed, from, to, 41) < wobble ? { ...FINE, firstByteUs: 6000 + 40_000 * wobble } : FINE;
  };
  return plan;
}

/** Gives pods each stage of life: all of them in `lifecycles`, one new and one gone pod in `mixed`. */
function live(plan: Plan, atMs: number, few: boolean): void {
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

function probesOf(from: number, atMs: number, bad: boolean): ProbeResult[] {
  const base = { atMs: atMs - 400, error: '' };
  return [
    { ...base, target: 'kubernetes.default', protocol: 'dns', durationUs: 1800 },
    bad
      ? { ...base, target: '10.0.0.53:53', protocol: 'tcp', durationUs: 500_000, error: 'no connection within 500 ms' }
      : { ...base, target: '10.0.0.53:53', protocol: 'tcp', durationUs: 900 },
    {
      ...base,
      target: 'https://example.org/health',
      protocol: 'http',
      durationUs: 48_000,
      error: bad && from === 0 ? 'https://example.org/health returned non-200 resp: 404' : '',
    },
  ];
}
