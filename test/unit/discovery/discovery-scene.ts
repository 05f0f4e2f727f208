import { afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import { KubeStub } from '../../support/kube-stub.ts';
import { type Observed, observe } from './observed.ts';

/** A file's own Kubernetes API, one for each test, and the discoveries that a test has started on it. */
export function discoveryOfFile() {
  let stub: KubeStub;
  let observed: Observed[] = [];

  // Real sockets on a machine that may be busy.
  vi.setConfig({ testTimeout: 20_000 });

  // The whole Kubernetes client, which only the bundle leaves out, takes seconds to load.
  beforeAll(() => import('../../../server/discovery/access.ts'), 60_000);

  beforeEach(async () => {
    stub = await KubeStub.start({ token: 'secret' });
  });

  afterEach(async () => {
    await Promise.all(observed.map((discovery) => discovery.stop()));
    observed = [];
    await stub.close();
  });

  return {
    /** The API of the test that runs. */
    get stub(): KubeStub {
      return stub;
    },
    start(...rest: Parameters<typeof observe> extends [KubeStub, ...infer R] ? R : never): Observed {
      const discovery = observe(stub, ...rest);
      observed.push(discovery);
      return discovery;
    },
    /** Waits until discovery is current and watches. */
    async watching(discovery: Observed): Promise<void> {
      await until(() => {
        expect(phase(discovery)).toBe('synced');
        expect(stub.watchCount).toBe(1);
      });
    },
  };
}

export const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 10_000, interval: 2 });
export const phase = (discovery: Observed) => discovery.snapshot().status.phase;
