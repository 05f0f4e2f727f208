import { describe, expect, it } from 'vitest';
import { FLAG_IPV6, outcomeOf } from '../../server/protocol/links.ts';
import { eventually } from '../support/eventually.ts';
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

describe('settings reach what they are about', () => {
  it('IP_VERSIONS, DISPLAY_NODENAME, METRICS_PER_PEER and the external targets', async () => {
    const mesh = await StubMesh.forTest();
    mesh.addPod(1, { ips: [mesh.host(1), '::1'] });
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
      const { links } = (await meshOf(server)).reports[0]!;
      const ends = Array.from(links.to, (_, i) => [(links.flags[i]! & FLAG_IPV6) !== 0, outcomeOf(links, i)]);
      expect(ends).toEqual([
        [false, 'ok'],
        [true, 'ok'],
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
});
