import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BusyMeter,
  isSuspect,
  openCpuQueue,
  startLoopDelay,
  watchStarvation,
} from '../../../server/probing/starvation.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** This very process. */
const ownLoop = {
  monotonicMs: () => performance.now(),
  idleMs: () => performance.nodeTiming.idleTime,
  queuedMs: () => 0,
};

function block(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs; );
}

/** A loop of which the test says when it worked and when it waited. */
class FakeLoop {
  #nowMs = 1000;
  #idleMs = 500;
  #queuedMs = 70;
  monotonicMs = () => this.#nowMs;
  idleMs = () => this.#idleMs;
  queuedMs = () => this.#queuedMs;
  work(us: number) {
    this.#nowMs += us / 1000;
  }
  wait(us: number) {
    this.work(us);
    this.#idleMs += us / 1000;
  }
  /** Something is there, but the process gets no CPU; the loop takes that for waiting. */
  queue(us: number) {
    this.wait(us);
    this.#queuedMs += us / 1000;
  }
}

describe('a sample is suspect', () => {
  it.each([
    [0, 150, false],
    [900, 950, false],
    [1_100, 1_300, true],
    [1_200, 252_000, false],
    [26_000, 252_000, true],
    [20_000, 300_000, false],
    [290_000, 300_000, true],
    [0, -1, false],
  ])('of which %i us out of %i may be our own doing: %s', (starvedUs, totalUs, suspect) => {
    expect(isSuspect(starvedUs, totalUs)).toBe(suspect);
  });
});

describe('the busy meter', () => {
  it('counts the work since the loop last waited', () => {
    const loop = new FakeLoop();
    const meter = new BusyMeter(loop);
    loop.wait(5_000);
    loop.work(300);
    expect(meter.mark()).toBeCloseTo(300);
    loop.work(200);
    expect(meter.mark()).toBeCloseTo(500);
    loop.wait(5_000);
    loop.work(100);
    expect(meter.mark()).toBeCloseTo(100);
  });

  it('does not take the few us that every turn books as waiting for a proof that nothing was there', () => {
    const loop = new FakeLoop();
    const meter = new BusyMeter(loop);
    for (let i = 0; i < 10; i++) {
      loop.work(1_000);
      loop.wait(3);
      meter.mark();
    }
    expect(meter.mark()).toBeCloseTo(10_000);
  });

  it('never says less than how late an event was really noticed', () => {
    // A turn either waits in earnest or books a few us; fewer than 25 turns do not add those up to a real wait.
    const waitUs = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 100, max: 5_000 }));
    const stretch = fc.record({ workUs: fc.integer({ min: 0, max: 5_000 }), waitUs });
    fc.assert(
      fc.property(fc.array(fc.tuple(stretch, fc.boolean()), { minLength: 1, maxLength: 24 }), (stretches) => {
        const loop = new FakeLoop();
        const meter = new BusyMeter(loop);
        let sinceRealWait = 0;
        for (const [{ workUs, waitUs }, marks] of stretches) {
          loop.wait(waitUs);
          if (waitUs >= 100) sinceRealWait = 0;
          loop.work(workUs);
          sinceRealWait += workUs;
          if (marks) expect(meter.mark()).toBeGreaterThanOrEqual(sinceRealWait - 1e-6);
        }
        expect(meter.mark()).toBeGreaterThanOrEqual(sinceRealWait - 1e-6);
      }),
    );
  });

  it('counts the wait for a CPU as our own doing, though the loop takes it for waiting', () => {
    const loop = new FakeLoop();
    const meter = new BusyMeter(loop);
    loop.wait(5_000);
    loop.queue(80_000);
    loop.work(100);
    expect(meter.mark()).toBeCloseTo(80_100);
    expect(meter.busyUs).toBeCloseTo(80_100);
  });

  it('sees that this very loop has been busy', () => {
    const meter = new BusyMeter(ownLoop);
    meter.mark();
    const before = meter.busyUs;
    block(5);
    expect(meter.mark()).toBeGreaterThanOrEqual(5_000);
    expect(meter.busyUs - before).toBeGreaterThanOrEqual(5_000);
  });
});

