import { describe, expect, it } from 'vitest';
import type { UdpResult } from '../../../server/protocol/sample.ts';
import { podOf } from '../../support/mesh.ts';
import { figureOf, metricsOf, read, scrape, targetOf } from './scene.ts';

const [ONE, TWO] = [podOf(1), podOf(2)];

function cycleOf(change: Partial<UdpResult> = {}): UdpResult {
  const counts = { sent: 10, lost: 2, duplicates: 1, outOfOrder: 3 };
  return { atMs: 0, ...counts, rttUs: 7000, hops: 2, suspect: false, ...change };
}

describe('the metrics of the UDP probe', () => {
  it("have Goldpinger's names and labels", async () => {
    const metrics = metricsOf([ONE, TWO]);
    metrics.udpResult(targetOf(ONE), cycleOf());
    metrics.udpResult(targetOf(ONE), cycleOf({ lost: 5, hops: 3 }));
    metrics.udpError(targetOf(TWO));
    const labels = { goldpinger_instance: 'node-001', host_ip: '10.0.0.2', pod_ip: '127.0.0.2' };
    const families = await read(metrics);
    const series = (name: string) => families.get(name)?.series.map(({ labels, value }) => ({ labels, value }));
    expect(series('goldpinger_peers_loss_pct')).toEqual([{ labels, value: 50 }]);
    expect(series('goldpinger_peers_hop_count')).toEqual([{ labels, value: 3 }]);
    expect(series('goldpinger_udp_duplicates_total')).toEqual([{ labels, value: 2 }]);
    expect(series('goldpinger_udp_out_of_order_total')).toEqual([{ labels, value: 6 }]);
    const host = { goldpinger_instance: 'node-001', host: '127.0.0.3' };
    expect(series('goldpinger_udp_errors_total')).toEqual([{ labels: host, value: 1 }]);
    const text = await scrape(metrics);
    const instance = 'goldpinger_instance="node-001",host_ip="10.0.0.2",pod_ip="127.0.0.2"';
    expect(text).toContain(`goldpinger_peers_udp_rtt_s_bucket{${instance},le="0.005"} 0\n`);
    expect(text).toContain(`goldpinger_peers_udp_rtt_s_bucket{${instance},le="0.01"} 2\n`);
    expect(text).toContain(`goldpinger_peers_udp_rtt_s_sum{${instance}} 0.014\n`);
  });

  it('are not shown where nothing was measured', async () => {
    expect(await scrape(metricsOf([ONE]))).not.toMatch(/goldpinger_(udp|peers_(loss|hop|udp))/);
    const metrics = metricsOf([ONE]);
    metrics.udpResult(targetOf(ONE), cycleOf({ hops: -1 }));
    expect((await read(metrics)).get('goldpinger_peers_hop_count')?.series).toEqual([]);
    metrics.udpResult(targetOf(ONE), null);
    expect((await read(metrics)).get('goldpinger_peers_loss_pct')?.series).toEqual([]);
    // Counters don't go back.
    expect(figureOf((await read(metrics)).get('goldpinger_udp_duplicates_total'))).toBe(1);
  });

  it('do not change by a cycle while our own process was short of CPU', async () => {
    const metrics = metricsOf([ONE]);
    metrics.udpResult(targetOf(ONE), cycleOf({ lost: 0 }));
    metrics.udpResult(targetOf(ONE), cycleOf({ lost: 10, suspect: true }));
    expect(figureOf((await read(metrics)).get('goldpinger_peers_loss_pct'))).toBe(0);
  });

  it('go away with their peer, and do not come back with a late result', async () => {
    const metrics = metricsOf([ONE, TWO]);
    for (const pod of [ONE, TWO]) {
      metrics.udpResult(targetOf(pod), cycleOf());
      metrics.udpError(targetOf(pod));
    }
    metrics.setPeers([TWO], [targetOf(TWO)]);
    metrics.udpResult(targetOf(ONE), cycleOf());
    metrics.udpError(targetOf(ONE));
    const text = await scrape(metrics);
    expect(text).not.toMatch(/udp.*127\.0\.0\.2"|loss.*127\.0\.0\.2"/);
    expect(text).toMatch(/goldpinger_peers_loss_pct\{.*pod_ip="127.0.0.3"} 20\n/);
    expect(text).toMatch(/goldpinger_udp_errors_total\{.*host="127.0.0.3"} 1\n/);
  });

  it.each([true, false])(
    'do not count a pod that is probed and left out, as with IGNORE_CORDONED (METRICS_PER_PEER=%s)',
    async (perPeer) => {
      const metrics = metricsOf([ONE, TWO], { perPeer });
      metrics.setPeers([ONE, TWO], [targetOf(TWO)]);
      metrics.udpResult(targetOf(ONE), cycleOf());
      metrics.udpError(targetOf(ONE));
      expect(await scrape(metrics)).not.toMatch(/goldpinger_(udp|peers_(loss|hop|udp))/);
    },
  );

  it('are sums without METRICS_PER_PEER', async () => {
    const metrics = metricsOf([ONE, TWO], { perPeer: false });
    for (const pod of [ONE, TWO]) metrics.udpResult(targetOf(pod), cycleOf());
    const text = await scrape(metrics);
    expect(text).toContain('goldpinger_udp_duplicates_total{goldpinger_instance="node-001"} 2\n');
    expect(text).toContain('goldpinger_peers_udp_rtt_s_count{goldpinger_instance="node-001"} 2\n');
    expect(text).not.toMatch(/loss_pct|hop_count|pod_ip/);
  });
});
