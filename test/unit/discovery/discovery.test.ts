import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DiscoveryFault } from '../../../server/contract/discovery.ts';
import type { StubFault } from '../../kube-faults.ts';
import { KubeStub } from '../../kube-stub.ts';
import { type Observed, observe } from './observed.ts';

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

function start(...rest: Parameters<typeof observe> extends [KubeStub, ...infer R] ? R : never): Observed {
  const discovery = observe(stub, ...rest);
  observed.push(discovery);
  return discovery;
}

const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 10_000, interval: 2 });
const phase = (discovery: Observed) => discovery.snapshot().status.phase;

/** Waits until discovery is current and watches. */
async function watching(discovery: Observed): Promise<void> {
  await until(() => {
    expect(phase(discovery)).toBe('synced');
    expect(stub.watchCount).toBe(1);
  });
}

describe('list and watch', () => {
  test('starts at once, waiting, and knows the pods of its namespace after the first list', async () => {
    stub.putPod({ name: 'b', ip: '10.1.0.2' });
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    stub.putPod({ name: 'elsewhere', namespace: 'other', ip: '10.1.0.3' });
    stub.putPod({ name: 'stranger', ip: '10.1.0.4', labels: { app: 'else' } });
    const discovery = start();
    expect(discovery.snapshot()).toMatchObject({ pods: [], status: { phase: 'waiting', lastGoodMs: 0, attempts: 0 } });
    await watching(discovery);
    expect(discovery.stages()).toEqual(['a ready', 'b ready']);
    expect(discovery.snapshot().status).toMatchObject({ mode: 'watch', lastError: null, namespace: 'default' });
    // The list, and the opening of the watch.
    const request = { durationMs: expect.any(Number), ok: true };
    await until(() => expect(discovery.requests).toEqual([request, request]));
  });

  test('namespace "" lists all namespaces', async () => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    stub.putPod({ name: 'a', uid: 'second', namespace: 'other', ip: '10.1.0.3' });
    const discovery = start({ namespace: '' });
    await watching(discovery);
    expect(discovery.snapshot().pods.map((pod) => pod.namespace)).toEqual(['default', 'other']);
    expect(stub.requests[0]?.path).toBe('/api/v1/pods');
  });

  test('lists in pages of 50 without a field selector, then watches from that version with bookmarks', async () => {
    for (let i = 0; i < 120; i++) stub.putPod({ name: `p${i}`, ip: `10.1.0.${i}` });
    const discovery = start();
    await watching(discovery);
    expect(discovery.snapshot().pods).toHaveLength(120);
    const lists = stub.requests.filter((request) => request.kind === 'list');
    expect(lists.map(({ query }) => query.get('limit'))).toEqual(['50', '50', '50']);
    expect(lists[0]?.query.get('fieldSelector')).toBeNull();
    const watch = stub.requests.find((request) => request.kind === 'watch');
    expect(Object.fromEntries(watch?.query ?? [])).toMatchObject({
      labelSelector: 'app=goldpinger',
      allowWatchBookmarks: 'true',
      resourceVersion: '220',
      timeoutSeconds: expect.stringMatching(/^\d{3}$/),
    });
  });

  test('follows a pod from starting to gone, and names its replacement', async () => {
    const owner = 'replicaset';
    stub.putPod({ name: 'a', owner });
    const discovery = start();
    await watching(discovery);
    expect(discovery.stages()).toEqual(['a starting']);
    stub.putPod({ name: 'a', owner, ip: '10.1.0.1' });
    await until(() => expect(discovery.stages()).toEqual(['a ready']));
    stub.putPod({ name: 'a', owner, ip: '10.1.0.1', deletedMs: Date.now() });
    await until(() => expect(discovery.stages()).toEqual(['a terminating']));
    const uid = stub.putPod({ name: 'b', owner, createdMs: Date.now() + 2_000 });
    stub.deletePod('a');
    await until(() => expect(discovery.stages()).toEqual(['a gone', 'b starting']));
    expect(discovery.snapshot().pods[0]?.replacedBy).toBe(uid);
    expect(stub.requests.filter((request) => request.kind === 'list')).toHaveLength(1);
  });

  test('a pod recreated under the same name is another pod', async () => {
    stub.putPod({ name: 'a', uid: 'first', ip: '10.1.0.1' });
    const discovery = start();
    await watching(discovery);
    stub.putPod({ name: 'a', uid: 'second', ip: '10.1.0.1' });
    await until(() => expect(discovery.snapshot().pods.map(({ uid }) => uid)).toEqual(['first', 'second']));
    expect(discovery.stages()).toEqual(['a gone', 'a ready']);
  });

  test('forgets a pod that left after the retention', async () => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    stub.putPod({ name: 'b', ip: '10.1.0.2' });
    const discovery = start({ goneRetentionMs: 30 });
    await watching(discovery);
    stub.deletePod('b');
    await until(() => expect(discovery.changes.at(-1)?.pods.map(({ name }) => name)).toEqual(['a']));
    expect(discovery.changes.some(({ pods }) => pods.some(({ lifecycle }) => lifecycle === 'gone'))).toBe(true);
  });

  test('tells a burst of changes together', async () => {
    const discovery = start({}, { coalesceMs: 50 });
    await watching(discovery);
    const before = discovery.changes.length;
    for (let i = 0; i < 200; i++) stub.putPod({ name: `p${i}`, ip: '10.1.0.1' });
    await until(() => expect(discovery.changes.at(-1)?.pods).toHaveLength(200));
    expect(discovery.changes.length - before).toBeLessThan(20);
  });

  test('watches again from the last version when the server ends the watch', async () => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    const discovery = start();
    await watching(discovery);
    stub.putPod({ name: 'b', ip: '10.1.0.2' });
    await until(() => expect(discovery.stages()).toHaveLength(2));
    stub.closeWatches();
    await until(() => expect(stub.requests.filter(({ kind }) => kind === 'watch')).toHaveLength(2));
    expect(stub.requests.at(-1)?.query.get('resourceVersion')).toBe('102');
    stub.putPod({ name: 'c', ip: '10.1.0.3' });
    await until(() => expect(discovery.stages()).toHaveLength(3));
    expect(stub.requests.filter(({ kind }) => kind === 'list')).toHaveLength(1);
    expect(discovery.faults).toEqual([]);
  });

  test('bookmarks move the version on and keep the list young', async () => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    const discovery = start();
    await watching(discovery);
    stub.putPod({ name: 'other', labels: { app: 'else' } });
    const goodMs = discovery.snapshot().status.lastGoodMs;
    await until(() => {
      stub.bookmark();
      expect(discovery.snapshot().status.lastGoodMs).toBeGreaterThan(goodMs);
    });
    stub.closeWatches();
    await until(() => expect(stub.requests.at(-1)?.query.get('resourceVersion')).toBe('102'));
    expect(stub.requests.filter(({ kind }) => kind === 'list')).toHaveLength(1);
  });

  test.each([true, false])('lists again when the version has expired (told in the stream: %s)', async (told) => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    stub.putPod({ name: 'b', ip: '10.1.0.2' });
    const discovery = start();
    await watching(discovery);
    await stub.break('hung', 'watch');
    stub.deletePod('b');
    stub.putPod({ name: 'c', ip: '10.1.0.3' });
    stub.compact(told);
    await stub.heal();
    if (!told) stub.closeWatches();
    await until(() => expect(discovery.stages()).toEqual(['a ready', 'b gone', 'c ready']));
    await watching(discovery);
    expect(discovery.faults).toEqual([]);
  });

  test('a silent watch is given up, and what was missed is made up for', async () => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    const discovery = start({}, { watchSilenceMs: 60 });
    await watching(discovery);
    await stub.break('hung', 'watch');
    stub.putPod({ name: 'b', ip: '10.1.0.2' });
    await stub.heal();
    await until(() => expect(discovery.stages()).toEqual(['a ready', 'b ready']));
    expect(stub.requests.filter(({ kind }) => kind === 'list')).toHaveLength(1);
  });

  test.each(['403', '405'] as const)(
    'lists every refresh interval where a watch gets %s, and says so once',
    async (code) => {
      stub.putPod({ name: 'a', ip: '10.1.0.1' });
      await stub.break(Number(code) as 403 | 405, 'watch');
      const discovery = start({}, { watchRetryMs: 150 });
      await until(() => expect(discovery.snapshot().status).toMatchObject({ phase: 'synced', mode: 'list' }));
      stub.putPod({ name: 'b', ip: '10.1.0.2' });
      await until(() => expect(discovery.stages()).toEqual(['a ready', 'b ready']));
      await until(() => expect(discovery.requests.length).toBeGreaterThan(4));
      expect(discovery.lines.filter((line) => line.startsWith('info watching pods is forbidden'))).toHaveLength(1);
      expect(discovery.faults).toEqual([]);
      await stub.heal();
      await until(() => expect(stub.watchCount).toBe(1));
      stub.putPod({ name: 'c', ip: '10.1.0.3' });
      await until(() => expect(discovery.snapshot().status.mode).toBe('watch'));
    },
  );

  test('where no watch can be had for another reason it stays current by listing', async () => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    await stub.break(500, 'watch');
    const discovery = start();
    await until(() => expect(discovery.snapshot().status).toMatchObject({ phase: 'synced', mode: 'list' }));
    stub.putPod({ name: 'b', ip: '10.1.0.2' });
    await until(() => expect(discovery.stages()).toEqual(['a ready', 'b ready']));
    expect(discovery.changes.map(({ status }) => status.phase)).not.toContain('stale');
    expect(new Set(discovery.faults)).toEqual(new Set(['server-error']));
    await stub.heal();
    await until(() => expect(stub.watchCount).toBe(1));
  });

  test('nonsense in a watch leads to a new list', async () => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    const discovery = start();
    const lines = ['<html>', '"text"', '{"type":"WHAT"}', '{"type":"ADDED","object":{"metadata":{"name":7}}}'];
    for (const [i, line] of lines.entries()) {
      await until(() => expect(stub.requests.filter(({ kind }) => kind === 'watch')).toHaveLength(i + 1));
      await watching(discovery);
      const { length } = discovery.faults;
      stub.sendLine(line);
      await until(() => expect(discovery.faults.length).toBeGreaterThan(length));
      expect(discovery.faults.at(-1)).toBe('malformed');
    }
    await watching(discovery);
    expect(discovery.stages()).toEqual(['a ready']);
  });
});

