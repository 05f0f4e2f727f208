import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePods } from '../../../server/protocol/pod.ts';
import type { UdpResult } from '../../../server/protocol/sample.ts';
import { countedPods, podOf } from '../../support/mesh.ts';
import { figuresOf, metricsOf, sampleOf, scrape, seriesOf, targetOf } from './scene.ts';

const FAILURES = 'goldpinger_peer_ping_failures_total';
const LATENCY_COUNT = 'goldpinger_peers_response_time_s_count';

const [ONE, TWO, THREE] = [podOf(1), podOf(2), podOf(3)];

describe('the series of one peer', () => {
  it('name the pod and node that a failed ping went to, with outcome and phase', async () => {
    const metrics = metricsOf([ONE, TWO]);
    metrics.pingSample(targetOf(TWO), sampleOf({ outcome: 'timeout', phase: 'first-byte' }));
    const labels = ['peer', 'peer_namespace', 'peer_node', 'pod_ip', 'host_ip', 'outcome', 'phase'];
    const pod2 = ['pod-2', 'default', 'node-2', '127.0.0.3', '10.0.0.3'];
    expect(await seriesOf(metrics, FAILURES, ...labels)).toContainEqual([...pod2, 'timeout', 'first-byte', 1]);
  });

  it('have refused and timed-out connections at 0 from the start, so that a rate sees the first one', async () => {
    expect(await seriesOf(metricsOf([ONE]), FAILURES, 'outcome', 'phase')).toEqual([
      ['refused', 'connect', 0],
      ['timeout', 'connect', 0],
    ]);
  });

  it('do not count a suspect timeout as a failure of the peer, but count a suspect refusal', async () => {
    const metrics = metricsOf([ONE]);
    const target = targetOf(ONE);
    metrics.pingSample(target, sampleOf({ outcome: 'timeout', phase: 'connect', suspect: true }));
    metrics.pingSample(target, sampleOf({ outcome: 'refused', phase: 'connect', suspect: true }));
    const figures = await figuresOf(
      metrics,
      [FAILURES, 'outcome=timeout'],
      [FAILURES, 'outcome=refused'],
      ['goldpinger_ping_failures_total', 'outcome=timeout phase=connect'],
      ['goldpinger_suspect_samples_total', ''],
    );
    expect(figures).toEqual([0, 1, 1, 2]);
  });

  it('say that it works if one of two pods with the same labels does: the one that terminates does not count against the next', async () => {
    const [old, next] = [podOf(1, { lifecycle: 'terminating' }), podOf(1, { uid: 'uid-next' })];
    const metrics = metricsOf([old, next]);
    const up = () => seriesOf(metrics, 'goldpinger_peer_up', 'peer');
    expect(await up()).toEqual([]);
    metrics.linkState(targetOf(next), true);
    metrics.linkState(targetOf(old), false);
    expect(await up()).toEqual([['pod-1', 1]]);
    metrics.linkState(targetOf(next), false);
    expect(await up()).toEqual([['pod-1', 0]]);
  });

  it('sum the phases of its successful pings', async () => {
    const metrics = metricsOf([ONE]);
    metrics.pingSample(targetOf(ONE), sampleOf({ connectUs: 1000, firstByteUs: 250_000 }));
    metrics.pingSample(targetOf(ONE), sampleOf({ connectUs: 2000, firstByteUs: 250_000 }));
    metrics.pingSample(targetOf(ONE), sampleOf({ outcome: 'timeout', phase: 'first-byte', connectUs: 9000 }));
    // A ping over an open connection has no connect time.
    metrics.pingSample(targetOf(ONE), sampleOf({ connectUs: -1, firstByteUs: 100_000 }));
    const name = 'goldpinger_peer_phase_seconds';
    expect(await seriesOf(metrics, `${name}_sum`, 'pod_ip', 'phase')).toEqual([
      ['127.0.0.2', 'connect', 0.003],
      ['127.0.0.2', 'first-byte', 0.6],
    ]);
    expect(await seriesOf(metrics, `${name}_count`, 'phase')).toEqual([
      ['connect', 2],
      ['first-byte', 3],
    ]);
  });
});

