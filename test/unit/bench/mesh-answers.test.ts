import { describe, expect, it } from 'vitest';
import { meanPingMs, pingTotals, seesAllHealthy } from '../../bench/mesh-answers.ts';

const METRICS = `# TYPE goldpinger_peers_response_time_s histogram
goldpinger_peers_response_time_s_bucket{call_type="ping",goldpinger_instance="n",host_ip="10.0.0.1",pod_ip="127.0.1.1",le="0.005"} 2
goldpinger_peers_response_time_s_sum{call_type="ping",goldpinger_instance="n",host_ip="10.0.0.1",pod_ip="127.0.1.1"} 0.004
goldpinger_peers_response_time_s_count{call_type="ping",goldpinger_instance="n",host_ip="10.0.0.1",pod_ip="127.0.1.1"} 2
goldpinger_peers_response_time_s_sum{call_type="ping",goldpinger_instance="n",host_ip="10.0.0.2",pod_ip="127.0.1.2"} 6e-03
goldpinger_peers_response_time_s_count{call_type="ping",goldpinger_instance="n",host_ip="10.0.0.2",pod_ip="127.0.1.2"} 3
goldpinger_peers_response_time_s_sum{call_type="check",goldpinger_instance="n",host_ip="10.0.0.2",pod_ip="127.0.1.2"} 9
goldpinger_peers_response_time_s_count{call_type="check",goldpinger_instance="n",host_ip="10.0.0.2",pod_ip="127.0.1.2"} 9
goldpinger_kube_master_response_time_s_sum{goldpinger_instance="n"} 7
`;

describe('the ping histogram of /metrics', () => {
  it('is summed up over all peers, without other calls', () => {
    const { count, sumS } = pingTotals(METRICS);
    expect(count).toBe(5);
    expect(sumS).toBeCloseTo(0.01, 9);
  });

  it('is empty where no ping was made', () => {
    expect(pingTotals('# nothing\n')).toEqual({ count: 0, sumS: 0 });
  });

  it('gives the mean of the pings between two scrapes of several processes', () => {
    const before = [
      { count: 10, sumS: 1 },
      { count: 0, sumS: 0 },
    ];
    const after = [
      { count: 20, sumS: 1.01 },
      { count: 10, sumS: 0.03 },
    ];
    expect(meanPingMs(before, after)).toBeCloseTo(2, 9);
    expect(meanPingMs(before, before)).toBeNaN();
  });
});

describe('an answer of /check', () => {
  const check = (results: object | null) => JSON.stringify({ podResults: results });

  it.each([
    ['all work', check({ a: { OK: true }, b: { OK: true } }), true],
    ['Goldpinger also pings itself', check({ a: { OK: true }, b: { OK: true }, c: { OK: true } }), true],
    ['one fails', check({ a: { OK: true }, b: { OK: true }, c: { OK: false } }), false],
    ['one is missing', check({ a: { OK: true } }), false],
    ['there are no results yet', check(null), false],
    ['it is not JSON', 'starting', false],
  ])('%s', (_name, text, isHealthy) => {
    expect(seesAllHealthy(text, 2)).toBe(isHealthy);
  });
});
