import { describe, expect, it } from 'vitest';
import type { UdpResult } from '../../../server/protocol/sample.ts';
import { lossWindowMs } from '../../../server/protocol/udp.ts';
import { cycleOf, refusedSample, sampleOf, targetOf } from '../../support/samples.ts';
import { EIGHT_SAMPLES, SECOND, scene } from './scene.ts';

const INTERVAL_MS = 2 * SECOND;
const ROUNDS = lossWindowMs(INTERVAL_MS) / INTERVAL_MS;
const LATE_US = 250_000;

/** A link to pod `b` that is measured by UDP. Each round is a cycle, and a ping after it. */
function linkTo(options: Parameters<typeof scene>[0] = {}) {
  const { intervalMs = INTERVAL_MS } = options;
  const { clock, results, lossChanges, probe } = scene({ udpEnabled: true, intervalMs, ...options });
  probe('b');
  const target = targetOf('b');
  const startMs = clock.monotonicMs();
  const cycle = (lost: number, change: Partial<UdpResult> = {}) => {
    results.recordUdp(target, cycleOf({ lost, ...change }));
  };
  /** Rounds of which each loses so many of its ten datagrams. */
  const rounds = (count: number, lost: number, sample = sampleOf(), change: Partial<UdpResult> = {}) => {
    for (let i = 0; i < count; i++) {
      clock.freeze(intervalMs);
      cycle(lost, change);
      results.record(target, sample);
    }
  };
  /** The changes with the round in which they began. */
  const told = () =>
    lossChanges.map(({ isLossy, sinceMs, share }) => {
      const since = (sinceMs - startMs) / INTERVAL_MS - 1;
      return isLossy ? `lossy from ${since}, ${Math.round(100 * share)} %` : `over from ${since}`;
    });
  return { clock, rounds, cycle, told, results, target, lossChanges };
}

describe('a link that loses datagrams', () => {
  it('is told once, with the first cycle that lost some, and once when that is over', () => {
    const { rounds, told } = linkTo();
    rounds(40, 0);
    rounds(5, 2);
    expect(told()).toEqual(['lossy from 40, 20 %']);
    rounds(30, 2);
    expect(told()).toHaveLength(1);
    // Until hardly any of them is left in the time by which loss is judged.
    rounds(ROUNDS - 3, 0);
    expect(told()).toHaveLength(1);
    rounds(2, 0);
    expect(told()).toEqual(['lossy from 40, 20 %', 'over from 75']);
    rounds(10, 0);
    rounds(5, 10);
    expect(told().at(-1)).toBe(`lossy from ${75 + ROUNDS - 1 + 10}, 100 %`);
  });

  it.each([2 * SECOND, 30 * SECOND])(
    'does not lose them in a single cycle: that is one hiccup of a tenth of a second, at any interval (%i ms)',
    (intervalMs) => {
      const { rounds, lossChanges } = linkTo({ intervalMs });
      rounds(20, 0);
      rounds(1, 10);
      rounds(5, 0);
      expect(lossChanges).toEqual([]);
      rounds(1, 10);
      expect(lossChanges).toMatchObject([{ isLossy: true }]);
      rounds(40, 0);
      expect(lossChanges).toMatchObject([{ isLossy: true }, { isLossy: false }]);
    },
  );

  it('did not begin with a single datagram that was lost some time before', () => {
    const { rounds, told } = linkTo();
    rounds(30, 0);
    rounds(1, 1);
    rounds(12, 0);
    rounds(4, 3);
    expect(told()).toEqual(['lossy from 43, 30 %']);
  });

  it('at the limit is told once: it is over only well below', () => {
    const { rounds, told } = linkTo();
    rounds(40, 0);
    rounds(1, 3);
    // Mostly 7 of 310 datagrams, which is lossy, and at times 5 or 6, which is not.
    for (let i = 0; i < 20; i++) {
      rounds(4, 0);
      rounds(1, 1);
      if (i % 6 === 5) rounds(1, 0);
    }
    expect(told()).toHaveLength(1);
    expect(told()[0]).toContain('lossy');
  });

  it('is known from buckets too, if not all cycles are kept', () => {
    const { rounds, lossChanges } = linkTo({ sampleBytes: 2 * EIGHT_SAMPLES });
    rounds(40, 0);
    rounds(6, 3);
    rounds(ROUNDS + 10, 0);
    expect(lossChanges).toMatchObject([{ isLossy: true }, { isLossy: false }]);
  });
});

describe('nothing is told of', () => {
  it.each([
    // It is slow after three late answers.
    ['a slow link, whose datagrams may be late too', 4, sampleOf({ totalUs: LATE_US })],
    ['a link that fails: its pings say so', 10, refusedSample()],
  ])('%s', (_, lost, sample) => {
    const { rounds, told } = linkTo();
    rounds(30, 0);
    rounds(3, 0, sample);
    rounds(20, lost, sample);
    expect(told()).toEqual([]);
  });

  it('datagrams of which no ping has shown yet that they count', () => {
    const { clock, rounds, cycle, told, results, target } = linkTo();
    rounds(30, 0);
    clock.freeze(SECOND);
    cycle(10);
    expect(told()).toEqual([]);
    results.record(target, refusedSample());
    rounds(5, 0);
    expect(told()).toEqual([]);
  });
});