const FAULTS: [StubFault, DiscoveryFault][] = [
  ['refuse', 'refused'],
  ['reset', 'reset'],
  ['hung', 'timeout'],
  ['drip', 'timeout'],
  ['malformed', 'malformed'],
  ['html', 'malformed'],
  ['redirect', 'malformed'],
  [400, 'config'],
  [401, 'unauthorized'],
  [403, 'forbidden'],
  [404, 'not-found'],
  [410, 'server-error'],
  [500, 'server-error'],
  [503, 'server-error'],
];

/** Short times for the faults that end by them; for the others a pause of the machine would be one more fault. */
const patience = (expected: DiscoveryFault) =>
  expected === 'timeout' ? { listTimeoutMs: 100, watchSilenceMs: 100 } : {};

describe('when the API server fails', () => {
  test.each(FAULTS)('%s at start-up: waits, says why, and recovers by itself', async (fault, expected) => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    await stub.break(fault);
    const discovery = start({}, patience(expected));
    await until(() => expect(discovery.snapshot().status.attempts).toBeGreaterThan(1));
    const { status, pods } = discovery.snapshot();
    expect(pods).toEqual([]);
    expect(status).toMatchObject({ phase: 'waiting', lastGoodMs: 0, lastError: { fault: expected } });
    expect(status.lastError?.message).not.toBe('');
    expect(new Set(discovery.faults)).toEqual(new Set([expected]));
    expect(discovery.lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
    await stub.heal();
    await watching(discovery);
    expect(discovery.stages()).toEqual(['a ready']);
    expect(discovery.snapshot().status).toMatchObject({ attempts: 0, nextAttemptMs: 0, lastError: null });
  });

  test.each(FAULTS)('%s mid-run: keeps its peers, stale, and catches up afterwards', async (fault, expected) => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    stub.putPod({ name: 'b', ip: '10.1.0.2' });
    const discovery = start({}, patience(expected));
    await watching(discovery);
    const { lastGoodMs } = discovery.snapshot().status;
    await stub.break(fault);
    await until(() => expect(phase(discovery)).toBe('stale'));
    expect(discovery.stages()).toEqual(['a ready', 'b ready']);
    const { status } = discovery.snapshot();
    expect(status).toMatchObject({ lastError: { fault: expected } });
    expect(status.sinceMs).toBeGreaterThanOrEqual(lastGoodMs);
    expect(discovery.changes.at(-1)?.status.phase).toBe('stale');
    stub.deletePod('b');
    stub.putPod({ name: 'c', ip: '10.1.0.3' });
    await stub.heal();
    await until(() => expect(discovery.stages()).toEqual(['a ready', 'b gone', 'c ready']));
    expect(phase(discovery)).toBe('synced');
  });

  test('every attempt of a failing list is told once, as request and as fault', async () => {
    await stub.break(500);
    const discovery = start();
    await until(() => expect(discovery.faults.length).toBeGreaterThan(3));
    await discovery.stop();
    expect(discovery.requests.map(({ ok }) => ok)).toEqual(discovery.faults.map(() => false));
  });

  test('an empty list at start-up is a list', async () => {
    const discovery = start();
    await watching(discovery);
    expect(discovery.snapshot()).toMatchObject({ pods: [], status: { phase: 'synced' } });
  });

  test('a suddenly empty list is believed only once it is confirmed', async () => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    const discovery = start({ refreshIntervalMs: 150 });
    await watching(discovery);
    await stub.break('empty');
    stub.compact();
    await until(() => expect(discovery.snapshot().status.lastError?.fault).toBe('suspicious-empty'));
    expect(discovery.snapshot().status.phase).toBe('stale');
    expect(discovery.stages()).toEqual(['a ready']);
    await until(() => expect(discovery.stages()).toEqual(['a gone']));
    expect(phase(discovery)).toBe('synced');
    expect(discovery.faults.length).toBeGreaterThanOrEqual(2);
  });

  test('a rotated token is read again', async () => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    const discovery = start();
    await watching(discovery);
    stub.token = 'other';
    stub.closeWatches();
    await until(() => expect(phase(discovery)).toBe('stale'));
    expect(discovery.snapshot().status.lastError?.fault).toBe('unauthorized');
    stub.token = 'secret';
    await watching(discovery);
  });

  test('no kubeconfig there is a fault like any other', async () => {
    const discovery = start({ kubeconfig: '/nowhere/config' });
    await until(() => expect(discovery.faults.length).toBeGreaterThan(1));
    expect(discovery.snapshot().status).toMatchObject({ phase: 'waiting', lastError: { fault: 'config' } });
  });

  test('outside of a cluster and without kubeconfig it says so', async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
    vi.stubEnv('KUBERNETES_SERVICE_PORT', undefined);
    const discovery = start({ kubeconfig: null });
    await until(() => expect(discovery.snapshot().status.lastError?.message).toContain('not in a cluster'));
    vi.unstubAllEnvs();
  });
});

