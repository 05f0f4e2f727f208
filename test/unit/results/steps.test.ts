import { describe, expect, it } from 'vitest';
import { parsePodHistory } from '../../../server/protocol/history.ts';
import { cycleOf, refusedSample, sampleOf, targetOf } from '../../support/samples.ts';
import { EIGHT_SAMPLES, HOUR, MINUTE, SECOND, scene } from './scene.ts';

const sumOf = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0);

/** Lets a minute pass with pings and cycles; `lost` says how many datagrams each cycle loses. */
function lossyMinute({ results, pass }: ReturnType<typeof scene>, lost: (uid: string) => number, sample = sampleOf()) {
  pass(MINUTE, (uid) => {
    results.recordUdp(targetOf(uid), cycleOf({ lost: lost(uid) }));
    return sample;
  });
}

describe('statistics by steps', () => {
  it.each([
    ['samples', 1 << 20],
    ['buckets', EIGHT_SAMPLES],
  ])('count the links of a pod in each step, from %s', async (_, sampleBytes) => {
    const { results, probe, pass } = scene({ sampleBytes });
    probe('1', '2', '3');
    pass(5 * MINUTE, () => sampleOf({ totalUs: 1_500 }));
    pass(MINUTE, (uid) => (uid === '2' ? refusedSample() : sampleOf({ totalUs: uid === '3' ? 250_000 : 1_500 })));
    pass(4 * MINUTE, () => sampleOf({ totalUs: 1_500 }));
    const history = await results.podHistory({ fromAgeMs: 10 * MINUTE, toAgeMs: 0 }, MINUTE, () => false);
    expect(parsePodHistory(JSON.parse(JSON.stringify(history)))).toEqual(history);
    expect(history.links).toEqual(new Array(10).fill(3));
    const failed = history.failed.flatMap((count, step) => (count > 0 ? [step] : []));
    expect(failed).toContain(5);
    expect(failed.every((step) => step >= 4 && step <= 6)).toBe(true);
    expect([history.byLatency[0]?.indexOf(3), history.byLatency[5]?.[15]]).toEqual([2, 1]);
    const counted = history.byLatency.map((bins, step) => sumOf(bins) + history.failed[step]!);
    expect(counted).toEqual(history.links);
  });

  it.each([
    ['cycles', 1 << 20],
    ['buckets', 2 * EIGHT_SAMPLES],
  ])(
    'count the links that lose datagrams, as they are judged at the end of each step, from %s',
    async (_, sampleBytes) => {
      const one = scene({ sampleBytes, udpEnabled: true });
      one.probe('1', '2');
      for (const lost of [0, 0, 0, 2, 2, 0, 0, 0, 10, 0]) {
        lossyMinute(one, (uid) => (uid === '2' ? lost : 0), sampleOf({ totalUs: 1_500 }));
      }
      const range = { fromAgeMs: 10 * MINUTE, toAgeMs: 0 };
      const history = await one.results.podHistory(range, 15 * SECOND, () => false);
      expect(parsePodHistory(JSON.parse(JSON.stringify(history)))).toEqual(history);
      const lossyAt = history.lossyByLatency!.map(sumOf);
      // By minutes: the minute after loss has ended is lossy until its end, because loss is judged over a minute.
      const minutes = Array.from({ length: 10 }, (_, i) => lossyAt.slice(4 * i, 4 * i + 4));
      expect(minutes.map((steps) => Math.max(...steps))).toEqual([0, 0, 0, 1, 1, 1, 0, 0, 1, 1]);
      expect(minutes[4]).toEqual([1, 1, 1, 1]);
      expect(history.lossyByLatency![16]?.[2]).toBe(1);
    },
  );

  it('know that a link was lossy also if its pod has left since and returned', async () => {
    const one = scene({ udpEnabled: true });
    one.probe('1');
    lossyMinute(one, () => 5);
    for (const uids of [[], ['1']]) {
      one.probe(...uids);
      for (let n = 0; n < 6; n++) lossyMinute(one, () => 0);
      // Its samples and cycles are dropped after GONE_RETENTION, and buckets are left.
      expect(one.results.linkSamples('1').udp).toHaveLength(uids.length * 180);
    }
    const history = await one.results.podHistory({ fromAgeMs: 13 * MINUTE, toAgeMs: 0 }, MINUTE, () => false);
    expect(history.lossyByLatency?.[0]).toContain(1);
  });

  it('have no list of lossy links without any, and call no link lossy that fails', async () => {
    const one = scene({ udpEnabled: true });
    one.probe('1');
    lossyMinute(one, () => 10, refusedSample());
    const history = await one.results.podHistory({ fromAgeMs: MINUTE, toAgeMs: 0 }, 10 * SECOND, () => false);
    expect(history).not.toHaveProperty('lossyByLatency');
  });

  it('count nothing of the links that are left out', async () => {
    const { results, probe, pass } = scene();
    probe('1', '2');
    pass(MINUTE, (uid) => (uid === '2' ? refusedSample() : sampleOf()));
    const { links, failed } = await results.podHistory({ fromAgeMs: MINUTE, toAgeMs: 0 }, MINUTE, (uid) => uid === '2');
    expect([links, failed]).toEqual([[1], [0]]);
  });

  it.each([
    ['', MINUTE],
    // The last 16 s are samples. The first of these steps is within a bucket that stands for earlier samples too.
    [', also in those of which all samples are kept', 0],
  ])('count a bucket in every step that it covers%s', async (_, toAgeMs) => {
    const { results, probe, pass } = scene({ sampleBytes: EIGHT_SAMPLES });
    probe('1');
    pass(10 * MINUTE + 6 * SECOND);
    const range = { fromAgeMs: 5 * MINUTE, toAgeMs };
    const { links, resolutionMs } = await results.podHistory(range, 3 * SECOND, () => false);
    expect([links.every((count) => count === 1), resolutionMs]).toEqual([true, 10 * SECOND]);
  });

  it('of a link have every sample and failure once, also where buckets are wider than the steps, with wall times', () => {
    const { clock, results, probe, pass } = scene({ sampleBytes: EIGHT_SAMPLES });
    probe('1');
    const startMs = clock.nowMs();
    pass(10 * MINUTE);
    pass(MINUTE, () => refusedSample());
    const stepsOf = (stepMs: number) => results.linkHistory('1', { fromAgeMs: HOUR, toAgeMs: 0 }, stepMs).steps;
    for (const stepMs of [2 * SECOND, 3 * SECOND, 7 * SECOND, MINUTE]) {
      const steps = stepsOf(stepMs);
      expect(sumOf(steps.map(({ samples }) => samples))).toBe(330);
      expect(sumOf(steps.map(({ failures }) => failures['refused'] ?? 0))).toBe(30);
    }
    // A bucket counts in the last step that it covers, so no sample is shown much earlier than it was taken.
    const [first] = stepsOf(2 * SECOND);
    expect(first!.atMs + first!.lengthMs).toBeGreaterThan(startMs + first!.samples * 2 * SECOND - SECOND);
    const steps = stepsOf(MINUTE);
    const atMs = clock.nowMs() - MINUTE;
    expect(steps.at(-1)).toMatchObject({ atMs, lengthMs: MINUTE, failures: { refused: 30 } });
    expect(steps.at(-1)!.samples).toBeLessThanOrEqual(35);
    expect(steps[0]).toMatchObject({ minUs: 320, p95Us: 320, connectP50Us: 100 });
  });

  it('of a pod with two IP families are over the samples of both links', () => {
    const { clock, results } = scene();
    results.setTargets([targetOf('1'), targetOf('1', 6)]);
    clock.freeze(SECOND);
    for (const totalUs of [100, 200, 300]) results.record(targetOf('1'), sampleOf({ totalUs }));
    results.record(targetOf('1', 6), sampleOf({ totalUs: 900 }));
    results.record(targetOf('1', 6), refusedSample());
    const { steps } = results.linkHistory('1', { fromAgeMs: MINUTE, toAgeMs: 0 }, MINUTE);
    expect(steps).toHaveLength(1);
    expect(steps[0]).toMatchObject({ samples: 5, failures: { refused: 1 }, minUs: 100, p50Us: 200, maxUs: 900 });
  });
});
