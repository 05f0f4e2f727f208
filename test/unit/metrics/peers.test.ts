import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePods, type Pod } from '../../../server/protocol/pod.ts';
import type { UdpResult } from '../../../server/protocol/sample.ts';
import { countedPods, podOf } from '../../support/mesh.ts';
import { cycleOf as anyCycle } from '../../support/samples.ts';
import { figuresOf, metricsOf, sampleOf, scrape, seriesOf, targetOf } from './scene.ts';

const FAILURES = 'goldpinger_peer_ping_failures_total';
const LATENCY_COUNT = 'goldpinger_peers_response_time_s_count';

/** A cycle that lost 2 of its 10 datagrams. */
const cycleOf = (change: Partial<UdpResult> = {}) =>
  anyCycle({ lost: 2, duplicates: 1, outOfOrder: 3, rttUs: 7000, ...change });

const [ONE, TWO, THREE] = [podOf(1), podOf(2), podOf(3)];

describe('the series of one peer', () => {
  it('name the pod and node of a failed ping; refused and timed-out connections are 0 from the start, so that a rate sees the first', async () => {
    const metrics = metricsOf([TWO]);
    metrics.pingSample(targetOf(TWO), sampleOf({ outcome: 'timeout', phase: 'first-byte' }));
    const labels = ['peer', 'peer_namespace', 'peer_node', 'pod_ip', 'host_ip', 'outcome', 'phase'];
    const pod2 = ['pod-2', 'default', 'node-2', '127.0.0.3', '10.0.0.3'];
    expect(await seriesOf(metrics, FAILURES, ...labels)).toEqual([
      [...pod2, 'refused', 'connect', 0],
      [...pod2, 'timeout', 'connect', 0],
      [...pod2, 'timeout', 'first-byte', 1],
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
    metrics.peers.setState(targetOf(next), true);
    metrics.peers.setState(targetOf(old), false);
    expect(await up()).toEqual([['pod-1', 1]]);
    metrics.peers.setState(targetOf(next), false);
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
  it('loses its series, and what comes in later counts only in the totals', async () => {
    const metrics = metricsOf([ONE, TWO]);
    const count = (pod: Pod) => {
      metrics.pingSample(targetOf(pod), sampleOf());
      metrics.peerCall(pod, 1000, true);
      metrics.peers.setState(targetOf(pod), true);
      metrics.peers.countUdp(targetOf(pod), cycleOf());
      metrics.peers.countUdpError(targetOf(pod));
    };
    for (const pod of [ONE, TWO]) count(pod);
    metrics.peers.setPeers([ONE, podOf(2, { lifecycle: 'gone' })], [targetOf(ONE)]);
    count(TWO);
    const text = await scrape(metrics);
    expect(text).not.toMatch(/127\.0\.0\.3|pod-2/);
    expect(text).toContain('pod-1');
    expect(text).toMatch(/goldpinger_peers_loss_pct\{.*pod_ip="127.0.0.2"} 20\n/);
    expect(text).toMatch(/goldpinger_udp_errors_total\{.*host="127.0.0.2"} 1\n/);
    expect(await figuresOf(metrics, ['goldpinger_stats_total', 'group=made action=ping'])).toEqual([3]);
  });

  it('leaves no counts to the next peer at its address, and does not change the series of the peers that stay', async () => {
    const metrics = metricsOf([ONE, TWO]);
    metrics.pingSample(targetOf(ONE), sampleOf());
    metrics.pingSample(targetOf(TWO), sampleOf({ outcome: 'refused', phase: 'connect' }));
    metrics.pingSample(targetOf(TWO), sampleOf({ totalUs: 30_000 }));
    metrics.peers.setPeers([TWO, THREE], [targetOf(TWO), targetOf(THREE)]);
    metrics.peers.setPeers([ONE, TWO], [targetOf(ONE), targetOf(TWO)]);
    metrics.pingSample(targetOf(ONE), sampleOf({ totalUs: 20_000 }));
    expect(await seriesOf(metrics, FAILURES, 'peer', 'outcome')).toContainEqual(['pod-2', 'refused', 1]);
    expect(await seriesOf(metrics, 'goldpinger_peers_response_time_s_sum', 'pod_ip')).toEqual([
      ['127.0.0.3', 0.03],
      ['127.0.0.2', 0.02],
    ]);
  });

  it('among thousands is no reason to look at all of them: with 6000 that takes 13 ms in one block', () => {
    const { pods, watched, reads } = countedPods(500);
    pods.sort(comparePods);
    const metrics = metricsOf(pods);
    const targets = pods.map(targetOf);
    metrics.peers.setPeers(pods, targets);
    const before = reads();
    metrics.peers.setPeers(
      pods.toSpliced(250, 1, watched({ ...pods[250]!, lifecycle: 'gone' })),
      targets.toSpliced(250, 1),
    );
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
      metrics.peers.setPeers(next, next.map(targetOf));
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

it('two peers at one address share their latencies and keep their names apart', async () => {
  const old = podOf(1, { uid: 'old', name: 'old', lifecycle: 'terminating' });
  const fresh = podOf(1, { uid: 'new', name: 'new' });
  const metrics = metricsOf([old, fresh]);
  for (const pod of [old, fresh]) {
    metrics.pingSample(targetOf(pod), sampleOf());
    metrics.peers.setState(targetOf(pod), pod === fresh);
  }
  expect(await seriesOf(metrics, LATENCY_COUNT)).toEqual([[2]]);
  expect(await seriesOf(metrics, 'goldpinger_peer_up')).toHaveLength(2);
});

it('any sequence of memberships leaves exactly the series of the present peers', async () => {
  const memberships = fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 40 })), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(memberships, async (rounds) => {
      const metrics = metricsOf([]);
      for (const round of rounds) {
        const pods = round.map((n) => podOf(n));
        metrics.peers.setPeers(pods, pods.map(targetOf));
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

it('METRICS_PER_PEER=false keeps the totals and no series of single peers', async () => {
  const metrics = metricsOf([ONE, TWO], { perPeer: false });
  for (const pod of [ONE, TWO]) {
    metrics.pingSample(targetOf(pod), sampleOf());
    metrics.pingSample(targetOf(pod), sampleOf({ outcome: 'refused', phase: 'connect' }));
    metrics.peerCall(pod, 1000, true);
    metrics.peers.setState(targetOf(pod), true);
    metrics.peers.countUdp(targetOf(pod), cycleOf());
    metrics.peers.countUdpError(targetOf(pod));
  }
  metrics.peers.setPeers([], []);
  expect(await scrape(metrics)).not.toMatch(/pod_ip|host_ip|host=|peer=|loss_pct|hop_count/);
  const figures = await figuresOf(
    metrics,
    ['goldpinger_udp_errors_total', ''],
    ['goldpinger_udp_duplicates_total', ''],
    ['goldpinger_ping_failures_total', 'outcome=refused'],
    ['goldpinger_peers_udp_rtt_s', 'le=+Inf'],
    ['goldpinger_peers_response_time_s', 'call_type=ping le=+Inf'],
    ['goldpinger_peers_response_time_s', 'call_type=check le=+Inf'],
  );
  expect(figures).toEqual([2, 2, 2, 2, 2, 2]);
  expect(await seriesOf(metrics, 'goldpinger_peer_phase_seconds_count')).toHaveLength(2);
});

describe('the metrics of the UDP probe', () => {
  it("have Goldpinger's names and labels", async () => {
    const metrics = metricsOf([ONE, TWO]);
    metrics.peers.countUdp(targetOf(ONE), cycleOf());
    metrics.peers.countUdp(targetOf(ONE), cycleOf({ lost: 5, hops: 3 }));
    metrics.peers.countUdpError(targetOf(TWO));
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
    const metrics = metricsOf([ONE]);
    expect(await scrape(metrics)).not.toMatch(/goldpinger_(udp|peers_(loss|hop|udp))/);
    metrics.peers.countUdp(targetOf(ONE), cycleOf({ lost: 0, hops: -1 }));
    expect(await seriesOf(metrics, 'goldpinger_peers_hop_count')).toEqual([]);
    // Our own process was short of CPU.
    metrics.peers.countUdp(targetOf(ONE), cycleOf({ lost: 10, suspect: true }));
    expect(await seriesOf(metrics, 'goldpinger_peers_loss_pct')).toEqual([[0]]);
    metrics.peers.countUdp(targetOf(ONE), cycleOf());
    metrics.peers.countUdp(targetOf(ONE), null);
    expect(await scrape(metrics)).not.toMatch(/peers_(loss|hop)/);
    // Counters don't go back.
    expect(await seriesOf(metrics, 'goldpinger_udp_duplicates_total')).toEqual([[2]]);
  });

  it.each([true, false])(
    'do not count a pod that is probed and left out, as with IGNORE_CORDONED (METRICS_PER_PEER=%s)',
    async (perPeer) => {
      const metrics = metricsOf([ONE, TWO], { perPeer });
      metrics.peers.setPeers([ONE, TWO], [targetOf(TWO)]);
      metrics.peers.countUdp(targetOf(ONE), cycleOf());
      metrics.peers.countUdpError(targetOf(ONE));
      expect(await scrape(metrics)).not.toMatch(/goldpinger_(udp|peers_(loss|hop|udp))/);
    },
  );
});