describe('zones', () => {
  test('are those of the nodes, also of nodes that come later', async () => {
    stub.putNode('n1', 'east');
    stub.putPod({ name: 'a', ip: '10.1.0.1', node: 'n1' });
    const discovery = start();
    await until(() => expect(discovery.snapshot().pods.map(({ zone }) => zone)).toEqual(['east']));
    stub.putNode('n2', 'west');
    stub.putNode('n3', '');
    stub.putPod({ name: 'b', ip: '10.1.0.2', node: 'n2' });
    stub.putPod({ name: 'c', ip: '10.1.0.3', node: 'n3' });
    await until(() => expect(discovery.snapshot().pods.map(({ zone }) => zone)).toEqual(['east', 'west', '']));
  });

  test('are silently absent without the right to read nodes', async () => {
    await stub.break(403, 'nodes');
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    const discovery = start();
    await until(() => expect(discovery.lines.some((line) => line.startsWith('debug nodes cannot be read'))).toBe(true));
    expect(discovery.snapshot()).toMatchObject({ pods: [{ zone: '' }], status: { phase: 'synced', lastError: null } });
    expect(discovery.faults).toEqual([]);
  });
});

describe('stop', () => {
  test.each(['hung', 'refuse', 500, 'drip'] as const)('while the API server is %s ends at once', async (fault) => {
    await stub.break(fault);
    const discovery = start({}, { backoffBaseMs: 60_000, backoffCapMs: 60_000, listTimeoutMs: 60_000 });
    if (fault === 'hung' || fault === 'drip') await until(() => expect(stub.requests).toHaveLength(1));
    else await until(() => expect(discovery.faults).toHaveLength(1));
    await discovery.stop();
    expect(stub.watchCount).toBe(0);
  });

  test('closes the watch and tells nothing more', async () => {
    stub.putPod({ name: 'a', ip: '10.1.0.1' });
    const discovery = start();
    await watching(discovery);
    await discovery.stop();
    await until(() => expect(stub.connectionCount).toBe(0));
    const told = discovery.changes.length;
    stub.putPod({ name: 'b', ip: '10.1.0.2' });
    expect(discovery.changes).toHaveLength(told);
    expect(discovery.faults).toEqual([]);
  });
});
