import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLAG_NOT_YET, FLAG_SLOW, NONE16, outcomeOf, phaseOf, unpack16 } from '../../../server/protocol/links.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import type { ReportParts } from '../../../server/results/pod-report.ts';
import { podOf, refusedSample, sampleOf } from '../../support/samples.ts';
import { EIGHT_SAMPLES, HOUR, MINUTE, SECOND, scene } from './scene.ts';

const timeout = (change: Partial<Sample>) =>
  sampleOf({ outcome: 'timeout', phase: 'first-byte', totalUs: 300_000, ...change });
const SAMPLES = {
  ok: sampleOf(),
  refused: refusedSample(),
  timeout: timeout({ connectUs: 150, firstByteUs: -1 }),
  slow: sampleOf({ totalUs: 250_000 }),
  open: timeout({ connectUs: -1, firstByteUs: -1, failsOnly: 'open' }),
  new: timeout({ connectUs: -1, firstByteUs: -1, phase: 'connect', failsOnly: 'new' }),
};

/** What a report says about its links. Error texts are not kept. */
function shownBy({ links, slow, recent, failsOnly }: ReportParts) {
  return { links, slow, recent, failsOnly };
}

describe('the report of a time range of the past', () => {
  it.each([
    ['samples', 1 << 20, 0],
    ['buckets', EIGHT_SAMPLES, 10 * SECOND],
  ])('shows a fault as it was, computed from %s', async (_, sampleBytes, resolutionMs) => {
    const { results, probe, pass } = scene({ sampleBytes });
    probe('1', '2');
    pass(5 * MINUTE);
    pass(MINUTE, (uid) => (uid === '2' ? refusedSample() : sampleOf()));
    pass(5 * MINUTE, () => sampleOf({ totalUs: 900 }));
    const during = await results.reportOf({ fromAgeMs: 5 * MINUTE + 30 * SECOND, toAgeMs: 5 * MINUTE + 5 * SECOND });
    expect(during.peers?.map(({ uid, name }) => `${uid} ${name}`)).toEqual(['1 pod-1', '2 pod-2']);
    const { links, stats, past } = during;
    expect([outcomeOf(links, 0), outcomeOf(links, 1), phaseOf(links, 1)]).toEqual(['ok', 'refused', 'connect']);
    expect([...stats!.failures]).toEqual([0, stats!.samples[1]]);
    expect(past).toMatchObject({ resolutionMs, knownAgeMs: 11 * MINUTE });
    expect(Math.abs(unpack16(links.sinceMs[1]!) - 55 * SECOND)).toBeLessThanOrEqual(5 * SECOND);
    const before = await results.reportOf({ fromAgeMs: 8 * MINUTE, toAgeMs: 7 * MINUTE });
    const after = await results.reportOf({ fromAgeMs: 2 * MINUTE, toAgeMs: 0 });
    expect([...before.links.outcome, ...after.links.outcome]).toEqual([0, 0, 0, 0]);
    expect([before, after].map((report) => unpack16(report.stats!.p50Us[0]!))).toEqual([320, 900]);
  });

  it('calls a link slow of which only buckets are left if several of its samples were slow, and not because of one', async () => {
    const { results, probe, pass } = scene({ sampleBytes: EIGHT_SAMPLES });
    probe('1', '2');
    pass(5 * MINUTE);
    pass(MINUTE, (uid) => (uid === '2' ? SAMPLES.slow : sampleOf()));
    pass(5 * MINUTE);
    const flagsAt = async (agoMs: number) => {
      const { links } = await results.reportOf({ fromAgeMs: agoMs + 30 * SECOND, toAgeMs: agoMs });
      return [...links.flags].map((flags) => (flags & FLAG_SLOW) !== 0);
    };
    expect(await flagsAt(5 * MINUTE + 10 * SECOND)).toEqual([false, true]);
    expect(await flagsAt(3 * MINUTE)).toEqual([false, false]);
  });

  it('leaves out pods that were not probed then, and keeps pods that have left since', async () => {
    const { results, probe, pass } = scene({ sampleBytes: EIGHT_SAMPLES });
    probe('1', '2');
    pass(10 * MINUTE);
    probe('1', '3');
    pass(20 * MINUTE);
    const peersOf = async (fromAgeMs: number, toAgeMs: number) =>
      (await results.reportOf({ fromAgeMs, toAgeMs })).peers?.map(({ uid }) => uid);
    expect(await peersOf(25 * MINUTE, 21 * MINUTE)).toEqual(['1', '2']);
    expect(await peersOf(5 * MINUTE, 0)).toEqual(['1', '3']);
    expect((await results.report([], 0)).links.length).toBe(0);
    pass(HOUR);
    expect(await peersOf(24 * HOUR, 0)).toEqual(['1', '3']);
  });

  it('has no links of the time before this process started, and says how far back it knows', async () => {
    const { results, probe, pass } = scene();
    probe('1');
    pass(MINUTE);
    const report = await results.reportOf({ fromAgeMs: 20 * MINUTE, toAgeMs: 10 * MINUTE });
    expect([report.links.length, report.peers, report.past.knownAgeMs]).toEqual([0, [], MINUTE]);
  });

  it('says that it does not know what it had to drop for lack of memory', async () => {
    // Memory for one chunk of 2048 buckets, and 5000 links one after the other.
    const { results, probe, pass } = scene({ sampleBytes: EIGHT_SAMPLES, bucketBytes: 1 });
    for (let round = 0; round < 20; round++) {
      probe(...Array.from({ length: 250 }, (_, i) => `${round}-${i}`));
      pass(2 * SECOND);
    }
    const { past } = await results.reportOf({ fromAgeMs: 35 * SECOND, toAgeMs: 0 });
    const { knownAgeMs } = await results.podHistory({ fromAgeMs: 35 * SECOND, toAgeMs: 0 }, 5 * SECOND, () => false);
    expect([past.knownAgeMs < 30 * SECOND, knownAgeMs]).toEqual([true, past.knownAgeMs]);
  });

  it('says nothing about since when of a state that it does not know, computed from buckets', async () => {
    const { clock, results, probe, pass } = scene({ sampleBytes: EIGHT_SAMPLES });
    probe('1');
    pass(2 * SECOND, () => refusedSample({ suspect: true }));
    clock.freeze(MINUTE);
    pass(5 * MINUTE);
    const report = await results.reportOf({ fromAgeMs: 6 * MINUTE + 5 * SECOND, toAgeMs: 5 * MINUTE + 30 * SECOND });
    expect([...report.links.flags].map((flags) => flags & FLAG_NOT_YET)).toEqual([FLAG_NOT_YET]);
    expect([...report.links.sinceMs]).toEqual([NONE16]);
  });

  it('never contradicts what was shown live: failed, slow, intermittent, recovered, since when, and over which connections', async () => {
    const kind = fc.constantFrom('ok', 'refused', 'timeout', 'slow', 'open', 'new');
    const sample = fc.record({ kind, suspect: fc.boolean(), times: fc.integer({ min: 1, max: 5 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(sample, { minLength: 1, maxLength: 30 }), async (samples) => {
        const { clock, results, probe, pass } = scene();
        probe('1');
        const live: [atMs: number, shown: unknown][] = [];
        for (const { kind, suspect, times } of samples) {
          for (let i = 0; i < times; i++) {
            pass(2 * SECOND, () => ({ ...SAMPLES[kind], suspect }));
            live.push([clock.monotonicMs(), shownBy(await results.report([podOf('1')], 0))]);
          }
        }
        pass(MINUTE);
        for (const [atMs, shown] of live) {
          const toAgeMs = clock.monotonicMs() - atMs;
          expect(shownBy(await results.reportOf({ fromAgeMs: toAgeMs + 3 * SECOND, toAgeMs }))).toEqual(shown);
        }
      }),
    );
  });

  it.each<[string, (ping: number) => Sample]>([
    ['since when a link has been slow', () => SAMPLES.slow],
    [
      'that a link is slow, at answers that are neither slow nor normal',
      (ping) => (ping < 3 ? SAMPLES.slow : sampleOf({ totalUs: 90_000 })),
    ],
    ['the connect time of the last new connection', (ping) => sampleOf({ connectUs: ping === 0 ? 150 : -1 })],
  ])('says as it was shown live, however many pings ago it began: %s', async (_, sampleOfPing) => {
    const { clock, results, probe, pass } = scene();
    probe('1');
    let ping = 0;
    pass(10 * MINUTE, () => sampleOfPing(ping++));
    const live = shownBy(await results.report([podOf('1')], 0));
    const atMs = clock.monotonicMs();
    pass(MINUTE);
    const toAgeMs = clock.monotonicMs() - atMs;
    expect(shownBy(await results.reportOf({ fromAgeMs: toAgeMs + MINUTE, toAgeMs }))).toEqual(live);
  });

  it('says exactly since when a link had been slow as long as it still is, although older samples are gone; later as its buckets say', async () => {
    const { clock, results, probe, pass } = scene();
    probe('1');
    pass(2 * HOUR, () => SAMPLES.slow);
    const live = await results.report([podOf('1')], 0);
    const atMs = clock.monotonicMs();
    const past = async () => {
      const toAgeMs = clock.monotonicMs() - atMs;
      return results.reportOf({ fromAgeMs: toAgeMs + MINUTE, toAgeMs });
    };
    pass(MINUTE, () => SAMPLES.slow);
    expect((await past()).slow).toEqual(live.slow);
    pass(MINUTE);
    const later = await past();
    expect(later.links.flags[0]! & FLAG_SLOW).toBe(FLAG_SLOW);
    expect(Math.abs(later.slow![0]![1] - live.slow![0]![1])).toBeLessThanOrEqual(10 * SECOND);
  });

  it('does not depend on the wall clock', async () => {
    const { clock, results, probe, pass } = scene({ sampleBytes: EIGHT_SAMPLES });
    probe('1');
    pass(5 * MINUTE, () => refusedSample());
    clock.jumpWall(-24 * HOUR);
    pass(5 * MINUTE);
    clock.jumpWall(3 * 24 * HOUR);
    const at = async (ageMs: number) => (await results.reportOf({ fromAgeMs: ageMs + MINUTE, toAgeMs: ageMs })).links;
    expect([outcomeOf(await at(7 * MINUTE), 0), outcomeOf(await at(2 * MINUTE), 0)]).toEqual(['refused', 'ok']);
  });
});
