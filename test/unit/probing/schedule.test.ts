import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Schedule } from '../../../server/probing/schedule.ts';
import { roundMsOf } from '../../../server/protocol/link-state.ts';
import type { Target } from '../../../server/protocol/pod.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { sampleOf, targetOf } from '../../support/samples.ts';

const targets = (count: number) => Array.from({ length: count }, (_, i) => targetOf(`u${i}`));

/** Numbers that look random and are the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The start of a probe. */
interface Start {
  id: string;
  atMs: number;
}

/** A schedule of `count` targets whose probes take `probeMs`, and a record of what it does. */
function scene(count: number, { probeMs = 1, seed = 7, refreshIntervalMs = 1000, jitterFactor = 0.05 } = {}) {
  const clock = new FakeClock();
  const starts: Start[] = [];
  const samples: string[] = [];
  const latesMs: number[] = [];
  /** The targets whose probes are under way. */
  const running: string[] = [];
  let overlaps = 0;
  const probe = ({ id }: Target, onEnd: (sample: Sample) => void) => {
    starts.push({ id, atMs: clock.monotonicMs() });
    if (running.includes(id)) overlaps += 1;
    running.push(id);
    clock.setTimer(() => {
      running.splice(running.indexOf(id), 1);
      onEnd(sampleOf());
    }, probeMs);
  };
  const onSample = (to: Target) => samples.push(to.uid);
  const onTimer = (lateMs: number) => latesMs.push(lateMs);
  const random = seeded(seed);
  const schedule = new Schedule({ refreshIntervalMs, jitterFactor, clock, random, probe, onSample, onTimer });
  schedule.setTargets(targets(count));
  const firstStart = async () => {
    while (starts.length === 0) await clock.advance(10);
  };
  return {
    clock,
    schedule,
    starts,
    samples,
    latesMs,
    startMs: clock.monotonicMs(),
    running,
    firstStart,
    overlaps: () => overlaps,
  };
}

/** The times at which each target was probed, in order. */
function byTarget(starts: Start[]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const { id, atMs } of starts) times.set(id, [...(times.get(id) ?? []), atMs]);
  return times;
}

/** The distances between neighbouring times. */
const gaps = (times: number[]) => times.slice(1).map((time, i) => time - (times[i] ?? 0));

