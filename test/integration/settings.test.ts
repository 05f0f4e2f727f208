import { describe, expect, it } from 'vitest';
import { FLAG_IPV6, outcomeOf } from '../../server/protocol/links.ts';
import { nodeBucket } from '../../server/runtime/node-mode.ts';
import { eventually } from '../support/eventually.ts';
import { lossOf } from '../support/mesh.ts';
import { meshOf, StubMesh } from '../support/stub-mesh.ts';

interface Check {
  podResults: Record<string, { OK: boolean; PodIP: string; error?: string }>;
  probeResults?: Record<string, { protocol: string; error?: string }[]>;
}

/** Long, so that a busy machine does not make probes fail. */
const LONG_TIMEOUTS = {
  PING_TIMEOUT: '3s',
  TCP_TARGETS_TIMEOUT: '3s',
  HTTP_TARGETS_TIMEOUT: '3s',
  DNS_TARGETS_TIMEOUT: '3s',
};

/** One active pod among three. */
const MODE = {
  ACTIVE_NODE_PERCENTAGE: '1',
  ACTIVE_NODES: 'node-1',
  ...LONG_TIMEOUTS,
  CHECK_TIMEOUT: '3s',
  UDP_ENABLED: 'true',
};

describe('settings reach what they are about', () => {
  it('IP_VERSIONS, UDP_PORT, DISPLAY_NODENAME, METRICS_PER_PEER and the external targets', async () => {
    const mesh = await StubMesh.forTest();
    // Addresses from which the system answers datagrams to itself.
    mesh.addPod(1, { ips: ['127.0.0.1', '::1'] });
    const dead = '127.0.0.1:1';
    const nowhere = `${mesh.kube.url}/nowhere`;
    const server = await mesh.serve(1, {
      ...LONG_TIMEOUTS,
      HOST: '::',
      IP_VERSIONS: '4,6',
      DISPLAY_NODENAME: 'true',
      METRICS_PER_PEER: 'false',
      TCP_TARGETS: `127.0.0.1:${mesh.kube.port} ${dead}`,
      HTTP_TARGETS: nowhere,
      HOSTS_TO_RESOLVE: 'localhost',
      UDP_ENABLED: 'true',
      UDP_PORT: String(mesh.port),
    });
    await eventually(async () => {
      const { podResults, probeResults } = await server.json<Check>('/check');
      expect(podResults).toMatchObject({ 'node-1': { OK: true } });
      expect(probeResults).toMatchObject({
        [`127.0.0.1:${mesh.kube.port}`]: [{ protocol: 'tcp' }],
        [dead]: [{ protocol: 'tcp', error: `dial tcp ${dead}: connection refused` }],
        [nowhere]: [{ protocol: 'http', error: `${nowhere} returned non-200 resp: 404` }],
        localhost: [{ protocol: 'dns' }],
      });
    });
    await eventually(async () => {
      const { links, udp } = (await meshOf(server)).reports[0]!;
      const ends = Array.from(links.to, (_, i) => {
        const isIPv6 = (links.flags[i]! & FLAG_IPV6) !== 0;
        return [isIPv6, outcomeOf(links, i), lossOf(udp, i), udp?.hops[i]];
      });
      expect(ends).toEqual([
        [false, 'ok', 0, 0],
        [true, 'ok', 0, 0],
      ]);
    });
    const metrics = await server.text('/metrics');
    expect(metrics).toMatch(new RegExp(`goldpinger_tcp_errors_total\\{[^}]*host="${dead}"[^}]*\\} [1-9]`));
    expect(metrics).toMatch(/goldpinger_stats_total\{[^}]*group="made",action="ping"[^}]*\} [1-9]/);
    expect(metrics).not.toContain('pod_ip=');
  });

  it('USE_HOST_IP, NAMESPACE and LABEL_SELECTOR', async () => {
    const mesh = await StubMesh.forTest();
    const labels = { app: 'another' };
    // Of this pod nothing listens at its own address, and everything at its host's.
    mesh.addPod(9, { name: 'elsewhere', namespace: 'other', labels, hostIP: mesh.host(1) });
    mesh.addPod(2);
    const selected = { NAMESPACE: '', LABEL_SELECTOR: 'app=another' };
    const server = await mesh.serve(1, { ...LONG_TIMEOUTS, ...selected, USE_HOST_IP: 'true' });
    await eventually(async () => {
      const { podResults } = await server.json<Check>('/check');
      expect(podResults).toEqual({ elsewhere: expect.objectContaining({ OK: true, PodIP: mesh.host(9) }) });
    });
  });

  it('IGNORE_CORDONED: a pod on a cordoned node may fail, and says why it is gone when its node is deleted', async () => {
    const mesh = await StubMesh.forTest();
    mesh.kube.putNode('node-1', 'zone-a');
    mesh.kube.putNode('node-2', 'zone-a', true);
    for (const i of [1, 2]) mesh.addPod(i);
    const [ignoring, judging] = await Promise.all([
      mesh.serve(1, { IGNORE_CORDONED: 'true', PING_TIMEOUT: '3s' }),
      // Another instance of pod 1, with the default.
      mesh.serve(3, { POD_NAME: 'pod-1', POD_IP: mesh.host(1), HOSTNAME: 'node-1', PING_TIMEOUT: '3s' }),
    ]);
    // Nothing listens at the address of pod 2.
    await eventually(async () => {
      const { pods, health, findings, reports } = await meshOf(ignoring!);
      expect(pods.map(({ cordon }) => cordon)).toEqual(['', 'ignored']);
      expect([...(reports[0]?.links.outcome ?? [])].some((outcome) => outcome !== 0)).toBe(true);
      expect(health).toEqual({ ok: true, reasons: [], general: [] });
      expect(findings).toEqual([]);
    }, 30_000);
    expect(await ignoring!.health()).toBe(200);
    expect(await ignoring!.json('/cluster_health')).toMatchObject({ nodesTotal: 1, ignored: ['10.0.0.2'] });
    expect(await ignoring!.text('/metrics')).not.toContain('pod-2');
    await eventually(async () => {
      const { pods, health: judged } = await meshOf(judging!);
      expect(pods.map(({ cordon }) => cordon)).toEqual(['', 'cordoned']);
      expect(judged.ok).toBe(false);
    }, 30_000);
    expect(await judging!.text('/metrics')).toContain('pod-2');
    // The timeline counts as the summary does.
    const failedOf = async (server: typeof ignoring) => {
      const { failed } = await server!.json<{ failed: number[] }>('/api/v1/history');
      return failed.some((count) => count > 0);
    };
    await eventually(async () => expect(await failedOf(judging)).toBe(true), 30_000);
    expect(await failedOf(ignoring)).toBe(false);

    mesh.kube.deleteNode('node-2');
    mesh.kube.deletePod('pod-2');
    await eventually(async () => {
      const gone = (await meshOf(judging!)).pods.find(({ name }) => name === 'pod-2');
      expect([gone?.lifecycle, gone?.reason]).toEqual(['gone', 'node node-2 was deleted']);
    }, 40_000);
  });

  it('ACTIVE_NODE_PERCENTAGE, one active pod and two passive ones: it pings them, they answer its datagrams, and they never talk to the API server', async () => {
    const mesh = await StubMesh.forTest();
    expect([nodeBucket('node-2'), nodeBucket('node-3')].every((bucket) => bucket >= 1)).toBe(true);
    const { kube: apiOfPassive, kubeconfig } = await StubMesh.forTest();
    const servers = await Promise.all(
      [1, 2, 3].map((i) => mesh.serve(i, i === 1 ? MODE : { ...MODE, KUBECONFIG: kubeconfig })),
    );
    for (const i of [1, 2, 3]) mesh.addPod(i);
    const [active, passive] = servers;
    await eventually(async () => {
      const picture = await meshOf(active!);
      expect(picture.reports.map(({ missing }) => missing)).toEqual(['', 'passive', 'passive']);
      const { links, udp } = picture.reports[0]!;
      expect([...links.outcome]).toEqual([0, 0, 0]);
      expect([0, 1, 2].map((link) => lossOf(udp, link))).toEqual([0, 0, 0]);
      expect(picture.health).toEqual({ ok: true, reasons: [], general: [] });
      expect(picture.findings).toEqual([]);
    }, 30_000);
    expect(await active!.health()).toBe(200);
    const { hosts, responses } = await active!.json<{ hosts: object[]; responses: object }>('/check_all');
    expect([hosts.length, Object.keys(responses)]).toEqual([3, ['pod-1']]);
    for (const path of ['/check', '/check_all', '/cluster_health', '/api/v1/mesh'])
      expect((await fetch(passive!.url + path)).status).toBe(503);
    for (const path of ['/', '/ping', '/healthz', '/readyz', '/metrics'])
      expect((await fetch(passive!.url + path)).status).toBe(200);
    expect(passive!.log.filter(({ msg }) => msg.includes('this node is passive'))).toHaveLength(1);
    expect(apiOfPassive.requests).toEqual([]);
    passive!.child.kill('SIGTERM');
    expect(await passive!.ended).toBe(0);
  });
});
