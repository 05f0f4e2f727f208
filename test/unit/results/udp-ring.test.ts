import { describe, expect, it } from 'vitest';
import type { UdpResult } from '../../../server/protocol/sample.ts';
import { lostOf, sentOf, UNKNOWN_HOPS } from '../../../server/protocol/udp.ts';
import { lossOf, windowLossOf } from '../../support/mesh.ts';
import { cycleOf, podOf, sampleOf, targetOf } from '../../support/samples.ts';
import { HOUR, MINUTE, SECOND, scene } from './scene.ts';

describe('the UDP results of a pod', () => {
  const udpScene = () => {
    const run = scene({ udpEnabled: true, intervalMs: 30 * SECOND });
    run.probe('1', '2');
    /** Lets time pass with a ping and a cycle of pod 1 every 30 s. */
    const pass = (ms: number, cycle: Partial<UdpResult> | null = {}) => {
      for (let left = ms; left > 0; left -= 30 * SECOND) {
        run.pass(30 * SECOND, () => sampleOf());
        run.results.recordUdp(targetOf('1'), cycle === null ? null : cycleOf(cycle));
      }
    };
    const report = async (windowMs = 0) => {
      const { udp, links, peers } = await run.results.report([podOf('1'), podOf('2')], windowMs);
      const of = (uid: string) => [...links.to].findIndex((to) => peers?.[to]?.uid === uid);
      return { udp: udp!, one: of('1'), two: of('2') };
    };
    return { ...run, pass, report };
  };

  it('are the newest cycle and its age; a link without any is not measured', async () => {
    const { pass, report, clock } = udpScene();
    pass(60 * SECOND, { lost: 2, duplicates: 1, outOfOrder: 3 });
    clock.freeze(7 * SECOND);
    const { udp, one, two } = await report();
    expect([lossOf(udp, one), lossOf(udp, two)]).toEqual([0.2, -1]);
    expect([udp.duplicates[one], udp.outOfOrder[one], udp.hops[one], udp.hops[two]]).toEqual([1, 3, 2, UNKNOWN_HOPS]);
    expect(udp.ageMs[one]).toBe(7000);
  });

  it('sum up the window, or the last five minutes without one, because one cycle has too few datagrams', async () => {
    const { pass, report, results, clock } = udpScene();
    pass(10 * MINUTE);
    pass(5 * MINUTE, { lost: 4 });
    // The cycle before these ten is older than five minutes now.
    clock.freeze(SECOND);
    for (const [windowMs, sent, loss] of [
      [0, 100, 0.4],
      [10 * MINUTE, 200, 0.2],
    ] as const) {
      const { udp, one, two } = await report(windowMs);
      expect([windowLossOf(udp, one), windowLossOf(udp, two), udp.windowSent[one]]).toEqual([loss, -1, sent]);
      // A link is judged by the last five minutes, whatever the window is.
      expect([sentOf(udp, one), lostOf(udp, one), sentOf(udp, two)]).toEqual([100, 40, 0]);
    }
    const past = await results.reportOf({ fromAgeMs: 10 * MINUTE, toAgeMs: 0 });
    expect([past.udp!.windowSent[0], sentOf(past.udp!, 0), lostOf(past.udp!, 0)]).toEqual([200, 100, 40]);
  });

  it('do not count a cycle while our own process was short of CPU', async () => {
    const { pass, report, results } = udpScene();
    pass(5 * MINUTE);
    pass(5 * MINUTE, { lost: 10, suspect: true });
    const { udp, one } = await report(HOUR);
    expect([lossOf(udp, one), windowLossOf(udp, one)]).toEqual([0, 0]);
    expect(results.linkSamples('1').udp?.filter(({ suspect }) => suspect).length).toBe(10);
  });

  it('do not count cycles beside failed pings: an outage that is over is not loss that TCP hides', async () => {
    const { results, report, clock } = udpScene();
    /** Pings and cycles every 30 s; the cycle ends 10 s after its ping. */
    const pass = (count: number, outcome: 'ok' | 'timeout', lost: number) => {
      for (let i = 0; i < count; i++) {
        clock.freeze(20 * SECOND);
        results.record(targetOf('1'), sampleOf({ outcome }));
        clock.freeze(10 * SECOND);
        results.recordUdp(targetOf('1'), cycleOf({ lost }));
      }
    };
    pass(4, 'ok', 0);
    // The outage begins before its first failed ping, and ends after its last one.
    pass(1, 'ok', 10);
    pass(3, 'timeout', 10);
    pass(1, 'ok', 4);
    expect(windowLossOf((await report()).udp, (await report()).one)).toBe(0);
    pass(2, 'ok', 1);
    const { udp, one } = await report();
    expect([udp.windowSent[one], udp.windowLost[one]]).toEqual([60, 2]);
    // Only 3 cycles fit beside so many other links: now the buckets say it.
    results.setTargets(Array.from({ length: 3_000 }, (_, n) => targetOf(`${n + 1}`)));
    pass(2, 'ok', 0);
    const later = await report(HOUR);
    expect([later.udp.windowSent[later.one], later.udp.windowLost[later.one]]).toEqual([80, 2]);
  });

  it('are not measured any more once the peer has no echo, and the past stays', async () => {
    const { pass, report } = udpScene();
    pass(5 * MINUTE, { lost: 1 });
    pass(30 * SECOND, null);
    const { udp, one } = await report(HOUR);
    expect([lossOf(udp, one), windowLossOf(udp, one)]).toEqual([-1, 0.1]);
  });

  it('are given over time, from single cycles and from buckets alike, and add up', async () => {
    const { pass, results, clock } = udpScene();
    pass(20 * MINUTE);
    pass(20 * MINUTE, { lost: 5 });
    clock.freeze(SECOND);
    const steps = (fromAgeMs: number) => results.linkHistory('1', { fromAgeMs, toAgeMs: 0 }, 10 * MINUTE).steps;
    const recent = steps(40 * MINUTE);
    expect(recent.map(({ udpSent = 0, udpLost = 0 }) => udpLost / udpSent)).toEqual([0, 0, 0.5, 0.5]);
    // With more links only 3 cycles of each fit: the rest is in buckets.
    results.setTargets(Array.from({ length: 3_000 }, (_, n) => targetOf(`${n + 1}`)));
    clock.freeze(29 * SECOND);
    results.record(targetOf('1'), sampleOf());
    results.recordUdp(targetOf('1'), cycleOf({ lost: 5 }));
    expect(results.linkSamples('1').udp?.length).toBe(3);
    const older = steps(41 * MINUTE);
    const sum = (name: 'udpSent' | 'udpLost') => older.reduce((total, step) => total + (step[name] ?? 0), 0);
    expect([sum('udpSent'), sum('udpLost')]).toEqual([810, 205]);
    const past = await results.reportOf({ fromAgeMs: 30 * MINUTE, toAgeMs: 10 * MINUTE });
    expect(windowLossOf(past.udp, 0)).toBeGreaterThan(0.1);
    expect(windowLossOf(past.udp, 0)).toBeLessThan(0.4);
  });

  it('are absent where the probe is off', async () => {
    const { results, probe, pass } = scene();
    probe('1');
    pass(MINUTE);
    results.recordUdp(targetOf('1'), cycleOf());
    expect((await results.report([podOf('1')], HOUR)).udp).toBeNull();
    expect((await results.reportOf({ fromAgeMs: MINUTE, toAgeMs: 0 })).udp).toBeNull();
    expect(results.linkSamples('1').udp).toBeUndefined();
    expect(results.linkHistory('1', { fromAgeMs: MINUTE, toAgeMs: 0 }, MINUTE).steps[0]).not.toHaveProperty('udpSent');
  });
});