describe('the schedule', () => {
  it.each([
    [3, 2_000, 1],
    [100, 4_000, 0.05],
    [500, 20_000, 0.05],
    [2_000, 30_000, 0.05],
  ])(
    'probes the first %d targets within %d ms, without a burst, and spreads their next probes over an interval of 30 s, with jitter %d',
    async (count, firstMs, jitterFactor) => {
      const { clock, starts, startMs } = scene(count, { refreshIntervalMs: 30_000, jitterFactor });
      await clock.advance(firstMs);
      expect(byTarget(starts).size).toBe(count);
      expect(Math.max(...starts.map(({ atMs }) => atMs)) - startMs).toBeGreaterThan(firstMs / 4);
      await clock.advance(120_000 - firstMs);
      const times = [...byTarget(starts).values()];
      for (const gap of times.flatMap((all) => gaps(all.slice(1)))) expect(gap).toBeGreaterThanOrEqual(29_999);
      // Other probes that are due at the same moment may have gone first.
      const roundMs = roundMsOf({ refreshIntervalMs: 30_000, jitterFactor, pingTimeoutMs: 0 });
      const longestMs = Math.max(...times.flatMap(gaps));
      expect(longestMs).toBeLessThanOrEqual(roundMs + 5 * 20);
      expect(longestMs).toBeGreaterThan(30_000 * (1 + jitterFactor / 2));
      if (count < 100) return;
      const sixths = new Array<number>(6).fill(0);
      for (const { atMs } of starts) {
        const sixth = Math.floor((atMs - startMs - 60_000) / 5_000);
        if (sixth >= 0 && sixth < 6) sixths[sixth]! += 1;
      }
      for (const sixth of sixths) expect(sixth).toBeGreaterThan(count / 15);
    },
  );

  it('probes a target that is added within 2 s, so that it is known soon how a new pod does', async () => {
    const { clock, schedule, starts } = scene(10, { refreshIntervalMs: 30_000 });
    await clock.advance(40_000);
    const before = byTarget(starts);
    schedule.setTargets(targets(11));
    await clock.advance(2_000);
    expect(byTarget(starts).get('u10/4')).toHaveLength(1);
    await clock.advance(60_000);
    // The others are probed as they were.
    for (const [id, times] of before) {
      for (const gap of gaps((byTarget(starts).get(id) ?? []).slice(times.length - 1)))
        expect(gap).toBeGreaterThanOrEqual(29_999);
    }
  });

  it('begins with a different target in each process', async () => {
    const beginnings = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const { clock, starts } = scene(10, { seed: seed * 7919 });
      await clock.advance(1000);
      beginnings.add(starts[0]!.id);
    }
    expect(beginnings.size).toBeGreaterThan(4);
  });

  it('catches up nothing after the process stood still, but moves all probes back by that time', async () => {
    const { clock, starts, latesMs } = scene(20);
    await clock.advance(3_000);
    expect(Math.max(...latesMs)).toBeLessThan(1);
    const before = starts.length;
    clock.freeze(3_600_000);
    await clock.advance(1_000);
    const after = starts.slice(before);
    expect(Math.max(...latesMs)).toBeGreaterThan(3_590_000);
    expect(after.length).toBeGreaterThanOrEqual(15);
    expect(after.length).toBeLessThanOrEqual(22);
    for (const gap of gaps(after.map((start) => start.atMs))) expect(gap).toBeGreaterThanOrEqual(19.99);
  });

  it('never has two probes of a target under way, however long they take', async () => {
    const { clock, starts, overlaps } = scene(3, { refreshIntervalMs: 100, probeMs: 350 });
    await clock.advance(5_000);
    expect(overlaps()).toBe(0);
    for (const gap of [...byTarget(starts).values()].flatMap(gaps)) expect(gap).toBeGreaterThanOrEqual(350);
  });

  it('never probes a removed target again, and drops the sample of a probe under way', async () => {
    const { clock, schedule, starts, samples, firstStart } = scene(1, { probeMs: 300 });
    await firstStart();
    schedule.setTargets([]);
    await clock.advance(10_000);
    expect([starts.length, samples.length]).toEqual([1, 0]);
    expect(clock.pending).toBe(0);
  });

  it('treats a target with another address as new, and drops the sample of its old address', async () => {
    const { clock, schedule, samples, overlaps, firstStart } = scene(1, { probeMs: 300 });
    await firstStart();
    schedule.setTargets([{ ...targetOf('u0'), address: '10.9.9.9' }]);
    await clock.advance(400);
    expect(samples).toEqual([]);
    await clock.advance(1_000);
    expect(samples).toEqual(['u0']);
    expect(overlaps()).toBe(0);
  });

  it('probes nobody with interval 0', async () => {
    const { clock, starts } = scene(3, { refreshIntervalMs: 0 });
    await clock.advance(60_000);
    expect([starts.length, clock.pending]).toEqual([0, 0]);
  });

  it('stops only when the probes under way have ended', async () => {
    const { clock, schedule, samples, firstStart } = scene(1, { probeMs: 300 });
    await firstStart();
    let ended = false;
    const stopping = schedule.stop().then(() => {
      ended = true;
    });
    await clock.advance(200);
    expect(ended).toBe(false);
    await clock.advance(200);
    await stopping;
    expect(samples).toEqual([]);
  });

  it('keeps distance, one probe per target and one timer under any sequence of changes and pauses', async () => {
    const step = fc.record({
      count: fc.nat(30),
      passMs: fc.integer({ min: 0, max: 700 }),
      freezeMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5_000 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.integer({ min: 1, max: 1e6 }), async (steps, seed) => {
        const { clock, schedule, starts, running, overlaps } = scene(0, { probeMs: 30, seed });
        for (const { count, passMs, freezeMs } of steps) {
          schedule.setTargets(targets(count));
          clock.freeze(freezeMs);
          await clock.advance(passMs);
          expect(clock.pending).toBeLessThanOrEqual(1 + running.length);
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