describe('a departed peer', () => {
  it('loses its series, and its sample in flight counts only in the totals', async () => {
    const metrics = metricsOf([ONE, TWO]);
    for (const pod of [ONE, TWO]) {
      metrics.pingSample(targetOf(pod), sampleOf());
      metrics.peerCall(pod, 1000, true);
      metrics.linkState(targetOf(pod), true);
    }
    metrics.setPeers([ONE, podOf(2, { lifecycle: 'gone' })], [targetOf(ONE)]);
    metrics.pingSample(targetOf(TWO), sampleOf());
    metrics.linkState(targetOf(TWO), false);
    const text = await scrape(metrics);
    expect(text).not.toContain('127.0.0.3');
    expect(text).not.toContain('pod-2');
    expect(text).toContain('pod-1');
    expect(await figuresOf(metrics, ['goldpinger_stats_total', 'group=made action=ping'])).toEqual([3]);
  });

  it('leaves no counts to the next peer at its address', async () => {
    const metrics = metricsOf([ONE]);
    metrics.pingSample(targetOf(ONE), sampleOf());
    metrics.setPeers([], []);
    metrics.setPeers([ONE], [targetOf(ONE)]);
    metrics.pingSample(targetOf(ONE), sampleOf({ totalUs: 20_000 }));
    expect(await seriesOf(metrics, 'goldpinger_peers_response_time_s_sum')).toEqual([[0.02]]);
  });

  it('does not change the series of the peers that stay', async () => {
    const metrics = metricsOf([ONE, TWO]);
    metrics.pingSample(targetOf(TWO), sampleOf({ outcome: 'refused', phase: 'connect' }));
    metrics.pingSample(targetOf(TWO), sampleOf());
    metrics.setPeers([TWO, THREE], [targetOf(TWO), targetOf(THREE)]);
    expect(await seriesOf(metrics, FAILURES, 'peer', 'outcome')).toContainEqual(['pod-2', 'refused', 1]);
    expect(await seriesOf(metrics, LATENCY_COUNT, 'pod_ip')).toEqual([['127.0.0.3', 1]]);
  });

  it('among thousands is no reason to look at all of them: with 6000 that takes 13 ms in one block', () => {
    const { pods, watched, reads } = countedPods(500);
    pods.sort(comparePods);
    const metrics = metricsOf(pods);
    const targets = pods.map(targetOf);
    metrics.setPeers(pods, targets);
    const before = reads();
    metrics.setPeers(pods.toSpliced(250, 1, watched({ ...pods[250]!, lifecycle: 'gone' })), targets.toSpliced(250, 1));
    expect(reads() - before).toBeLessThan(200);
  });

  it('in the middle of a scrape changes neither that scrape nor a concurrent one', async () => {
    const pods = Array.from({ length: 200 }, (_, n) => podOf(n));
    const metrics = metricsOf(pods);
    for (const pod of pods) metrics.pingSample(targetOf(pod), sampleOf());
    const other = scrape(metrics);
    let text = '';
    let slices = 0;
    for await (const slice of metrics.render('text')) {
      text += slice;
      if (++slices !== 4) continue;
      // All leave, and others come.
      const next = Array.from({ length: 200 }, (_, n) => podOf(1000 + n));
      metrics.setPeers(next, next.map(targetOf));
      for (const pod of next) metrics.pingSample(targetOf(pod), sampleOf({ totalUs: 40e6 }));
    }
    expect(slices).toBeGreaterThan(6);
    const late = text.split('\n').filter((line) => line.includes('call_type="ping"') && line.includes('le="30"'));
    expect(late).toHaveLength(200);
    for (const line of late) expect(line).toMatch(/ 1$/);
    expect((await other).length).toBeGreaterThan(0);
    expect(await seriesOf(metrics, LATENCY_COUNT)).toHaveLength(200);
  });
});

describe('two peers at one address', () => {
  it('share their latencies and keep their names apart', async () => {
    const old = podOf(1, { uid: 'old', name: 'old', lifecycle: 'terminating' });
    const fresh = podOf(1, { uid: 'new', name: 'new' });
    const metrics = metricsOf([old, fresh]);
    for (const pod of [old, fresh]) {
      metrics.pingSample(targetOf(pod), sampleOf());
      metrics.linkState(targetOf(pod), pod === fresh);
    }
    expect(await seriesOf(metrics, LATENCY_COUNT)).toEqual([[2]]);
    expect(await seriesOf(metrics, 'goldpinger_peer_up')).toHaveLength(2);
  });
});

describe('any sequence of memberships', () => {
  it('leaves exactly the series of the present peers', async () => {
    const memberships = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 40 })), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(memberships, async (rounds) => {
        const metrics = metricsOf([]);
        for (const round of rounds) {
          const pods = round.map((n) => podOf(n));
          metrics.setPeers(pods, pods.map(targetOf));
          for (const pod of pods) metrics.pingSample(targetOf(pod), sampleOf());
        }
        const here = (rounds.at(-1) ?? []).map((n) => podOf(n).podIPs[0]).sort();
        const shown = await seriesOf(metrics, LATENCY_COUNT, 'pod_ip');
        expect(shown.map(([ip]) => ip).sort()).toEqual(here);
        expect(await seriesOf(metrics, FAILURES)).toHaveLength(here.length * 2);
      }),
      { numRuns: 40 },
    );
  });
});

describe('METRICS_PER_PEER=false', () => {
  it('keeps the totals and no series of single peers', async () => {
    const metrics = metricsOf([ONE, TWO], { perPeer: false });
    for (const pod of [ONE, TWO]) {
      metrics.pingSample(targetOf(pod), sampleOf());
      metrics.pingSample(targetOf(pod), sampleOf({ outcome: 'refused', phase: 'connect' }));
      metrics.peerCall(pod, 1000, true);
      metrics.linkState(targetOf(pod), true);
      metrics.udpResult(targetOf(pod), cycleOf());
      metrics.udpError(targetOf(pod));
    }
    metrics.setPeers([], []);
    const text = await scrape(metrics);
    expect(text).not.toMatch(/pod_ip|host_ip|host=|peer=|loss_pct|hop_count/);
    expect(text).toContain('goldpinger_udp_errors_total{goldpinger_instance="node-001"} 2\n');
    expect(text).toContain('goldpinger_udp_duplicates_total{goldpinger_instance="node-001"} 2\n');
    expect(text).toContain('goldpinger_peers_udp_rtt_s_count{goldpinger_instance="node-001"} 2\n');
    expect(await seriesOf(metrics, LATENCY_COUNT, 'call_type')).toEqual([
      ['ping', 2],
      ['check', 2],
    ]);
    expect(await figuresOf(metrics, ['goldpinger_ping_failures_total', 'outcome=refused'])).toEqual([2]);
    expect(await seriesOf(metrics, 'goldpinger_peer_phase_seconds_count')).toHaveLength(2);
  });
});

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
});
