import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaps, scene, targets } from './schedule-scene.ts';

describe('the schedule', () => {
  it('keeps its promises under any sequence of changes and pauses', async () => {
    const step = fc.record({
      count: fc.nat(30),
      passMs: fc.integer({ min: 0, max: 700 }),
      freezeMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5_000 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.integer({ min: 1, max: 1e6 }), async (steps, seed) => {
        const { clock, schedule, starts, overlaps } = scene({}, 30, seed);
        for (const { count, passMs, freezeMs } of steps) {
          schedule.setTargets(targets(count));
          clock.freeze(freezeMs);
          await clock.advance(passMs);
          expect(clock.pending).toBeLessThanOrEqual(1 + schedule.inFlight);
        }
        expect(overlaps()).toBe(0);
        for (const gap of gaps(starts.map((start) => start.atMs))) expect(gap).toBeGreaterThanOrEqual(16);
        await Promise.all([schedule.stop(), clock.advance(100)]);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 30 },
    );
  });
});
