import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import { type Discovery, type DiscoverySettings, startDiscovery } from '../../../server/discovery/discovery.ts';
import type { Timing } from '../../../server/discovery/timing.ts';
import type { DiscoveryFault, DiscoverySnapshot } from '../../../server/protocol/pod.ts';
import { type Log, realClock } from '../../../server/runtime/clock.ts';
import { KubeApi } from '../../support/kube-api.ts';

/** Discovery against a stub, with everything it has announced so far. */
interface ObservedDiscovery extends Discovery {
  changes: DiscoverySnapshot[];
  /** Durations of the requests, ms. */
  requests: number[];
  faults: DiscoveryFault[];
  /** Lines of the log, as `level message`. */
  lines: string[];
  /** Names of the pods with their stages, e.g. `a ready`. */
  stages(): string[];
}

/** Times short enough for tests on real sockets. No test waits for one of them to pass. */
const TIMING: Partial<Timing> = {
  requestTimeoutMs: 2_000,
  backoffBaseMs: 5,
  backoffCapMs: 40,
  paceMs: 1,
  coalesceMs: 2,
  nodesPaceMs: 5,
};

/** A log that keeps its lines, and the lines. */
export function keptLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (_fields: object, message: string) => void lines.push(`${level} ${message}`);
  return { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines };
}

/** Starts discovery against a stub, with a kubeconfig of its own. */
function observe(stub: KubeApi, settings: Partial<DiscoverySettings>, timing: Partial<Timing>): ObservedDiscovery {
  const folder = mkdtempSync(join(tmpdir(), 'discovery-'));
  const { log, lines } = keptLog();
  const changes: DiscoverySnapshot[] = [];
  const requests: number[] = [];
  const faults: DiscoveryFault[] = [];
  const discovery = startDiscovery(
    {
      kubeconfig: stub.writeKubeconfig(join(folder, 'config')),
      namespace: null,
      labelSelector: 'app=goldpinger',
      refreshIntervalMs: 20,
      goneRetentionMs: 60_000,
      ...settings,
    },
    { clock: realClock, log, random: Math.random, timing: { ...TIMING, ...timing }, accountRoot: '/nowhere' },
    {
      onChange: (snapshot) => changes.push(snapshot),
      onRequest: (durationMs) => requests.push(durationMs),
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

/** A file's own Kubernetes API, a new one for each test, and the discoveries that a test starts on it. */
export function discoveryOfFile() {
  let stub: KubeApi;
  let observed: ObservedDiscovery[] = [];

  // Real sockets on a machine that may be busy.
  vi.setConfig({ testTimeout: 20_000 });

  // The whole Kubernetes client, which only the bundle leaves out, takes seconds to load.
  beforeAll(() => import('../../../server/discovery/access.ts'), 60_000);

  beforeEach(async () => {
    stub = await KubeApi.start({ token: 'secret' });
  });

  afterEach(async () => {
    await Promise.all(observed.map((discovery) => discovery.stop()));
    observed = [];
    await stub.close();
  });

  return {
    /** The API of the test that runs. */
    get stub(): KubeApi {
      return stub;
    },
    start(settings: Partial<DiscoverySettings> = {}, timing: Partial<Timing> = {}): ObservedDiscovery {
      const discovery = observe(stub, settings, timing);
      observed.push(discovery);
      return discovery;
    },
    /** Waits until discovery is current and watches. */
    async watching(discovery: ObservedDiscovery): Promise<void> {
      await until(() => {
        expect(phase(discovery)).toBe('synced');
        expect(stub.watchCount).toBe(1);
      });
    },
  };
}

export const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 10_000, interval: 2 });
export const phase = (discovery: ObservedDiscovery) => discovery.snapshot().status.phase;
