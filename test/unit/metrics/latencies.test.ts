import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOUNDS_S, Latencies } from '../../../server/metrics/latencies.ts';
import { readExposition } from './exposition-reader.ts';

describe('a latency histogram', () => {
  it('counts in each bucket the durations up to its bound', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 40e6 }), fc.constantFrom(...BOUNDS_S.map((s) => s * 1e6)))),
        (us) => {
          const latencies = new Latencies();
          latencies.allocate();
          const slot = latencies.allocate();
          for (const one of us) latencies.observe(slot, one);
          const text = `# HELP h h\n# TYPE h histogram\n${latencies.text(slot, 'h', 'a="1"', 'text')}`;
          const { series } = readExposition(text).get('h')!;
          for (const bound of BOUNDS_S) {
            const bucket = series.find(({ labels }) => labels['le'] === String(bound));
            expect(bucket?.value).toBe(us.filter((one) => one <= bound * 1e6).length);
          }
          expect(series.at(-1)?.value).toBe(us.length);
          expect(series.at(-2)?.value).toBeCloseTo(us.reduce((sum, one) => sum + one, 0) / 1e6, 6);
        },
      ),
    );
  });

  it('ignores negative durations and NaN', () => {
    const latencies = new Latencies();
    const slot = latencies.allocate();
    latencies.observe(slot, -1);
    latencies.observe(slot, Number.NaN);
    expect(latencies.text(slot, 'h', 'a="1"', 'text')).toContain('h_count{a="1"} 0');
  });

  it('keeps its slots apart, through growth and reuse', () => {
    const latencies = new Latencies();
    const slots = Array.from({ length: 100 }, () => latencies.allocate());
    for (const slot of slots) for (let i = 0; i <= slot; i++) latencies.observe(slot, 1);
    for (const slot of slots) expect(latencies.text(slot, 'h', '', 'text')).toContain(`h_count{} ${slot + 1}\n`);
    latencies.release(7);
    expect(latencies.size).toBe(99);
    expect(latencies.allocate()).toBe(7);
    expect(latencies.text(7, 'h', '', 'text')).toContain('h_count{} 0\n');
  });
});
