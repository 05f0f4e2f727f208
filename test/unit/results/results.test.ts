import { describe, expect, it } from 'vitest';
import { outcomeOf, unpack16 } from '../../../server/protocol/links.ts';
import { resultsOf, resultsSettingsOf } from '../../support/collecting.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { podOf, refusedSample, sampleOf, targetOf } from '../../support/samples.ts';
import { HOUR, MINUTE, SECOND, scene } from './scene.ts';

describe('results', () => {
  it('give the samples of a pod by wall time, even if the wall clock was corrected between them', async () => {
    const { clock, results } = scene();
    results.setTargets([targetOf('1'), targetOf('1', 6)]);
    const startMs = clock.nowMs() - HOUR;
    results.record(targetOf('1'), sampleOf({ totalUs: 1 }));
    await clock.advance(1_000);
    results.record(targetOf('1', 6), sampleOf({ totalUs: 2 }));
    clock.jumpWall(-HOUR);
    await clock.advance(1_000);
    results.record(targetOf('1'), sampleOf({ totalUs: 3 }));
    const times = results.linkSamples('1').samples.map(({ totalUs, atMs }) => `${totalUs} at ${atMs - startMs}`);
    expect(times).toEqual(['1 at 0', '2 at 1000', '3 at 2000']);
  });
});

describe('the links of pods that have left', () => {
  it.each([
    ['leaves and is probed again', ['2'], {}],
    ['has another address', [], { address: '10.9.9.9' }],
    ['has another port', [], { port: 81 }],
  ])('have no state before the next ping if the pod %s', (_, between, change) => {
    const { results, changes, probe } = scene({ intervalMs: 30 * SECOND });
    probe('1');
    for (let n = 0; n < 3; n++) results.record(targetOf('1'), refusedSample());
    if (between.length > 0) probe(...between);
    results.setTargets([{ ...targetOf('1'), ...change }]);
    expect(results.probedLinks().map(({ judged }) => judged)).toEqual([null]);
    results.record(targetOf('1'), sampleOf());
    expect(changes.map(({ from, to }) => `${from} -> ${to}`)).toEqual(['unknown -> refused', 'unknown -> ok']);
    expect(results.linkSamples('1').samples).toHaveLength(4);
  });

  it('keep their samples for the retention, up to 1000 of them, and their buckets for the window, up to 3000', async () => {
    const { clock, results, probe } = scene();
    const uids = Array.from({ length: 4_000 }, (_, i) => String(i));
    for (const uid of uids) {
      probe(uid);
      results.record(targetOf(uid), sampleOf());
    }
    const gone = uids.map((uid) => podOf(uid, { lifecycle: 'gone' }));
    const kept = async () => {
      const { gonePeers } = await results.report(gone, 0);
      const { peers } = await results.reportOf({ fromAgeMs: 2 * HOUR, toAgeMs: 0 });
      return [gonePeers, peers!].map((list) => (list.length > 1 ? list.length : list[0]?.uid));
    };
    expect(await kept()).toEqual([1_001, 3_001]);
    await clock.advance(5 * MINUTE);
    expect(await kept()).toEqual(['3999', 3_001]);
    clock.freeze(2 * HOUR);
    results.record(targetOf('3999'), sampleOf());
    expect(await kept()).toEqual(['3999', '3999']);
  });

  it('have their buckets still when their pods are probed again', async () => {
    const { results, probe, pass } = scene();
    probe('1');
    pass(MINUTE, () => refusedSample());
    probe();
    pass(10 * MINUTE);
    expect(results.linkSamples('1').samples).toEqual([]);
    probe('1');
    pass(MINUTE);
    const report = await results.reportOf({ fromAgeMs: 12 * MINUTE, toAgeMs: 0 });
    expect([report.stats?.samples[0], report.stats?.failures[0]]).toEqual([60, 30]);
    expect(results.linkSamples('1').samples).toHaveLength(30);
  });
});

it('the resolution is that of the buckets as soon as a link has only buckets in the time that is asked for, even of a pod that left', () => {
  const { results, probe, pass } = scene();
  probe('1', '2');
  pass(MINUTE);
  probe('1');
  // The samples of pod 2 are dropped after GONE_RETENTION, its buckets are kept.
  pass(6 * MINUTE);
  results.linkSamples('2').samples;
  expect(results.resolutionMs(8 * MINUTE)).toBe(10 * SECOND);
  expect(results.resolutionMs(5 * MINUTE)).toBe(0);
});

it('the memory stays within its bounds over a day, and still has the right statistics of every hour', async () => {
  const { results, probe, pass } = scene({ windowMs: 24 * HOUR, intervalMs: 30 * SECOND, sampleBytes: 40_000 });
  probe('6', '7', '8', '9');
  for (let hour = 0; hour < 24; hour++) {
    pass(HOUR, (uid) => (uid === '7' && hour === 5 ? refusedSample() : sampleOf({ totalUs: 1_000 + hour })));
    expect(results.bytes).toBeLessThanOrEqual((1 << 20) + 40_000);
  }
  for (const hour of [3, 5, 12, 22]) {
    const toAgeMs = (23 - hour) * HOUR;
    const { links, stats } = await results.reportOf({ fromAgeMs: toAgeMs + HOUR, toAgeMs });
    expect([0, 1, 2, 3].map((link) => outcomeOf(links, link))).toEqual([
      'ok',
      hour === 5 ? 'refused' : 'ok',
      'ok',
      'ok',
    ]);
    expect(Math.abs(stats!.samples[1]! - 120)).toBeLessThanOrEqual(10);
    expect(unpack16(stats!.p50Us[2]!)).toBe(1_000 + hour);
  }
});

it('an answer to a keeper does not count a link that began while it was written, so that the next one has its target', async () => {
  const clock = new FakeClock();
  // Each look at this clock takes longer than a time slice.
  const slowClock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => {
      clock.freeze(2);
      return clock.monotonicMs();
    },
    setTimer: clock.setTimer.bind(clock),
  };
  const results = resultsOf(resultsSettingsOf(), slowClock);
  const [one, two, three] = [targetOf('1'), targetOf('2'), targetOf('3')];
  results.setTargets([one, two]);
  for (const target of [one, two]) results.record(target, sampleOf());
  const writing = results.copySince({ sinceMs: 0, links: 0 });
  results.setTargets([one, two, three]);
  results.record(three, sampleOf());
  const { part } = await writing;
  expect([part.links, part.targets.map(({ uid }) => uid)]).toEqual([2, ['1', '2']]);
  const next = await results.copySince({ sinceMs: part.untilMs, links: part.links });
  expect([next.part.links, next.part.targets.map(({ uid }) => uid)]).toEqual([3, ['3']]);
});
