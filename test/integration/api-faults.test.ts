import { describe, expect, it, type TestContext } from 'vitest';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { eventually } from '../support/eventually.ts';
import type { KubeApi } from '../support/kube-api.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

type Fault = Parameters<KubeApi['break']>[0];

/** Each fault, and what discovery calls it. test/unit/discovery/discovery-faults.test.ts has all others. */
const FAULTS: [fault: Fault, classes: string[]][] = [
  ['hung', ['timeout']],
  ['refuse', ['refused', 'reset']],
];

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

/** Waits until discovery is in `phase` because of one of the fault `classes`. */
const untilTold = (server: { url: string }, phase: 'waiting' | 'stale', classes: string[]) =>
  untilSo(async () => {
    const { discovery } = await meshOf(server);
    expect(discovery.phase).toBe(phase);
    expect(classes).toContain(discovery.lastError?.fault);
  });

/** Ends the fault. Connections that hang are reset first, because pending calls would hang for ten seconds more. */
async function heal({ kube }: StubMesh, fault: Fault): Promise<void> {
  if (fault === 'hung') await kube.break('reset');
  await kube.heal();
}

// Side by side: each has processes of its own, and most of the time is waiting for deadlines to pass.
describe.concurrent('when the Kubernetes API fails', { timeout: 120_000 }, () => {
  it.for(FAULTS)(
    '(%s) at start-up, the server serves at once, says so, and recovers by itself',
    async (of, context) => {
      const [fault, classes] = of;
      const mesh = await start(context);
      await mesh.kube.break(fault);
      const [server] = await Promise.all([mesh.serve(1), mesh.serve(2)]);
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
      expect((await fetch(`${server.url}/`)).status).toBe(200);
      expect(await server.health()).toBe(418);
      await untilTold(server, 'waiting', classes);
      expect(await server.text('/metrics')).toMatch(/goldpinger_errors_total\{[^}]*type="kubernetes_api"[^}]*\} [1-9]/);
      await heal(mesh, fault);
      await allGood(server);
      expect((await meshOf(server)).discovery).toMatchObject({ phase: 'synced', lastError: null });
    },
  );

  it.for(FAULTS)(
    '(%s) mid-run, the last known peers are pinged, the list is stale, and it recovers',
    async (of, context) => {
      const [fault, classes] = of;
      const mesh = await start(context);
      const [server] = await Promise.all([mesh.serve(1), mesh.serve(2)]);
      await allGood(server);
      await mesh.kube.break(fault);
      // The watch that hangs is told to list: one deadline to wait for, where a new watch would be another.
      if (fault === 'hung') mesh.kube.compact();
      await untilTold(server, 'stale', classes);
      expect(names(await meshOf(server))).toEqual(['pod-1', 'pod-2']);
      const before = await pings(server);
      await untilSo(async () => expect(await pings(server)).toBeGreaterThan(before + 2));
      expect(await server.text('/metrics')).toMatch(/goldpinger_discovery_age_seconds\{[^}]*\} [0-9.]*[1-9]/);
      // Never a healthy cluster on the word of an API server that is away.
      await untilSo(async () => expect(await server.health()).toBe(418));
      // It has never been ready, so it is no fault that it does not answer.
      mesh.addPod(3, { ready: false, readySinceMs: undefined });
      await heal(mesh, fault);
      await untilSo(async () => expect(names(await meshOf(server))).toEqual(['pod-1', 'pod-2', 'pod-3']));
      await allGood(server);
    },
  );

  it('or works, it is never asked because of a request', async (context) => {
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
