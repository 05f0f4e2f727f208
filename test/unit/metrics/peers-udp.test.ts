import { describe, expect, it } from 'vitest';
import type { UdpResult } from '../../../server/protocol/sample.ts';
import { podOf } from '../../support/mesh.ts';
import { figuresOf, metricsOf, scrape, seriesOf, targetOf } from './scene.ts';

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
    const ofPod = (name: string) => seriesOf(metrics, name, 'host_ip', 'pod_ip');
    const pod = ['10.0.0.2', '127.0.0.2'];
    expect(await ofPod('goldpinger_peers_loss_pct')).toEqual([[...pod, 50]]);
    expect(await ofPod('goldpinger_peers_hop_count')).toEqual([[...pod, 3]]);
    expect(await ofPod('goldpinger_udp_duplicates_total')).toEqual([[...pod, 2]]);
    expect(await ofPod('goldpinger_udp_out_of_order_total')).toEqual([[...pod, 6]]);
    expect(await ofPod('goldpinger_peers_udp_rtt_s_sum')).toEqual([[...pod, 0.014]]);
    expect(await seriesOf(metrics, 'goldpinger_udp_errors_total', 'host')).toEqual([['127.0.0.3', 1]]);
    expect(
      await figuresOf(metrics, ['goldpinger_peers_udp_rtt_s', 'le=0.005'], ['goldpinger_peers_udp_rtt_s', 'le=0.01']),
    ).toEqual([0, 2]);
  });

  it('are not shown where nothing was measured', async () => {
    expect(await scrape(metricsOf([ONE]))).not.toMatch(/goldpinger_(udp|peers_(loss|hop|udp))/);
    const metrics = metricsOf([ONE]);
    metrics.udpResult(targetOf(ONE), cycleOf({ hops: -1 }));
    expect(await seriesOf(metrics, 'goldpinger_peers_hop_count')).toEqual([]);
    metrics.udpResult(targetOf(ONE), null);
    expect(await seriesOf(metrics, 'goldpinger_peers_loss_pct')).toEqual([]);
    // Counters don't go back.
    expect(await seriesOf(metrics, 'goldpinger_udp_duplicates_total')).toEqual([[1]]);
  });

  it('do not change by a cycle while our own process was short of CPU', async () => {
    const metrics = metricsOf([ONE]);
    metrics.udpResult(targetOf(ONE), cycleOf({ lost: 0 }));
    metrics.udpResult(targetOf(ONE), cycleOf({ lost: 10, suspect: true }));
    expect(await seriesOf(metrics, 'goldpinger_peers_loss_pct')).toEqual([[0]]);
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
