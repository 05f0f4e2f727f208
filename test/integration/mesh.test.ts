import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { eventually } from '../support/eventually.ts';
import { startLoopbackPeer } from '../support/loopback-peer.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { linkOf, meshOf, StubMesh, untilHealthy } from '../support/stub-mesh.ts';

/** Long, so that a busy machine does not make pings fail. */
const LONG_TIMEOUTS = { PING_TIMEOUT: '3s', CHECK_TIMEOUT: '3s' };

const counter = (server: ServerProcess, group: string, action: string) =>
  server.metric('goldpinger_stats_total', group, action);
const podNamed = (mesh: Mesh, name: string) => mesh.pods.findIndex((pod) => pod.name === name);

/** Starts `count` real servers, and waits until all links are healthy. */
async function start(count: number, env: Record<string, string> = {}): Promise<[StubMesh, ServerProcess[]]> {
  const mesh = await StubMesh.forTest();
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  const servers = await Promise.all(numbers.map((i) => mesh.serve(i, { ...LONG_TIMEOUTS, ...env })));
  // The pods are added when they listen, so that no link begins as refused.
  for (const i of numbers) mesh.addPod(i);
  for (const server of servers) await untilHealthy(server);
  return [mesh, servers];
}

describe('sixty clients at once', () => {
  it('get the same true answer from one collection', async () => {
    const [, servers] = await start(4);
    const [server] = servers;
    const checks = () => Promise.all(servers.slice(1).map((peer) => counter(peer, '="received"', '="check"')));
    const before = await checks();
    const paths = Array.from({ length: 120 }, (_, i) => (i % 2 === 0 ? '/check_all' : '/cluster_health'));
    const answers = await Promise.all(
      paths.map(async (path) => {
        const answer = await fetch(server!.url + path);
        return { path, status: answer.status, body: (await answer.json()) as { responses?: object } };
      }),
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const counts = answers
      .filter(({ path }) => path === '/check_all')
      .map(({ body }) => Object.keys(body.responses!).length);
    expect(new Set(counts)).toEqual(new Set([4]));
    // 120 requests, a handful of reports asked of each peer: as many as collections followed each other.
    for (const [i, after] of (await checks()).entries()) expect(after - before[i]!).toBeLessThan(20);
  });
});

describe('a peer that has only Goldpinger’s API', () => {
  it('is pinged, asked for /check, and drawn with its own view', async () => {
    const mesh = await StubMesh.forTest();
    mesh.addPod(1);
    mesh.addPod(2);
    const bootTime = { boot_time: '2026-11-22T14:39:48.013Z' };
    const result = (i: number, more: object) => ({
      HostIP: `10.0.0.${i}`,
      OK: true,
      PingTime: new Date().toISOString(),
      PodIP: mesh.host(i),
      response: bootTime,
      'status-code': 200,
      ...more,
    });
    const answer: RequestListener = (req, res) => {
      const answers: Record<string, object> = {
        '/ping': bootTime,
        '/check': { podResults: { 'pod-1': result(1, { 'response-time-ms': 7 }), 'pod-2': result(2, {}) } },
      };
      const body = answers[req.url ?? ''];
      res.writeHead(body === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify(body ?? { code: 404, message: 'path was not found' }));
    };
    const { requests } = await startLoopbackPeer(answer, { host: mesh.host(2), port: mesh.port });
    const server = await mesh.serve(1, LONG_TIMEOUTS);
    await untilHealthy(server);
    // Healthy is also who has pinged itself only.
    await eventually(async () => {
      const picture = await meshOf(server);
      const report = picture.reports.find(({ pod }) => pod === podNamed(picture, 'pod-2'))!;
      expect(report).toMatchObject({ missing: '', via: 'check' });
      expect([linkOf(picture, 'pod-1', 'pod-2').outcome, linkOf(picture, 'pod-2', 'pod-1').outcome]).toEqual([
        'ok',
        'ok',
      ]);
      expect(report.links.totalUs[report.links.to.indexOf(podNamed(picture, 'pod-1'))]).toBe(7000);
    });
    const whole = await server.json<{ responses: Record<string, { OK: boolean; response: { podResults: object } }> }>(
      '/check_all',
    );
    expect(Object.keys(whole.responses['pod-2']!.response.podResults)).toEqual(['pod-1', 'pod-2']);
    // And it can read us: same keys as the recorded answer of a real one.
    const recorded = JSON.parse(readFileSync('test/fixtures/goldpinger/healthy-check.json', 'utf8'));
    const ours = await server.json<{ podResults: Record<string, object> }>('/check');
    const keys = (results: Record<string, object>) => new Set(Object.values(results).flatMap(Object.keys));
    for (const key of keys(ours.podResults)) expect(keys(recorded.podResults)).toContain(key);
    expect(requests).toContain('GET /check');
  });
});

describe('SIGTERM under load', () => {
  it('makes no ping fail elsewhere: not ready at once, answering until the peers have let go', async () => {
    const [mesh, servers] = await start(3, { SHUTDOWN_GRACE: '5s', REFRESH_INTERVAL: '0.1' });
    const [first, , last] = servers;
    const before = await counter(first!, '="made"', '="ping"');
    const load = setIntervalLoad(`${last!.url}/ping`);
    last!.child.kill('SIGTERM');
    // What the kubelet and the endpoints controller do: the pod is terminating, later it is gone.
    mesh.addPod(3, { deletedMs: Date.now() });
    await eventually(async () => expect((await fetch(`${last!.url}/readyz`)).status).toBe(503));
    await eventually(async () => {
      const picture = await meshOf(first!);
      expect(picture.pods[podNamed(picture, 'pod-3')]?.lifecycle).toBe('terminating');
    });
    mesh.kube.deletePod('pod-3');
    await eventually(async () => {
      const picture = await meshOf(first!);
      expect(picture.pods[podNamed(picture, 'pod-3')]?.lifecycle).toBe('gone');
    });
    expect(await load.stop()).toEqual([]);
    expect(await last!.ended).toBe(0);
    await eventually(async () => expect(await counter(first!, '="made"', '="ping"')).toBeGreaterThan(before + 10));
    for (const server of servers.slice(0, 2)) {
      expect(server.said('link fails')).toEqual([]);
      expect(server.said('link is ok')).toEqual([]);
      await untilHealthy(server);
    }
  });
});

describe('a pod that terminates', () => {
  it('may refuse pings before it is gone: nothing in the log calls that a failing link', async () => {
    const [mesh, [first, last]] = await start(2);
    mesh.addPod(2, { deletedMs: Date.now() });
    await eventually(async () => {
      const picture = await meshOf(first!);
      expect(picture.pods[podNamed(picture, 'pod-2')]?.lifecycle).toBe('terminating');
    });
    await last!.kill();
    await eventually(async () => {
      const { podResults } = await first!.json<{ podResults: Record<string, { OK: boolean }> }>('/check');
      expect(podResults['pod-2']?.OK).toBe(false);
    });
    expect(first!.said('link fails')).toEqual([]);
  });
});

describe('PING_NUMBER', () => {
  it('shows pairs that are not probed as such and stays healthy', async () => {
    const [, servers] = await start(5, { PING_NUMBER: '2' });
    await eventually(async () => {
      const picture = await meshOf(servers[0]!);
      expect(picture.reports.map((report) => report.links.length)).toEqual([2, 2, 2, 2, 2]);
    });
    for (const server of servers) await untilHealthy(server);
  });
});

describe('one pod killed without a word', () => {
  it('is refused by all, shown as failing with a reason per node, and healthy again once it is back', async () => {
    const [mesh, servers] = await start(3);
    const [first] = servers;
    await servers[2]!.kill();
    await eventually(async () => {
      const health = await first!.json<{ OK: boolean; nodesUnhealthy: string[]; reasons: Record<string, string[]> }>(
        '/cluster_health',
      );
      expect(health.OK).toBe(false);
      expect(health.nodesUnhealthy).toContain('10.0.0.3');
      expect(health.reasons['10.0.0.3']?.join(' ')).toContain('refused');
    });
    // Each pod finds out with its own next ping.
    await eventually(async () => {
      const picture = await meshOf(first!);
      const outcomes = ['pod-1', 'pod-2', 'pod-3'].map((from) => linkOf(picture, from, 'pod-3').outcome);
      // The last one is why its own report is missing.
      expect(outcomes).toEqual(['refused', 'refused', 'refused']);
      expect(linkOf(picture, 'pod-1', 'pod-2').outcome).toBe('ok');
    });
    await mesh.serve(3, LONG_TIMEOUTS);
    await untilHealthy(first!);
    await eventually(() =>
      expect(first!.said('link has recovered').filter(({ to }) => to === 'pod-3')).toHaveLength(1),
    );
  });
});

/** Asks every few ms until stopped, on fewer than the 400 new connections a second that an address may open; gives what went wrong. */
function setIntervalLoad(url: string) {
  const faults: string[] = [];
  let running = true;
  const done = (async () => {
    while (running) {
      await fetch(url, { headers: { connection: 'close' } }).then(
        (answer) => answer.status === 200 || faults.push(String(answer.status)),
        (error: Error) => running && faults.push(String(error.cause ?? error)),
      );
      await pause(5);
    }
  })();
  return {
    stop: async () => {
      running = false;
      await done;
      return faults;
    },
  };
}
