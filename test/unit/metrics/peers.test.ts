import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { podOf } from '../../support/mesh.ts';
import { figureOf, metricsOf, read, sampleOf, scrape, select, targetOf } from './scene.ts';

const FAILURES = 'goldpinger_peer_ping_failures_total';
const LATENCY = 'goldpinger_peers_response_time_s';

describe('the series of one peer', () => {
  it('name the pod and node that a failed ping went to, with outcome and phase', async () => {
    const pods = [podOf(1), podOf(2)];
    const metrics = metricsOf(pods);
    metrics.pingSample(targetOf(pods[1]!), sampleOf({ outcome: 'timeout', phase: 'first-byte' }));
    const family = (await read(metrics)).get(FAILURES);
    expect(select(family, { outcome: 'timeout', phase: 'first-byte' })).toEqual([
      {
        name: FAILURES,
        value: 1,
        labels: {
          goldpinger_instance: 'node-001',
          peer: 'pod-2',
          peer_namespace: 'default',
          peer_node: 'node-2',
          pod_ip: '127.0.0.3',
          host_ip: '10.0.0.3',
          outcome: 'timeout',
          phase: 'first-byte',
        },
      },
    ]);
  });

  it('have refused and timed-out connections at 0 from the start, so that a rate sees the first one', async () => {
    const family = (await read(metricsOf([podOf(1)]))).get(FAILURES);
    expect(family?.series.map(({ labels, value }) => [labels['outcome'], labels['phase'], value])).toEqual([
      ['refused', 'connect', 0],
      ['timeout', 'connect', 0],
    ]);
  });

  it('do not count a suspect timeout as a failure of the peer, but count a suspect refusal', async () => {
    const metrics = metricsOf([podOf(1)]);
    const target = targetOf(podOf(1));
    metrics.pingSample(target, sampleOf({ outcome: 'timeout', phase: 'connect', suspect: true }));
    metrics.pingSample(target, sampleOf({ outcome: 'refused', phase: 'connect', suspect: true }));
    const ours = await read(metrics);
    expect(figureOf(ours.get(FAILURES), { outcome: 'timeout' })).toBe(0);
    expect(figureOf(ours.get(FAILURES), { outcome: 'refused' })).toBe(1);
    expect(figureOf(ours.get('goldpinger_ping_failures_total'), { outcome: 'timeout', phase: 'connect' })).toBe(1);
    expect(figureOf(ours.get('goldpinger_suspect_samples_total'))).toBe(2);
  });

  it('say that it works if one of two pods with the same labels does: the one that terminates does not count against the next', async () => {
    const [old, next] = [podOf(1, { lifecycle: 'terminating' }), podOf(1, { uid: 'uid-next' })];
    const metrics = metricsOf([old, next]);
    const up = async () => figureOf((await read(metrics)).get('goldpinger_peer_up'), { peer: 'pod-1' });
    metrics.linkState(targetOf(next), true);
    metrics.linkState(targetOf(old), false);
    expect(await up()).toBe(1);
    metrics.linkState(targetOf(next), false);
    expect(await up()).toBe(0);
  });

  it('say whether its link works, once that is known', async () => {
    const pods = [podOf(1), podOf(2), podOf(3)];
    const metrics = metricsOf(pods);
    metrics.linkState(targetOf(pods[0]!), true);
    metrics.linkState(targetOf(pods[1]!), false);
    const family = (await read(metrics)).get('goldpinger_peer_up');
    expect(figureOf(family, { peer: 'pod-1' })).toBe(1);
    expect(figureOf(family, { peer: 'pod-2' })).toBe(0);
    expect(select(family, { peer: 'pod-3' })).toEqual([]);
  });

  it('sum the phases of its successful pings', async () => {
    const metrics = metricsOf([podOf(1)]);
    metrics.pingSample(targetOf(podOf(1)), sampleOf({ connectUs: 1000, firstByteUs: 250_000 }));
    metrics.pingSample(targetOf(podOf(1)), sampleOf({ connectUs: 2000, firstByteUs: 250_000 }));
    metrics.pingSample(targetOf(podOf(1)), sampleOf({ outcome: 'timeout', phase: 'first-byte', connectUs: 9000 }));
    // A ping over an open connection has no connect time.
    metrics.pingSample(targetOf(podOf(1)), sampleOf({ connectUs: -1, firstByteUs: 100_000 }));
    const family = (await read(metrics)).get('goldpinger_peer_phase_seconds');
    const [connectSum, connectCount] = select(family, { phase: 'connect', pod_ip: '127.0.0.2' });
    const [firstByteSum, firstByteCount] = select(family, { phase: 'first-byte' });
    expect(connectSum?.value).toBeCloseTo(0.003);
    expect(connectCount?.value).toBe(2);
    expect(firstByteSum?.value).toBeCloseTo(0.6);
    expect(firstByteCount?.value).toBe(3);
  });
});

