import { describe, expect, it } from 'vitest';
import { podOf } from '../../support/mesh.ts';
import { figureOf, metricsOf, read, sourcesOf } from './scene.ts';

describe('the gauges of a scrape', () => {
  it('count pods by lifecycle, with 0 for the others', async () => {
    const pods = [podOf(1), podOf(2), podOf(3, { lifecycle: 'gone' })];
    const family = (await read(metricsOf(pods))).get('goldpinger_peers');
    expect(family?.series.map(({ labels, value }) => [labels['state'], value])).toEqual([
      ['starting', 0],
      ['ready', 2],
      ['not-ready', 0],
      ['terminating', 0],
      ['gone', 1],
    ]);
  });

  it.each([
    ['a watch that was last heard 10 s ago', { phase: 'synced', mode: 'watch' }, 1, 10],
    ['a list that is asked for again and again', { phase: 'synced', mode: 'list' }, 1, 10],
    ['a stale list', { phase: 'stale', attempts: 4 }, 0, 10],
    ['no list since start-up', { phase: 'waiting', lastGoodMs: 0 }, 0, 50],
  ] as const)('tell how old the list of peers is: %s', async (_, status, up, age) => {
    const ours = await read(metricsOf([], {}, sourcesOf({}, status)));
    expect(figureOf(ours.get('goldpinger_discovery_up'))).toBe(up);
    expect(figureOf(ours.get('goldpinger_discovery_age_seconds'))).toBe(age);
  });

  it('tell health and starvation', async () => {
    const sources = sourcesOf({
      health: () => ({ isHealthy: false, healthyNodes: 2, unhealthyNodes: 1 }),
      starvation: () => ({ loopDelayP99Us: 60_000, suspectShare: 1, unreliable: true, sinceMs: 0 }),
    });
    const ours = await read(metricsOf([], {}, sources));
    expect(figureOf(ours.get('goldpinger_cluster_health_total'))).toBe(0);
    expect(figureOf(ours.get('goldpinger_nodes_health_total'), { status: 'unhealthy' })).toBe(1);
    expect(figureOf(ours.get('goldpinger_row_unreliable'))).toBe(1);
    expect(figureOf(ours.get('goldpinger_event_loop_delay_p99_seconds'))).toBe(0.06);
  });

  it('say which program this is', async () => {
    const ours = await read(metricsOf([]));
    expect(figureOf(ours.get('goldpinger_build_info'), { version: '1.2.3' })).toBe(1);
    expect(figureOf(ours.get('goldpinger_node_mode'))).toBe(1);
  });
});
