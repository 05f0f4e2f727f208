import { expect, it } from 'vitest';
import { figureOf, metricsOf, read } from './scene.ts';

it('the metrics of the process have its memory, and its CPU time, which only grows', async () => {
  const metrics = metricsOf([]);
  const before = figureOf((await read(metrics)).get('process_cpu_seconds_total'));
  const ours = await read(metrics);
  expect(figureOf(ours.get('process_cpu_seconds_total'))).toBeGreaterThanOrEqual(before);
  expect(figureOf(ours.get('process_resident_memory_bytes'))).toBeGreaterThan(1e6);
});
