import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeAll, beforeEach, expect, onTestFinished, vi } from 'vitest';
import type { ApiClient } from '../../../server/discovery/api-client.ts';
import { Discovery } from '../../../server/discovery/discovery.ts';
import type { DiscoverySettings } from '../../../server/discovery/sync.ts';
import type { Timing } from '../../../server/discovery/timing.ts';
import type { DiscoveryFault, DiscoverySnapshot } from '../../../server/protocol/pod.ts';
import { realClock } from '../../../server/runtime/clock.ts';
import type { Log } from '../../../server/runtime/log.ts';
import { KubeApi } from '../../support/kube-api.ts';

/** Times short enough for tests on real sockets. No test waits for one of them to pass. */
const TIMING: Partial<Timing> = {
  requestTimeoutMs: 2_000,
  backoffBaseMs: 5,
  backoffCapMs: 40,
  paceMs: 1,
  coalesceMs: 2,
  nodesPaceMs: 5,
};

const SETTINGS = { namespace: null, labelSelector: 'app=goldpinger', refreshIntervalMs: 20, goneRetentionMs: 60_000 };

/** A log that keeps its lines, and the lines. */
export function keptLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (_fields: object, message: string) => void lines.push(`${level} ${message}`);
  return { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines };
}

/** An API server that answers each request by its `continue` token, and notes the tokens. `body`: its chunks. */
export function answering(
  answer: (token: string, count: number) => { status?: number; headers?: Record<string, string>; body: unknown[] },
) {
  const asked: string[] = [];
  const client: Pick<ApiClient, 'get'> = {
    async get(_path, query) {
      const token = query['continue'] ?? '';
      asked.push(token);
      const { status = 200, headers = {}, body } = answer(token, asked.length);
      const chunks = body.map((chunk) =>
        chunk instanceof Buffer ? chunk : Buffer.from(typeof chunk === 'string' ? chunk : JSON.stringify(chunk)),
      );
      return Object.assign(Readable.from(chunks), { statusCode: status, headers }) as IncomingMessage;
    },
  };
  return { client, asked };
}

/** Starts discovery, and notes what it announces: changes, durations of requests (ms), faults, lines of the log. */
function observed(kubeconfig: string, settings: Partial<DiscoverySettings>, timing: Partial<Timing>) {
  const { log, lines } = keptLog();
  const [changes, requests, faults]: [DiscoverySnapshot[], number[], DiscoveryFault[]] = [[], [], []];
  const deps = {
    clock: realClock,
    log,
    random: Math.random,
    timing: { ...TIMING, ...timing },
    knowsOwnPod: () => true,
    onChange: (snapshot: DiscoverySnapshot) => changes.push(snapshot),
    onRequest: (durationMs: number) => requests.push(durationMs),
    onFault: (fault: DiscoveryFault) => faults.push(fault),
  };
  const discovery = new Discovery({ ...SETTINGS, kubeconfig, accountRoot: '/nowhere', ...settings }, deps);
  /** Names of the pods with their stages, e.g. `a ready`. */
  const stages = () => discovery.snapshot().pods.map(({ name, lifecycle }) => `${name} ${lifecycle}`);
  return Object.assign(discovery, { changes, requests, faults, lines, stages });
}
type Observed = ReturnType<typeof observed>;

/** A file's own Kubernetes API, a new one for each test, and the discoveries that a test starts on it. */
export function discoveryOfFile() {
  let stub: KubeApi;
  let folder = '';

  // Real sockets on a machine that may be busy.
  vi.setConfig({ testTimeout: 20_000 });

  // The whole Kubernetes client, which only the bundle leaves out, takes seconds to load.
  beforeAll(() => import('../../../server/discovery/kubeconfig.ts'), 60_000);

  beforeEach(async () => {
    stub = await KubeApi.start({ token: 'secret' });
    folder = mkdtempSync(join(tmpdir(), 'discovery-'));
  });

  afterEach(async () => {
    rmSync(folder, { recursive: true, force: true });
    await stub.close();
  });

  const start = (settings: Partial<DiscoverySettings> = {}, timing: Partial<Timing> = {}) => {
    const discovery = observed(stub.writeKubeconfig(join(folder, 'config')), settings, timing);
    onTestFinished(() => discovery.stop());
    return discovery;
  };
  /** Waits until discovery is current and watches. */
  const watching = (discovery: Observed) =>
    until(() => {
      expect(phase(discovery)).toBe('synced');
      expect(stub.watchCount).toBe(1);
    });
  /** Adds ready pods with these names, or makes them ready. */
  const putReady = (...names: string[]) => {
    for (const name of names) stub.putPod({ name, ip: '10.1.0.1' });
  };

  return {
    /** The API of the test that runs. */
    get stub(): KubeApi {
      return stub;
    },
    start,
    watching,
    putReady,
    /** Starts discovery of ready pods with these names, and waits until it is current and watches. */
    async synced(names: string[] = [], settings: Partial<DiscoverySettings> = {}, timing: Partial<Timing> = {}) {
      putReady(...names);
      const discovery = start(settings, timing);
      await watching(discovery);
      return discovery;
    },
    /** The requests of a kind so far. */
    received: (kind: 'list' | 'watch') => stub.requests.filter((request) => request.kind === kind),
  };
}

export const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 10_000, interval: 2 });
export const phase = (discovery: Observed) => discovery.snapshot().status.phase;