describe('a departed peer', () => {
  it('loses its series, and its sample in flight counts only in the totals', async () => {
    const pods = [podOf(1), podOf(2)];
    const metrics = metricsOf(pods);
    for (const pod of pods) {
      metrics.pingSample(targetOf(pod), sampleOf());
      metrics.peerCall(pod, 1000, true);
      metrics.linkState(targetOf(pod), true);
    }
    metrics.setPeers([podOf(1), podOf(2, { lifecycle: 'gone' })], [targetOf(podOf(1))]);
    metrics.pingSample(targetOf(podOf(2)), sampleOf());
    metrics.linkState(targetOf(podOf(2)), false);
    const text = await scrape(metrics);
    expect(text).not.toContain('127.0.0.3');
    expect(text).not.toContain('pod-2');
    expect(text).toContain('pod-1');
    expect(figureOf((await read(metrics)).get('goldpinger_stats_total'), { group: 'made', action: 'ping' })).toBe(3);
  });

  it('leaves no counts to the next peer at its address', async () => {
    const metrics = metricsOf([podOf(1)]);
    metrics.pingSample(targetOf(podOf(1)), sampleOf());
    metrics.setPeers([], []);
    metrics.setPeers([podOf(1)], [targetOf(podOf(1))]);
    metrics.pingSample(targetOf(podOf(1)), sampleOf({ totalUs: 20_000 }));
    const family = (await read(metrics)).get(LATENCY);
    expect(select(family, { le: '0.01' })[0]?.value).toBe(0);
    expect(select(family, { le: '+Inf' })[0]?.value).toBe(1);
  });

  it('does not change the series of the peers that stay', async () => {
    const pods = [podOf(1), podOf(2)];
    const metrics = metricsOf(pods);
    metrics.pingSample(targetOf(podOf(2)), sampleOf({ outcome: 'refused', phase: 'connect' }));
    metrics.pingSample(targetOf(podOf(2)), sampleOf());
    metrics.setPeers([podOf(2), podOf(3)], [targetOf(podOf(2)), targetOf(podOf(3))]);
    const ours = await read(metrics);
    expect(figureOf(ours.get(FAILURES), { peer: 'pod-2', outcome: 'refused' })).toBe(1);
    expect(select(ours.get(LATENCY), { pod_ip: '127.0.0.3', le: '+Inf' })[0]?.value).toBe(1);
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
    expect(select((await read(metrics)).get(LATENCY), { le: '30' })).toHaveLength(200);
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
    const ours = await read(metrics);
    expect(select(ours.get(LATENCY), { le: '+Inf' }).map(({ value }) => value)).toEqual([2]);
    expect(ours.get('goldpinger_peer_up')?.series).toHaveLength(2);
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
        const ours = await read(metrics);
        const shown = select(ours.get(LATENCY), { le: '+Inf' }).map(({ labels }) => labels['pod_ip']);
        expect(shown.sort()).toEqual(here);
        expect(ours.get(FAILURES)?.series ?? []).toHaveLength(here.length * 2);
      }),
      { numRuns: 40 },
    );
  });
});

describe('METRICS_PER_PEER=false', () => {
  it('keeps the totals and no series of single peers', async () => {
    const pods = [podOf(1), podOf(2)];
    const metrics = metricsOf(pods, { perPeer: false });
    for (const pod of pods) {
      metrics.pingSample(targetOf(pod), sampleOf());
      metrics.pingSample(targetOf(pod), sampleOf({ outcome: 'refused', phase: 'connect' }));
      metrics.peerCall(pod, 1000, true);
      metrics.linkState(targetOf(pod), true);
    }
    const ours = await read(metrics);
    expect(await scrape(metrics)).not.toMatch(/pod_ip|host_ip|peer=/);
    expect(select(ours.get(LATENCY), { le: '+Inf' }).map(({ labels, value }) => [labels['call_type'], value])).toEqual([
      ['check', 2],
      ['ping', 2],
    ]);
    expect(figureOf(ours.get('goldpinger_ping_failures_total'), { outcome: 'refused' })).toBe(2);
    expect(select(ours.get('goldpinger_peer_phase_seconds'))).toHaveLength(4);
  });
});
