import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { BusyMeter, isSuspect, openCpuQueue, StarvationWatch, watchTurns } from '../../../server/probing/starvation.ts';
import { MAX_STARVED_TIMES, starvedTimesIn } from '../../../server/protocol/pod-report.ts';
import { realClock } from '../../../server/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function block(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs; );
}

/** An event loop that works and waits as the test says. */
class FakeLoop {
  #nowMs = 1000;
  #idleMs = 500;
  monotonicMs = () => this.#nowMs;
  idleMs = () => this.#idleMs;
  work(us: number) {
    this.#nowMs += us / 1000;
  }
  wait(us: number) {
    this.work(us);
    this.#idleMs += us / 1000;
  }
}

const never = () => 0;

it.each([
  [0, 150, false],
  [900, 950, false],
  [1_100, 1_300, true],
  [1_200, 252_000, false],
  [26_000, 252_000, true],
  [20_000, 300_000, false],
  [290_000, 300_000, true],
  [0, -1, false],
])('if our process may have caused %i us of %i, a sample is suspect: %s', (starvedUs, totalUs, suspect) => {
  expect(isSuspect(starvedUs, totalUs)).toBe(suspect);
});

describe('the busy meter', () => {
  /** A loop that has waited, and then worked. */
  const idleThenWork = (us: number) => {
    const loop = new FakeLoop();
    const meter = new BusyMeter(loop, loop.idleMs, never);
    loop.wait(5_000);
    loop.work(us);
    return { loop, meter };
  };

  it('counts the work since the loop last waited', () => {
    const { loop, meter } = idleThenWork(300);
    expect(meter.mark()).toBeCloseTo(300);
    loop.work(200);
    expect(meter.mark()).toBeCloseTo(500);
    loop.wait(5_000);
    loop.work(100);
    expect(meter.mark()).toBeCloseTo(100);
  });

  it('never returns less than how late an event really was noticed', () => {
    // A turn either really waits or counts a few us. In fewer than 25 turns, those do not add up to a real wait.
    const waitUs = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 100, max: 5_000 }));
    const turn = fc.record({ workUs: fc.integer({ min: 0, max: 5_000 }), waitUs });
    fc.assert(
      fc.property(fc.array(fc.tuple(turn, fc.boolean()), { minLength: 1, maxLength: 24 }), (turns) => {
        const loop = new FakeLoop();
        const meter = new BusyMeter(loop, loop.idleMs, never);
        let sinceRealWait = 0;
        for (const [{ workUs, waitUs }, marks] of turns) {
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

  it('tells how long each turn of the loop was busy', () => {
    const { loop, meter } = idleThenWork(300);
    meter.mark();
    loop.work(200);
    expect(meter.endTurn()).toBeCloseTo(500);
    loop.work(100);
    expect(meter.endTurn()).toBeCloseTo(100);
  });
});

it('the wait for a CPU is the second number of schedstat, in ms; 0 where there is none, and after the end', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'schedstat-')), 'schedstat');
  onTestFinished(() => rmSync(dirname(path), { recursive: true }));
  writeFileSync(path, '732257 26347000 1\n');
  const [own, none] = [openCpuQueue(path), openCpuQueue('/nowhere/schedstat')];
  expect(own.waitedMs()).toBeCloseTo(26.347);
  writeFileSync(path, '732257 27347000 1\n');
  expect(own.waitedMs()).toBeCloseTo(27.347);
  for (const each of [own, own, none]) each.close();
  expect([own.waitedMs(), none.waitedMs()]).toEqual([0, 0]);
});

it('the turns of the loop are noticed one by one, and keep no process awake', async () => {
  const meter = new BusyMeter(realClock, () => performance.nodeTiming.idleTime, never);
  const turnsUs: number[] = [];
  const stop = watchTurns(() => turnsUs.push(meter.endTurn()));
  await nextTurn();
  block(60);
  await vi.waitFor(() => expect(Math.max(...turnsUs)).toBeGreaterThanOrEqual(60_000));
  const before = turnsUs.length;
  // The loop waits while another process starts and ends. A loop that is kept awake has hundreds of turns meanwhile.
  await promisify(execFile)(process.execPath, ['--version']);
  expect(turnsUs.length - before).toBeLessThan(50);
  stop();
  const { length } = turnsUs;
  await nextTurn();
  expect(turnsUs).toHaveLength(length);
});

