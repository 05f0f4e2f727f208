import { describe, expect, it } from 'vitest';
import { byTarget, gaps, scene, target, targets } from './schedule-scene.ts';

describe('the schedule', () => {
  it('probes every target once in the first interval, spread evenly over it', async () => {
    const { clock, schedule, starts, startMs } = scene();
    schedule.setTargets(targets(50));
    await clock.advance(1000);
    const first = byTarget(starts);
    expect(first.size).toBe(50);
    const quarters = [0, 0, 0, 0];
    for (const [time = 0] of first.values()) quarters[Math.min(3, Math.floor((time - startMs) / 250))]! += 1;
    for (const quarter of quarters) expect(quarter).toBeGreaterThanOrEqual(10);
    await schedule.stop();
  });

  it('begins with another target in each process', async () => {
    const beginnings = new Set<string>();
    for (let seed = 1; seed <= 20; seed++) {
      const { clock, schedule, starts } = scene({}, 1, seed * 7919);
      schedule.setTargets(targets(10));
      await clock.advance(1000);
      beginnings.add(starts[0]!.id);
      void schedule.stop();
      await clock.advance(10);
    }
    expect(beginnings.size).toBeGreaterThan(4);
  });

  it('waits the interval, and at most the jitter more, between two probes of a target', async () => {
    const { clock, schedule, starts } = scene({ jitterFactor: 0.1 });
    schedule.setTargets(targets(5));
    await clock.advance(20_000);
    for (const times of byTarget(starts).values()) {
      expect(times.length).toBeGreaterThanOrEqual(17);
      for (const gap of gaps(times)) {
        expect(gap).toBeGreaterThanOrEqual(999.99);
        // Another probe that is due at the same moment may have gone first.
        expect(gap).toBeLessThanOrEqual(1100 + 5 * 20);
      }
    }
    await Promise.all([schedule.stop(), clock.advance(10)]);
  });

  it('takes fractions of a second as interval', async () => {
    const { clock, schedule, starts } = scene({ intervalMs: 250, jitterFactor: 0 });
    schedule.setTargets(targets(2));
    await clock.advance(10_000);
    expect(starts.length).toBeGreaterThanOrEqual(78);
    expect(starts.length).toBeLessThanOrEqual(82);
    await Promise.all([schedule.stop(), clock.advance(10)]);
  });

  it('never makes a burst', async () => {
    const { clock, schedule, starts } = scene();
    schedule.setTargets(targets(20));
    await clock.advance(5_000);
    for (const gap of gaps(starts.map((start) => start.atMs))) expect(gap).toBeGreaterThanOrEqual(19.99);
    await Promise.all([schedule.stop(), clock.advance(30)]);
  });

  it('does not catch up after a pause of the process, but moves every turn back by it', async () => {
    const { clock, schedule, starts } = scene();
    schedule.setTargets(targets(20));
    await clock.advance(3_000);
    const before = starts.length;
    clock.freeze(3_600_000);
    await clock.advance(1_000);
    const after = starts.slice(before);
    expect(after.length).toBeGreaterThanOrEqual(15);
    expect(after.length).toBeLessThanOrEqual(22);
    for (const gap of gaps(after.map((start) => start.atMs))) expect(gap).toBeGreaterThanOrEqual(19.99);
    await Promise.all([schedule.stop(), clock.advance(30)]);
  });

  it('has at most one probe of a target under way, however long it takes', async () => {
    const { clock, schedule, starts, overlaps } = scene({ intervalMs: 100 }, 350);
    schedule.setTargets(targets(3));
    await clock.advance(5_000);
    expect(overlaps()).toBe(0);
    for (const gap of [...byTarget(starts).values()].flatMap(gaps)) expect(gap).toBeGreaterThanOrEqual(350);
    await Promise.all([schedule.stop(), clock.advance(400)]);
  });

  it('probes a target that is added within one interval, however many there are', async () => {
    const { clock, schedule, starts } = scene();
    schedule.setTargets(targets(200));
    await clock.advance(2_500);
    const addedMs = clock.monotonicMs();
    schedule.setTargets(targets(230));
    await clock.advance(1_000);
    const first = byTarget(starts.filter((start) => start.atMs >= addedMs));
    for (let i = 200; i < 230; i++) expect(first.has(`u${i}/4`)).toBe(true);
    await Promise.all([schedule.stop(), clock.advance(30)]);
  });

  it('never probes a removed target again, and drops the sample that is under way', async () => {
    const { clock, schedule, starts, samples } = scene({}, 300);
    schedule.setTargets(targets(1));
    while (starts.length === 0) await clock.advance(10);
    schedule.setTargets([]);
    await clock.advance(10_000);
    expect([starts.length, samples.length, schedule.inFlight]).toEqual([1, 0, 0]);
    expect(clock.pending).toBe(0);
  });

  it('takes a target that moved to another address as new: what its old address says is dropped', async () => {
    const { clock, schedule, starts, samples, overlaps } = scene({}, 300);
    schedule.setTargets([target('u1')]);
    while (starts.length === 0) await clock.advance(10);
    schedule.setTargets([target('u1', '10.9.9.9')]);
    await clock.advance(400);
    expect(samples).toEqual([]);
    await clock.advance(1_000);
    expect(samples).toEqual(['u1']);
    expect(overlaps()).toBe(0);
    await Promise.all([schedule.stop(), clock.advance(400)]);
  });

  it('leaves the turns of those that stay as they were', async () => {
    const { clock, schedule, starts } = scene({ jitterFactor: 0 });
    schedule.setTargets(targets(10));
    for (let i = 0; i < 100; i++) {
      await clock.advance(100);
      schedule.setTargets(targets(10 + (i % 3)));
    }
    for (let i = 0; i < 10; i++) expect(byTarget(starts).get(`u${i}/4`)!.length).toBeGreaterThanOrEqual(9);
    await Promise.all([schedule.stop(), clock.advance(30)]);
  });

  it('with interval 0 probes nobody', async () => {
    const { clock, schedule, starts } = scene({ intervalMs: 0 });
    schedule.setTargets(targets(3));
    await clock.advance(60_000);
    expect([starts.length, clock.pending]).toEqual([0, 0]);
  });

  it('has one timer, whatever the number of targets, and none after its end', async () => {
    const { clock, schedule, samples } = scene({ intervalMs: 30_000 }, 0);
    schedule.setTargets(targets(1000));
    expect(clock.pending).toBe(1);
    await clock.advance(1_000);
    await schedule.stop();
    const before = samples.length;
    await clock.advance(60_000);
    expect([clock.pending, samples.length]).toEqual([0, before]);
  });

  it('ends only when the probes under way have ended', async () => {
    const { clock, schedule, starts, samples } = scene({}, 300);
    schedule.setTargets(targets(1));
    while (starts.length === 0) await clock.advance(10);
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
});
