import type { Mesh } from '../../../server/protocol/mesh.ts';
import type { DiscoveryStatus } from '../../../server/protocol/pod.ts';
import type { MeshOptions } from './options.ts';
import type { Plan } from './plan.ts';

/** Everything of a scenario's mesh but pods and reports. */
export function statusOf(options: Required<MeshOptions>, plan: Plan): Omit<Mesh, 'pods' | 'reports'> {
  const { atMs, scenario } = options;
  const first = plan.pods.findIndex((pod, i) => pod.lifecycle === 'ready' && !plan.missing.has(i));
  const ill = plan.pods.flatMap((pod, i) =>
    plan.missing.has(i) && pod.lifecycle === 'ready' ? [{ pod: i, why: ['its report is missing'] }] : [],
  );
  const bad = ['dead-pod', 'dead-node', 'outcomes', 'cut-off', 'mixed', 'waiting', 'forbidden', 'empty', 'stale'];
  return {
    atMs,
    collectMs: 24,
    ageMs: 300,
    windowMs: options.windowMs,
    past: null,
    findings: [],
    servedBy: { pod: first, name: plan.pods[first]?.name ?? 'goldpinger-7c9f4-x2k8p' },
    discovery: discoveryOf(options),
    settings: {
      version: '0.1.0',
      refreshIntervalMs: 2000,
      pingTimeoutMs: 300,
      pingNumber: options.pingNumber,
      slowLinkMs: 100,
      historyWindowMs: 3_600_000,
      goneRetentionMs: 300_000,
      displayNodeName: false,
    },
    health: { ok: !bad.includes(scenario) && ill.length === 0, reasons: ill, general: generalOf(scenario) },
  };
}

function generalOf(scenario: string): string[] {
  if (scenario === 'stale') return ['the pod list is out of date'];
  return ['waiting', 'forbidden', 'empty'].includes(scenario) ? ['no peers are known'] : [];
}

function discoveryOf({ atMs, scenario }: Required<MeshOptions>): DiscoveryStatus {
  const synced: DiscoveryStatus = {
    phase: 'synced',
    sinceMs: atMs - 3_600_000,
    mode: 'watch',
    lastGoodMs: atMs - 2000,
    attempts: 0,
    nextAttemptMs: 0,
    lastError: null,
    namespace: 'default',
    labelSelector: 'app=goldpinger',
  };
  const away = { attempts: 5, nextAttemptMs: atMs + 4000 };
  const timeout = { fault: 'timeout', message: 'connect 10.96.0.1:443: timed out', atMs: atMs - 1000 } as const;
  if (scenario === 'waiting') {
    return { ...synced, ...away, phase: 'waiting', sinceMs: atMs - 20_000, lastGoodMs: 0, lastError: timeout };
  }
  if (scenario === 'forbidden') {
    const message = 'pods is forbidden: User "system:serviceaccount:default:goldpinger-serviceaccount" cannot list';
    const lastError = { fault: 'forbidden', message, atMs: atMs - 1000 } as const;
    return { ...synced, ...away, phase: 'waiting', sinceMs: atMs - 620_000, lastGoodMs: 0, lastError };
  }
  if (scenario !== 'stale') return synced;
  return {
    ...synced,
    ...away,
    phase: 'stale',
    sinceMs: atMs - 192_000,
    lastGoodMs: atMs - 192_000,
    lastError: timeout,
  };
}