/** A watch that was started `ageMs` ago; by default the grace after the start is over. */
async function scene(ageMs = 15_000) {
  const clock = new FakeClock();
  const loop = { delayUs: 0, stop: vi.fn() };
  const cpuQueue = { waitedMs: () => 0, close: vi.fn() };
  const watch = new StarvationWatch(clock, never, () => loop.stop, cpuQueue);
  /** Lets time pass; in each second a timer is late by `delayUs`. */
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
      watch.timerWasLate(loop.delayUs / 1_000);
      await clock.advance(1_000);
    }
  };
  await pass(ageMs);
  const record = (count: number, suspect: boolean) => {
    for (let i = 0; i < count; i++) watch.record({ suspect });
  };
  return { clock, loop, cpuQueue, watch, record, pass };
}

describe('the report', () => {
  it('is not made unreliable by the first 15 s after the start, when loading code keeps every process busy', async () => {
    const { loop, watch, record, pass } = await scene(0);
    loop.delayUs = 300_000;
    record(40, true);
    await pass(14_000);
    record(40, true);
    await pass(1_000);
    expect(watch.status()).toMatchObject({ loopDelayP99Us: 0, suspectShare: 0, unreliable: false, sinceMs: 0 });
    // A process that stays late is found five seconds later.
    await pass(5_000);
    expect(watch.status()).toMatchObject({ loopDelayP99Us: 300_000, unreliable: true });
  });

  it('says when the process was starved, also long after, and joins what is less than two seconds apart', async () => {
    const { clock, loop, watch, pass } = await scene();
    const timesOf = (lastMs: number, agoMs = 0) => {
      const toMs = clock.monotonicMs() - agoMs;
      return starvedTimesIn(watch.starvedTimes, { fromMs: toMs - lastMs, toMs });
    };
    loop.delayUs = 99_000;
    await pass(2_000);
    expect(timesOf(60_000)).toEqual([]);
    for (const delayUs of [100_000, 0, 2_000_000]) {
      loop.delayUs = delayUs;
      await pass(1_000);
    }
    loop.delayUs = 0;
    await pass(20_000);
    expect(watch.status().loopDelayP99Us).toBe(0);
    expect(timesOf(60_000)).toEqual([[23_000, 20_000]]);
    expect(timesOf(19_000)).toEqual([]);
    // A report of the past has the ages of then, and says what was known then: a second is judged at its end.
    expect(timesOf(10_000, 20_000)).toEqual([[3_000, 0]]);
    expect(timesOf(10_000, 20_500)).toEqual([[2_500, 1_500]]);
    expect(timesOf(10_000, 22_000)).toEqual([[1_000, 0]]);
    expect(timesOf(10_000, 22_500)).toEqual([]);
    for (let n = 0; n < 80; n++) {
      loop.delayUs = n % 4 === 0 ? 200_000 : 0;
      await pass(1_000);
    }
    expect(timesOf(600_000)).toHaveLength(MAX_STARVED_TIMES);
  });

  /** A time of so many seconds: how late the loop is in them, and the samples that come before. */
  interface Time {
    seconds: number;
    lateMs?: number;
    fine?: number;
    suspect?: number;
  }
  const starved: Time = { seconds: 1, suspect: 40 };

  it.each<[why: string, unreliable: boolean, ...times: Time[]]>([
    ['three quarters of the samples are suspect', false, { seconds: 1, fine: 10, suspect: 30 }],
    ['more than three quarters are', true, { seconds: 1, fine: 10, suspect: 31 }],
    ['nine samples are, of nine', false, { seconds: 1, suspect: 9 }],
    ['nine are, and nine were five minutes ago', false, { seconds: 301, suspect: 9 }, { seconds: 1, suspect: 9 }],
    ['the loop is late for 5 s', true, { seconds: 5, lateMs: 60 }],
    ['it is for 4 s, twice', false, { seconds: 4, lateMs: 60 }, { seconds: 1 }, { seconds: 4, lateMs: 60 }],
    ['it was starved, and half of the samples are', true, starved, { seconds: 60, fine: 20 }],
    ['it was starved, and fewer are', false, starved, { seconds: 60, fine: 21 }],
    ['it was starved, and the loop is a little late', true, starved, { seconds: 60, fine: 40, lateMs: 45 }],
    ['it was, and has been on time for 9 s', true, starved, { seconds: 9, fine: 40, lateMs: 45 }, { seconds: 9 }],
    ['it was, and has been on time for 10 s', false, starved, { seconds: 9, fine: 40, lateMs: 45 }, { seconds: 10 }],
  ])('after a time in which %s, is unreliable: %s', async (_, unreliable, ...times) => {
    const { loop, watch, record, pass } = await scene();
    for (const { seconds, lateMs = 0, fine = 0, suspect = 0 } of times) {
      loop.delayUs = lateMs * 1_000;
      record(fine, false);
      record(suspect, true);
      await pass(seconds * 1_000);
    }
    expect(watch.status().unreliable).toBe(unreliable);
  });

  it('says since when by the present wall clock, so that a clock that was set back makes no recovery of the future', async () => {
    const { clock, watch, record, pass } = await scene();
    record(40, true);
    await pass(1_000);
    clock.jumpWall(-3_600_000);
    await pass(2_000);
    expect(watch.status()).toMatchObject({ suspectShare: 1, unreliable: true, sinceMs: clock.nowMs() - 2_000 });
    record(40, false);
    await pass(7_000);
    expect(watch.reliability).toEqual({ unreliable: false, sinceMs: clock.nowMs() });
  });

  it('leaves no timer, no watch of turns and no file open after the stop', async () => {
    const { clock, loop, cpuQueue, watch, pass } = await scene();
    await pass(3_000);
    watch.stop();
    expect(clock.pending).toBe(0);
    expect(loop.stop).toHaveBeenCalledOnce();
    expect(cpuQueue.close).toHaveBeenCalledOnce();
  });
});

