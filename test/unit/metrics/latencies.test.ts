import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BOUNDS_S, LatencyHistogram } from '../../../server/metrics/latencies.ts';
import { readExposition } from './text-reader.ts';

it('a latency histogram counts in each bucket the durations up to its bound', () => {
  const duration = fc.oneof(fc.integer({ min: 0, max: 40e6 }), fc.constantFrom(...BOUNDS_S.map((s) => s * 1e6)));
  fc.assert(
    fc.property(fc.array(duration, { minLength: 1 }), (us) => {
      const histogram = new LatencyHistogram();
      for (const one of us) histogram.observe(one);
      const text = `# HELP h h\n# TYPE h histogram\n${histogram.text('h', 'a="1"', 'text')}`;
      const { series } = readExposition(text).get('h')!;
      for (const bound of BOUNDS_S) {
        const bucket = series.find(({ labels }) => labels['le'] === String(bound));
        expect(bucket?.value).toBe(us.filter((one) => one <= bound * 1e6).length);
      }
      expect(series.at(-1)?.value).toBe(us.length);
      expect(series.at(-2)?.value).toBeCloseTo(us.reduce((sum, one) => sum + one, 0) / 1e6, 6);
    }),
  );
});
