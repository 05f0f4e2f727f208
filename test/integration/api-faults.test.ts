import { describe, expect, it, type TestContext } from 'vitest';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { eventually } from '../support/eventually.ts';
import type { KubeApi } from '../support/kube-api.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

type Fault = Parameters<KubeApi['break']>[0];

const FAULTS: [name: string, fault: Fault, classes: string[]][] = [
  ['is down', 'refuse', ['refused', 'reset']],
  ['answers 401', 401, ['unauthorized']],
  ['answers 403', 403, ['forbidden']],
  ['answers 500', 500, ['server-error']],
  ['resets connections', 'reset', ['reset']],
  ['answers garbage', 'malformed', ['malformed']],
  ['answers a login page', 'html', ['malformed']],
];

/** A fault in a mesh of its own. */
interface Broken {
  mesh: StubMesh;
  fault: Fault;
  classes: string[];
}

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
async function heal({ mesh: { kube }, fault }: Broken): Promise<void> {
  if (fault === 'hung') await kube.break('reset');
  await kube.heal();
}

/** At start-up the server serves at once, reports the fault, and recovers by itself. Gives pod 1 of the healthy mesh. */
async function atStartUp(broken: Broken): Promise<ServerProcess> {
  const { mesh, fault, classes } = broken;
  await mesh.kube.break(fault);
  const [server] = await Promise.all([mesh.serve(1), mesh.serve(2)]);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${server.url}/`)).status).toBe(200);
  expect(await server.health()).toBe(418);
  await untilTold(server, 'waiting', classes);
  expect(await server.text('/metrics')).toMatch(/goldpinger_errors_total\{[^}]*type="kubernetes_api"[^}]*\} [1-9]/);
  await heal(broken);
  await allGood(server);
  expect((await meshOf(server)).discovery).toMatchObject({ phase: 'synced', lastError: null });
  return server;
}

/** While the server runs, it still pings the last known peers, reports a stale list, and recovers. */
async function midRun(server: ServerProcess, broken: Broken): Promise<void> {
  const { mesh, fault, classes } = broken;
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
  mesh.addPod(3, { ready: false, readySinceMs: undefined });
  await heal(broken);
  await untilSo(async () => expect(names(await meshOf(server))).toEqual(['pod-1', 'pod-2', 'pod-3']));
  await allGood(server);
}

// Side by side: each has processes of its own, and most of the time is waiting for deadlines to pass.
describe.concurrent('when the Kubernetes API', { timeout: 120_000 }, () => {
  // Ten seconds until a call that hangs is given up: the two parts of this walk do not wait for each other.
  it('hangs at start-up, the server serves at once, says so, and recovers by itself', async (context) => {
    await atStartUp({ mesh: await start(context), fault: 'hung', classes: ['timeout'] });
  });

  it('hangs mid-run, the last known peers are still pinged, the list is called stale, and it recovers', async (context) => {
    const mesh = await start(context);
    const [server] = await Promise.all([mesh.serve(1), mesh.serve(2)]);
    await allGood(server);
    await midRun(server, { mesh, fault: 'hung', classes: ['timeout'] });
  });

  it.for(FAULTS)(
    '%s at start-up and mid-run, the server serves, says so, pings the last known peers, and recovers by itself',
    async ([_name, fault, classes], context) => {
      const broken = { mesh: await start(context), fault, classes };
      await midRun(await atStartUp(broken), broken);
    },
  );

  it('suddenly lists nobody, the last known peers are kept and it is not believed at once', async (context) => {
    const mesh = await start(context);
    const server = await mesh.serve(1, { REFRESH_INTERVAL: '1' });
    await mesh.serve(2);
    await allGood(server);
    await mesh.kube.break('empty');
    mesh.kube.compact();
    await untilSo(async () => {
      const { discovery } = await meshOf(server);
      expect(discovery.lastError?.fault).toBe('suspicious-empty');
    });
    expect(names(await meshOf(server))).toEqual(['pod-1', 'pod-2']);
    await mesh.kube.heal();
    await allGood(server);
  });

  it('forbids to watch, the list is read again every interval, with one log line', async (context) => {
    const mesh = await start(context);
    await mesh.kube.break(403, 'watch');
    const server = await mesh.serve(1);
    await untilSo(async () =>
      expect((await meshOf(server)).discovery).toMatchObject({ phase: 'synced', mode: 'list' }),
    );
    mesh.addPod(2);
    await untilSo(async () => expect(names(await meshOf(server))).toContain('pod-2'));
    const lists = mesh.kube.requests.filter(({ kind }) => kind === 'list').length;
    await untilSo(() =>
      expect(mesh.kube.requests.filter(({ kind }) => kind === 'list').length).toBeGreaterThan(lists + 3),
    );
    expect(server.log.filter(({ msg }) => /watch/i.test(msg) && /forbid|may not/i.test(msg))).toHaveLength(1);
  });

  it('is never asked because of a request', async (context) => {
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
