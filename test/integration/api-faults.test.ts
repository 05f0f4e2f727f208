import { describe, expect, it, type TestContext } from 'vitest';
import type { Mesh } from '../../server/contract/mesh.ts';
import type { KubeStub } from '../kube-stub.ts';
import { soon } from './server-process.ts';
import { meshOf, StubMesh } from './stub-mesh.ts';

type Fault = Parameters<KubeStub['break']>[0];

const FAULTS: [name: string, fault: Fault, classes: string[]][] = [
  ['is down', 'refuse', ['refused', 'reset']],
  ['answers 401', 401, ['unauthorized']],
  ['answers 403', 403, ['forbidden']],
  ['answers 500', 500, ['server-error']],
  ['hangs', 'hung', ['timeout']],
  ['resets connections', 'reset', ['reset']],
  ['answers garbage', 'malformed', ['malformed']],
  ['answers a login page', 'html', ['malformed']],
];

/** A mesh of two pods, for one test. */
async function start({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): Promise<StubMesh> {
  const mesh = await StubMesh.start();
  onTestFinished(() => mesh.stop());
  mesh.addPod(1);
  mesh.addPod(2);
  return mesh;
}

const names = (picture: Mesh) => picture.pods.filter(({ lifecycle }) => lifecycle !== 'gone').map(({ name }) => name);

/** Waits until every link between the two pods is ok. */
async function allGood(server: { url: string }): Promise<void> {
  await soon(async () => expect((await fetch(`${server.url}/cluster_health`)).status).toBe(200), 40_000);
}

// Side by side: each has processes of its own, and most of the time is waiting for deadlines to pass.
describe.concurrent('when the Kubernetes API', () => {
  it.for(FAULTS)(
    '%s at start-up, the server serves at once, says so, and recovers by itself',
    async ([_name, fault, classes], context) => {
      const mesh = await start(context);
      await mesh.kube.break(fault);
      const server = await mesh.serve(1);
      await mesh.serve(2);
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
      expect((await fetch(`${server.url}/`)).status).toBe(200);
      expect((await fetch(`${server.url}/cluster_health`)).status).toBe(418);
      await soon(async () => {
        const { discovery } = await meshOf(server);
        expect(discovery.phase).toBe('waiting');
        expect(classes).toContain(discovery.lastError?.fault);
      });
      expect(await server.text('/metrics')).toMatch(/goldpinger_errors_total\{[^}]*type="kubernetes_api"[^}]*\} [1-9]/);
      await mesh.kube.heal();
      await allGood(server);
      expect((await meshOf(server)).discovery).toMatchObject({ phase: 'synced', lastError: null });
    },
  );

  it.for(FAULTS)(
    '%s mid-run, the last known peers are still pinged, the list is called stale, and it recovers',
    async ([_name, fault, classes], context) => {
      const mesh = await start(context);
      const server = await mesh.serve(1);
      await mesh.serve(2);
      await allGood(server);
      mesh.kube.closeWatches();
      await mesh.kube.break(fault);
      await soon(async () => {
        const { discovery } = await meshOf(server);
        expect(discovery.phase).toBe('stale');
        expect(classes).toContain(discovery.lastError?.fault);
      }, 40_000);
      expect(names(await meshOf(server))).toEqual(['pod-1', 'pod-2']);
      const before = await pings(server);
      await soon(async () => expect(await pings(server)).toBeGreaterThan(before + 2));
      expect(await server.text('/metrics')).toMatch(/goldpinger_discovery_age_seconds\{[^}]*\} [0-9.]*[1-9]/);
      // Never a healthy cluster on the word of an API server that is away.
      await soon(async () => expect((await fetch(`${server.url}/cluster_health`)).status).toBe(418));
      mesh.addPod(3);
      await mesh.serve(3);
      await mesh.kube.heal();
      await soon(async () => expect(names(await meshOf(server))).toEqual(['pod-1', 'pod-2', 'pod-3']), 40_000);
      await allGood(server);
    },
  );

  it('suddenly lists nobody, the last known peers are kept and it is not believed at once', async (context) => {
    const mesh = await start(context);
    const server = await mesh.serve(1, { REFRESH_INTERVAL: '1' });
    await mesh.serve(2);
    await allGood(server);
    await mesh.kube.break('empty');
    mesh.kube.compact();
    await soon(async () => {
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
    await soon(async () => expect((await meshOf(server)).discovery).toMatchObject({ phase: 'synced', mode: 'list' }));
    mesh.addPod(2);
    await soon(async () => expect(names(await meshOf(server))).toContain('pod-2'));
    const lists = mesh.kube.requests.filter(({ kind }) => kind === 'list').length;
    await soon(() =>
      expect(mesh.kube.requests.filter(({ kind }) => kind === 'list').length).toBeGreaterThan(lists + 3),
    );
    expect(server.log.filter(({ msg }) => /watch/i.test(msg) && /forbid|may not/i.test(msg))).toHaveLength(1);
  });

  it('is never asked because of a request', async (context) => {
    const mesh = await start(context);
    const server = await mesh.serve(1);
    await mesh.serve(2);
    await allGood(server);
    const before = mesh.kube.requests.length;
    for (const path of ['/check_all', '/cluster_health', '/heatmap.png', '/api/v1/mesh', '/check', '/metrics']) {
      await Promise.all(Array.from({ length: 5 }, async () => (await fetch(server.url + path)).arrayBuffer()));
    }
    expect(mesh.kube.requests.length).toBe(before);
  });
});

/** Pings so far. */
async function pings(server: { url: string }): Promise<number> {
  const lines = (await (await fetch(`${server.url}/metrics`)).text()).split('\n');
  const made = lines.find(
    (line) => line.startsWith('goldpinger_stats_total{') && line.includes('="made"') && line.includes('="ping"'),
  );
  return Number(made?.split(' ').at(-1));
}
