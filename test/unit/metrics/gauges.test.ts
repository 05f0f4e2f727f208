import { describe, expect, it, vi } from 'vitest';
import { podOf } from '../../support/mesh.ts';
import { figuresOf, metricsOf, seriesOf, sourcesOf } from './scene.ts';

describe('the gauges of a scrape', () => {
  it('count pods by lifecycle, with 0 for the others', async () => {
    const pods = [podOf(1), podOf(2), podOf(3, { lifecycle: 'gone' })];
    const counts = await seriesOf(metricsOf(pods), 'goldpinger_peers', 'state');
    expect(Object.fromEntries(counts)).toEqual({ starting: 0, ready: 2, 'not-ready': 0, terminating: 0, gone: 1 });
  });

  it.each([
    ['a watch that was last heard 10 s ago', { phase: 'synced', mode: 'watch' }, 1, 10],
    ['a list that is asked for again and again', { phase: 'synced', mode: 'list' }, 1, 10],
    ['a stale list', { phase: 'stale', attempts: 4 }, 0, 10],
    ['no list since start-up', { phase: 'waiting', lastGoodMs: 0 }, 0, 50],
  ] as const)('tell how old the list of peers is: %s', async (_, status, up, age) => {
    const metrics = metricsOf([], {}, sourcesOf({}, status));
    const figures = await figuresOf(metrics, ['goldpinger_discovery_up', ''], ['goldpinger_discovery_age_seconds', '']);
    expect(figures).toEqual([up, age]);
  });

  it('tell health, which each scrape asks for once, and starvation', async () => {
    const health = vi.fn(() => ({ isHealthy: false, healthyNodes: 2, unhealthyNodes: 1 }));
    const sources = sourcesOf({
      health,
      starvation: () => ({ loopDelayP99Us: 60_000, suspectShare: 1, unreliable: true, sinceMs: 0 }),
    });
    const figures = await figuresOf(
      metricsOf([], {}, sources),
      ['goldpinger_cluster_health_total', ''],
      ['goldpinger_nodes_health_total', 'status=unhealthy'],
      ['goldpinger_row_unreliable', ''],
      ['goldpinger_event_loop_delay_p99_seconds', ''],
    );
    expect(figures).toEqual([0, 1, 1, 0.06]);
    expect(health).toHaveBeenCalledTimes(1);
  });

  it('say which program this is, and have its memory and its CPU time, which only grows', async () => {
    const metrics = metricsOf([]);
    const figures = () =>
      figuresOf(
        metrics,
        ['goldpinger_build_info', 'version=1.2.3'],
        ['goldpinger_node_mode', ''],
        ['process_cpu_seconds_total', ''],
        ['process_resident_memory_bytes', ''],
      );
    const [, , before] = await figures();
    const [build, mode, cpuS, bytes] = await figures();
    expect([build, mode]).toEqual([1, 1]);
    expect(cpuS).toBeGreaterThanOrEqual(before ?? Number.NaN);
    expect(bytes).toBeGreaterThan(1e6);
  });
});
