import { describe, expect, it, type TestContext } from 'vitest';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { eventually } from '../support/eventually.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

/** A mesh of two pods, for one test. */
async function start({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): Promise<StubMesh> {
  const mesh = await StubMesh.forTest(onTestFinished);
  mesh.addPod(1);
  mesh.addPod(2);
  return mesh;
}

/** Waits for a condition. It is checked less often than elsewhere, because several meshes run side by side. */
const untilSo = <T>(condition: () => T | Promise<T>) => eventually(condition, 40_000, 150);

/** Pings so far. */
const pings = (server: ServerProcess) => server.metric('goldpinger_stats_total', '="made"', '="ping"');
const names = (picture: Mesh) => picture.pods.filter(({ lifecycle }) => lifecycle !== 'gone').map(({ name }) => name);

/** Waits until every link between the two pods is ok. */
const allGood = (server: ServerProcess) => untilSo(async () => expect(await server.health()).toBe(200));

/** Waits until discovery is in `phase` because of one of these faults. */
const untilTold = (server: { url: string }, phase: 'waiting' | 'stale', ...faults: string[]) =>
  untilSo(async () => {
    const { discovery } = await meshOf(server);
    expect(discovery.phase).toBe(phase);
    expect(faults).toContain(discovery.lastError?.fault);
  });

// Side by side: each has processes of its own, and most of the time is waiting for deadlines to pass. All other faults:
// test/unit/discovery/discovery-faults.test.ts.
describe.concurrent('when the Kubernetes API', { timeout: 120_000 }, () => {
  it('refuses connections at start-up, the server serves at once, says so, and recovers by itself', async (context) => {
    const mesh = await start(context);
    await mesh.kube.break('refuse');
    const [server] = await Promise.all([mesh.serve(1), mesh.serve(2)]);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${server.url}/`)).status).toBe(200);
    expect(await server.health()).toBe(418);
    await untilTold(server, 'waiting', 'refused', 'reset');
    expect(await server.metric('goldpinger_errors_total', 'type="kubernetes_api"')).toBeGreaterThan(0);
    await mesh.kube.heal();
    await allGood(server);
    expect((await meshOf(server)).discovery).toMatchObject({ phase: 'synced', lastError: null });
  });

  it('hangs, the last known peers are pinged, the list is stale, and it recovers', async (context) => {
    const mesh = await start(context);
    const [server] = await Promise.all([mesh.serve(1), mesh.serve(2)]);
    await allGood(server);
    await mesh.kube.break('hung');
    // The watch that hangs is told to list: one deadline to wait for, where a new watch would be another.
    mesh.kube.compact();
    await untilTold(server, 'stale', 'timeout');
    expect(names(await meshOf(server))).toEqual(['pod-1', 'pod-2']);
    const before = await pings(server);
    await untilSo(async () => expect(await pings(server)).toBeGreaterThan(before + 2));
    expect(await server.metric('goldpinger_discovery_age_seconds')).toBeGreaterThan(0);
    // Never a healthy cluster on the word of an API server that is away.
    await untilSo(async () => expect(await server.health()).toBe(418));
    // It has never been ready, so it is no fault that it does not answer.
    mesh.addPod(3, { ready: false, readySinceMs: undefined });
    // Pending calls would hang for ten seconds more.
    await mesh.kube.break('reset');
    await mesh.kube.heal();
    await untilSo(async () => expect(names(await meshOf(server))).toEqual(['pod-1', 'pod-2', 'pod-3']));
    await allGood(server);
  });

  it('works, it is never asked because of a request', async (context) => {
    const mesh = await start(context);
    const server = await mesh.serve(1);
    await mesh.serve(2);
    await allGood(server);
    // Each asks for the zones after its list, and again and again for the nodes that are cordoned.
    const asked = () => mesh.kube.requests.filter(({ query }) => !query.has('fieldSelector'));
    await untilSo(() => {
      const nodes = asked().filter(({ kind }) => kind === 'nodes');
      expect([mesh.kube.watchCount, nodes.length]).toEqual([2, 2]);
    });
    const before = asked().length;
    for (const path of ['/check_all', '/cluster_health', '/heatmap.png', '/api/v1/mesh', '/check', '/metrics']) {
      await Promise.all(Array.from({ length: 5 }, async () => (await fetch(server.url + path)).arrayBuffer()));
    }
    expect(asked()).toHaveLength(before);
  });
});
