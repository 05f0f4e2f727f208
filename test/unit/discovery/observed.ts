import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Discovery, type DiscoverySettings, startDiscovery } from '../../../server/discovery/discovery.ts';
import type { Tuning } from '../../../server/discovery/timing.ts';
import type { DiscoveryFault, DiscoverySnapshot } from '../../../server/protocol/pod.ts';
import { type Log, realClock } from '../../../server/runtime/clock.ts';
import type { KubeStub } from '../../support/kube-stub.ts';

/** Discovery against a stub, with everything it has told so far. */
export interface Observed extends Discovery {
  changes: DiscoverySnapshot[];
  requests: { durationMs: number; ok: boolean }[];
  faults: DiscoveryFault[];
  /** Lines of the log, as `level message`. */
  lines: string[];
  /** Names of the pods with their stages, e.g. `a ready`. */
  stages(): string[];
}

/** Times short enough for tests on real sockets; no test waits for one of them to pass. */
const TUNING: Partial<Tuning> = {
  listTimeoutMs: 2_000,
  backoffBaseMs: 5,
  backoffCapMs: 40,
  paceMs: 1,
  coalesceMs: 2,
  nodesPaceMs: 5,
  accountRoot: '/nowhere',
};

/** A log that keeps its lines, and the lines. */
export function keptLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (_fields: object, message: string) => void lines.push(`${level} ${message}`);
  return { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines };
}

/** Starts discovery against a stub by a kubeconfig of its own. */
export function observe(
  stub: KubeStub,
  settings: Partial<DiscoverySettings> = {},
  tuning: Partial<Tuning> = {},
): Observed {
  const folder = mkdtempSync(join(tmpdir(), 'discovery-'));
  const kubeconfig = stub.writeKubeconfig(join(folder, 'config'));
  const { log, lines } = keptLog();
  const changes: DiscoverySnapshot[] = [];
  const requests: { durationMs: number; ok: boolean }[] = [];
  const faults: DiscoveryFault[] = [];
  const discovery = startDiscovery(
    {
      kubeconfig,
      namespace: null,
      labelSelector: 'app=goldpinger',
      refreshIntervalMs: 20,
      goneRetentionMs: 60_000,
      ...settings,
    },
    { clock: realClock, log, random: Math.random, tuning: { ...TUNING, ...tuning } },
    {
      onChange: (snapshot) => changes.push(snapshot),
      onRequest: (durationMs, ok) => requests.push({ durationMs, ok }),
      onFault: (fault) => faults.push(fault),
    },
  );
  const stages = () => discovery.snapshot().pods.map((pod) => `${pod.name} ${pod.lifecycle}`);
  const stop = async () => {
    await discovery.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...discovery, stop, changes, requests, faults, lines, stages };
}