describe('the wait for a CPU', () => {
  it('is the second number of the account, in ms', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'schedstat-')), 'schedstat');
    writeFileSync(path, '732257 26347000 1\n');
    const queue = openCpuQueue(path);
    expect(queue.waitedMs()).toBeCloseTo(26.347);
    writeFileSync(path, '732257 27347000 1\n');
    expect(queue.waitedMs()).toBeCloseTo(27.347);
    queue.close();
    queue.close();
    expect(queue.waitedMs()).toBe(0);
    rmSync(dirname(path), { recursive: true });
  });

  it('is 0 where the system does not tell', () => {
    const queue = openCpuQueue('/nowhere/schedstat');
    expect(queue.waitedMs()).toBe(0);
    queue.close();
  });
});

describe('the delay of the loop', () => {
  it('is small for a loop that waits and large for one that is blocked', async () => {
    const delay = startLoopDelay();
    const blocked = new Promise<number>((resolve) => {
      // Two wake-ups around a block of 100 ms show it.
      setTimeout(() => {
        block(100);
        setTimeout(() => resolve(delay.takeP99Us()), 45);
      }, 45);
    });
    expect(await blocked).toBeGreaterThan(50_000);
    expect(delay.takeP99Us()).toBe(0);
    delay.stop();
  });
});

function scene() {
  const clock = new FakeClock();
  const loop = { delayUs: 0, stopped: false };
  const loopDelay = { takeP99Us: () => loop.delayUs, stop: () => Object.assign(loop, { stopped: true }) };
  const watch = watchStarvation({ clock, loopDelay, meter: new BusyMeter(new FakeLoop()) });
  const record = (count: number, suspect: boolean) => {
    for (let i = 0; i < count; i++) watch.record({ suspect });
  };
  return { clock, loop, watch, record };
}

describe('our own report', () => {
  it('is reliable to begin with', () => {
    const { watch, clock } = scene();
    expect(watch.status()).toEqual({ loopDelayP99Us: 0, suspectShare: 0, unreliable: false, sinceMs: clock.nowMs() });
    watch.stop();
  });

  it('is unreliable once more than three quarters of the recent samples are suspect, and says since when', async () => {
    const { clock, watch, record } = scene();
    record(10, false);
    record(30, true);
    await clock.advance(1_000);
    expect(watch.status()).toMatchObject({ suspectShare: 0.75, unreliable: false });
    record(1, true);
    await clock.advance(1_000);
    expect(watch.status()).toMatchObject({ suspectShare: 0.775, unreliable: true, sinceMs: clock.nowMs() });
    watch.stop();
  });

  it('is not judged by a handful of samples, nor by those of long ago', async () => {
    const { clock, watch, record } = scene();
    record(9, true);
    await clock.advance(1_000);
    expect(watch.status().unreliable).toBe(false);
    await clock.advance(301_000);
    record(9, true);
    await clock.advance(1_000);
    expect(watch.status()).toMatchObject({ suspectShare: 0, unreliable: false });
    watch.stop();
  });

  it('is unreliable once the loop is late for five seconds in a report, not for four', async () => {
    const { clock, loop, watch } = scene();
    loop.delayUs = 60_000;
    await clock.advance(4_000);
    loop.delayUs = 0;
    await clock.advance(1_000);
    loop.delayUs = 60_000;
    await clock.advance(4_000);
    expect(watch.status()).toMatchObject({ loopDelayP99Us: 60_000, unreliable: false });
    await clock.advance(1_000);
    expect(watch.status().unreliable).toBe(true);
    watch.stop();
  });

  it('becomes reliable again only when things are clearly better, for ten seconds', async () => {
    const { clock, loop, watch, record } = scene();
    record(40, true);
    await clock.advance(1_000);
    record(20, false);
    await clock.advance(60_000);
    expect(watch.status()).toMatchObject({ suspectShare: 0.5, unreliable: true });
    loop.delayUs = 45_000;
    record(20, false);
    await clock.advance(60_000);
    expect(watch.status()).toMatchObject({ suspectShare: 0, unreliable: true });
    loop.delayUs = 1_000;
    await clock.advance(9_000);
    expect(watch.status().unreliable).toBe(true);
    await clock.advance(1_000);
    expect(watch.status()).toMatchObject({ unreliable: false, sinceMs: clock.nowMs() });
    watch.stop();
  });

  it('leaves no timer behind', async () => {
    const { clock, loop, watch } = scene();
    await clock.advance(3_000);
    watch.stop();
    expect([clock.pending, loop.stopped]).toEqual([0, true]);
  });
});