/** A second: how many timers of ours run in it, and how long its turns are, ms. */
type Second = [timers: number, ...turnsMs: number[]];
const seconds = (count: number, ...second: Second) => Array<Second>(count).fill(second);

it.each<[why: string, isWatched: boolean, delayMs: number, unreliable: boolean, ...Second[]]>([
  ['not while many timers of ours run, which cost less and show as much', false, 0, false, [30]],
  ['not after a short busy time between two marks', false, 0, false, [30], [30, 39]],
  ['after a second with few timers', true, 0, false, [30], [20]],
  ['after a long busy time', true, 0, false, ...seconds(15, 30), [30, 60]],
  ['so that a process that is always busy is found', true, 60, true, ...seconds(15, 30), ...seconds(6, 30, 60)],
  ['so that the longest of a second is the delay', true, 80, false, ...seconds(15, 1), [1, 80, 3]],
  ['one by one, however long they take together', true, 20, false, ...seconds(15, 30), ...seconds(7, 30, 20, 20, 20)],
])('the turns of the loop are watched %s: %s', async (_, isWatched, delayMs, unreliable, ...all) => {
  const clock = new FakeClock();
  const turns = { watches: 0, onTurn: () => {} };
  const watchTurns = (onTurn: () => void) => {
    turns.watches += 1;
    turns.onTurn = onTurn;
    return () => {
      turns.watches -= 1;
    };
  };
  let busyMs = 0;
  const watch = new StarvationWatch(clock, () => clock.monotonicMs() - busyMs, watchTurns);
  onTestFinished(() => watch.stop());
  for (const [timers, ...turnsMs] of all) {
    for (let i = 0; i < timers; i++) watch.timerWasLate(0);
    for (const ms of turnsMs) {
      clock.freeze(ms);
      busyMs += ms;
      if (turns.watches > 0) turns.onTurn();
    }
    await clock.advance(1_000 - turnsMs.reduce((sum, ms) => sum + ms, 0));
  }
  expect([turns.watches > 0, watch.status().unreliable]).toEqual([isWatched, unreliable]);
  expect(watch.status().loopDelayP99Us).toBeCloseTo(delayMs * 1_000);
});
