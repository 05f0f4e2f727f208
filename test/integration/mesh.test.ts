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

describe('one pod killed without a word', () => {
  it('is refused by all, unhealthy with a reason, and healthy again once it is back', async () => {
    const [mesh, servers] = await start(3);
    const [first] = servers;
    await servers[2]!.kill();
    // Each pod finds out with its own next ping.
    await eventually(async () => {
      const picture = await meshOf(first!);
      const outcomes = ['pod-1', 'pod-2', 'pod-3'].map((from) => linkOf(picture, from, 'pod-3').outcome);
      // The last one is why its own report is missing.
      expect(outcomes).toEqual(['refused', 'refused', 'refused']);
      expect(linkOf(picture, 'pod-1', 'pod-2').outcome).toBe('ok');
      const health = await first!.json('/cluster_health');
      expect(health).toMatchObject({ OK: false, nodesUnhealthy: ['10.0.0.3'] });
      expect(health['reasons']).toEqual({
        '10.0.0.3': [
          expect.stringMatching(/^pod-3 did not report \(refused/),
          'pod-3 2 of 2 links into it fail: refused (from pod-1, pod-2)',
        ],
      });
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
