import { describe, expect, it } from 'vitest';
import { parsePodHistory } from '../../../server/protocol/history.ts';
import { FLAG_NOT_YET, FLAG_SUSPECT, outcomeOf, phaseOf, unpack16 } from '../../../server/protocol/links.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { Results } from '../../../server/results/results.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { refusedSample, sampleOf, targetOf } from './sample.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Results with rings of `ringBytes`, and a way to let time pass with a sample of each target every `intervalMs`. */
function scene({ ringBytes = 1 << 20, maxBytes = 1 << 20, windowMs = HOUR, intervalMs = 2 * SECOND } = {}) {
  const clock = new FakeClock();
  const history = { maxBytes, windowMs, intervalMs };
  const settings = { maxBytes: ringBytes, goneRetentionMs: 5 * MINUTE, history, slowLinkMs: 100 };
  const results = new Results(settings, { clock }, { onLinkChange: () => {} });
  let uids: string[] = [];
  const probe = (...names: string[]) => {
    uids = names;
    results.setTargets(names.map((uid) => targetOf(uid)));
  };
  const pass = (ms: number, sample: (uid: string) => Sample = () => sampleOf()) => {
    for (let left = ms; left > 0; left -= intervalMs) {
      clock.freeze(intervalMs);
      for (const uid of uids) results.record(targetOf(uid), sample(uid));
    }
  };
  return { clock, results, probe, pass };
}

/** Rings that hold 8 samples each, so that all but the last seconds are in buckets. */
const SHORT_RINGS = 15 * 16 * 8;

describe('the report of a stretch of the past', () => {
  it.each([
    ['samples', 1 << 20, 0],
    ['buckets', SHORT_RINGS, 10 * SECOND],
  ])('shows a fault as it was, made of %s', async (_, ringBytes, resolutionMs) => {
    const { results, probe, pass } = scene({ ringBytes });
    probe('1', '2');
    pass(5 * MINUTE);
    pass(MINUTE, (uid) => (uid === '2' ? refusedSample() : sampleOf()));
    pass(5 * MINUTE, () => sampleOf({ totalUs: 900 }));
    const during = await results.reportOf({ fromAgeMs: 5 * MINUTE + 30 * SECOND, toAgeMs: 5 * MINUTE + 5 * SECOND });
    expect(during.peers?.map(({ uid, name }) => [uid, name])).toEqual([
      ['1', 'pod-1'],
      ['2', 'pod-2'],
    ]);
    expect([outcomeOf(during.links, 0), outcomeOf(during.links, 1)]).toEqual(['ok', 'refused']);
    expect(phaseOf(during.links, 1)).toBe('connect');
    expect(during.stats?.failures[1]).toBe(during.stats?.samples[1]);
    expect(during.stats?.failures[0]).toBe(0);
    expect(during.past).toMatchObject({ resolutionMs, knownAgeMs: 11 * MINUTE });
    expect(unpack16(during.links.sinceMs[1]!)).toBeGreaterThanOrEqual(50 * SECOND);
    expect(unpack16(during.links.sinceMs[1]!)).toBeLessThanOrEqual(60 * SECOND);
    const before = await results.reportOf({ fromAgeMs: 8 * MINUTE, toAgeMs: 7 * MINUTE });
    const after = await results.reportOf({ fromAgeMs: 2 * MINUTE, toAgeMs: 0 });
    expect([...before.links.outcome, ...after.links.outcome]).toEqual([0, 0, 0, 0]);
    expect(unpack16(after.stats!.p50Us[0]!)).toBe(900);
    expect(unpack16(before.stats!.p50Us[0]!)).toBe(320);
  });

  it('leaves out who was not probed then, and keeps who has left since', async () => {
    const { results, probe, pass } = scene({ ringBytes: SHORT_RINGS });
    probe('1', '2');
    pass(10 * MINUTE);
    probe('1', '3');
    pass(20 * MINUTE);
    const old = await results.reportOf({ fromAgeMs: 25 * MINUTE, toAgeMs: 21 * MINUTE });
    expect(old.peers?.map(({ uid }) => uid)).toEqual(['1', '2']);
    const recent = await results.reportOf({ fromAgeMs: 5 * MINUTE, toAgeMs: 0 });
    expect(recent.peers?.map(({ uid }) => uid)).toEqual(['1', '3']);
    expect((await results.report([], 0)).links.length).toBe(0);
    pass(HOUR);
    const forgotten = await results.reportOf({ fromAgeMs: 24 * HOUR, toAgeMs: 0 });
    expect(forgotten.peers?.map(({ uid }) => uid)).toEqual(['1', '3']);
  });

  it('has no links of before it began, and says how far back it knows', async () => {
    const { results, probe, pass } = scene();
    probe('1');
    pass(MINUTE);
    const report = await results.reportOf({ fromAgeMs: 20 * MINUTE, toAgeMs: 10 * MINUTE });
    expect([report.links.length, report.peers, report.past.knownAgeMs]).toEqual([0, [], MINUTE]);
  });

  it('knows no further back than where it had to make room', async () => {
    // Memory for one chunk of 2048 buckets, and 5000 links one after the other.
    const { results, probe, pass } = scene({ ringBytes: SHORT_RINGS, maxBytes: 1 });
    for (let round = 0; round < 20; round++) {
      probe(...Array.from({ length: 250 }, (_, i) => `${round}-${i}`));
      pass(2 * SECOND);
    }
    const { past } = await results.reportOf({ fromAgeMs: 35 * SECOND, toAgeMs: 0 });
    const { knownAgeMs } = await results.podHistory({ fromAgeMs: 35 * SECOND, toAgeMs: 0 }, 5 * SECOND);
    expect([past.knownAgeMs < 30 * SECOND, knownAgeMs]).toEqual([true, past.knownAgeMs]);
  });

  it('takes no starved failure for one, and says what it cannot know', async () => {
    const { results, probe, pass } = scene();
    probe('1', '2');
    pass(10 * SECOND, (uid) => (uid === '1' ? sampleOf() : refusedSample({ suspect: true })));
    pass(2 * SECOND, () => refusedSample({ suspect: true }));
    const report = await results.reportOf({ fromAgeMs: 3 * SECOND, toAgeMs: 0 });
    expect([...report.links.flags].map((flags) => flags & (FLAG_NOT_YET | FLAG_SUSPECT))).toEqual([
      FLAG_SUSPECT,
      FLAG_NOT_YET | FLAG_SUSPECT,
    ]);
    expect(outcomeOf(report.links, 0)).toBe('ok');
  });

  it('lets starved samples change nothing until there are three of them', async () => {
    const { results, probe, pass } = scene();
    probe('1');
    pass(10 * SECOND, () => refusedSample());
    pass(4 * SECOND, () => sampleOf({ suspect: true }));
    const two = await results.reportOf({ fromAgeMs: 3_500, toAgeMs: 0 });
    expect([outcomeOf(two.links, 0), two.links.flags[0]! & FLAG_SUSPECT]).toEqual(['refused', FLAG_SUSPECT]);
    pass(2 * SECOND, () => sampleOf({ suspect: true }));
    const three = await results.reportOf({ fromAgeMs: 5_500, toAgeMs: 0 });
    expect(outcomeOf(three.links, 0)).toBe('ok');
    expect([three.stats?.suspect[0], three.stats?.samples[0]]).toEqual([3, 3]);
    const all = await results.reportOf({ fromAgeMs: 60_000, toAgeMs: 0 });
    expect([all.stats?.suspect[0], all.stats?.samples[0]]).toEqual([3, 8]);
  });

  it('does not mind the wall clock', async () => {
    const { clock, results, probe, pass } = scene({ ringBytes: SHORT_RINGS });
    probe('1');
    pass(5 * MINUTE, () => refusedSample());
    clock.jumpWall(-24 * HOUR);
    pass(5 * MINUTE);
    clock.jumpWall(3 * 24 * HOUR);
    const at = async (ageMs: number) => (await results.reportOf({ fromAgeMs: ageMs + MINUTE, toAgeMs: ageMs })).links;
    expect([outcomeOf(await at(7 * MINUTE), 0), outcomeOf(await at(2 * MINUTE), 0)]).toEqual(['refused', 'ok']);
  });
});

describe('statistics of now', () => {
  it('are answered from buckets where the samples do not reach so far', async () => {
    const { results, probe, pass } = scene({ ringBytes: SHORT_RINGS });
    probe('1');
    pass(10 * MINUTE, () => sampleOf({ totalUs: 500, connectUs: 70 }));
    pass(MINUTE, () => refusedSample());
    const pods = [{ ...targetOf('1'), zone: '', podIPs: ['10.0.0.1'], hostIPs: [], lifecycle: 'ready' as const }];
    const known = pods.map((pod) => ({ ...pod, sinceMs: 0, createdMs: 0, owner: '', labels: '', replacedBy: '' }));
    const { stats } = await results.report(known, 10 * MINUTE);
    // Whole buckets: up to one of them more.
    expect(stats!.samples[0]).toBeGreaterThanOrEqual(300);
    expect(stats!.samples[0]).toBeLessThanOrEqual(305);
    expect(stats!.failures[0]).toBe(30);
    expect(unpack16(stats!.connectP50Us[0]!)).toBe(70);
    expect(unpack16(stats!.minUs[0]!)).toBe(500);
  });
});

describe('histories', () => {
  it.each([
    ['samples', 1 << 20],
    ['buckets', SHORT_RINGS],
  ])('of a report count links by step, made of %s', async (_, ringBytes) => {
    const { results, probe, pass } = scene({ ringBytes });
    probe('1', '2', '3');
    pass(5 * MINUTE, () => sampleOf({ totalUs: 1_500 }));
    pass(MINUTE, (uid) => (uid === '2' ? refusedSample() : sampleOf({ totalUs: uid === '3' ? 250_000 : 1_500 })));
    pass(4 * MINUTE, () => sampleOf({ totalUs: 1_500 }));
    const history = await results.podHistory({ fromAgeMs: 10 * MINUTE, toAgeMs: 0 }, MINUTE);
    expect(parsePodHistory(JSON.parse(JSON.stringify(history)))).toEqual(history);
    expect(history.links).toEqual(new Array(10).fill(3));
    const failed = history.failed.map((count, step) => (count > 0 ? step : -1)).filter((step) => step >= 0);
    expect(failed).toContain(5);
    expect(failed.every((step) => step >= 4 && step <= 6)).toBe(true);
    expect(history.byLatency[0]?.indexOf(3)).toBe(2);
    expect(history.byLatency[5]?.[15]).toBe(1);
    for (const [step, bins] of history.byLatency.entries()) {
      expect(bins.reduce((sum, n) => sum + n, 0)).toBe(3 - history.failed[step]!);
    }
  });

  it('show a bucket in every step that it covers', async () => {
    const { results, probe, pass } = scene({ ringBytes: SHORT_RINGS });
    probe('1');
    pass(10 * MINUTE);
    const { links, resolutionMs } = await results.podHistory({ fromAgeMs: 5 * MINUTE, toAgeMs: MINUTE }, 3 * SECOND);
    expect([links.every((count) => count === 1), resolutionMs]).toEqual([true, 10 * SECOND]);
  });

  it('of a link have every sample and failure once, by wall time', () => {
    const { clock, results, probe, pass } = scene({ ringBytes: SHORT_RINGS });
    probe('1');
    pass(10 * MINUTE);
    pass(MINUTE, () => refusedSample());
    const { steps, nowMs } = results.linkHistory('1', { fromAgeMs: HOUR, toAgeMs: 0 }, MINUTE);
    expect(nowMs).toBe(clock.nowMs());
    expect(steps.reduce((sum, { samples }) => sum + samples, 0)).toBe(330);
    expect(steps.reduce((sum, { failures }) => sum + (failures['refused'] ?? 0), 0)).toBe(30);
    expect(steps.at(-1)).toMatchObject({ atMs: nowMs - MINUTE, lengthMs: MINUTE, failures: { refused: 30 } });
    expect(steps.at(-1)!.samples).toBeLessThanOrEqual(35);
    expect(steps[0]).toMatchObject({ samples: expect.any(Number), minUs: 320, p95Us: 320, connectP50Us: 100 });
  });
});

describe('the memory of the past', () => {
  it('stays within its bounds over a day, and tells the right figures of any hour of it', async () => {
    const { results, probe, pass } = scene({ windowMs: 24 * HOUR, intervalMs: 30 * SECOND, ringBytes: 40_000 });
    probe(...Array.from({ length: 4 }, (_, i) => String(i + 6)));
    for (let hour = 0; hour < 24; hour++) {
      pass(HOUR, (uid) => (uid === '7' && hour === 5 ? refusedSample() : sampleOf({ totalUs: 1_000 + hour })));
      expect(results.bytes).toBeLessThanOrEqual((1 << 20) + 40_000);
    }
    for (const hour of [3, 5, 12, 22]) {
      const toAgeMs = (23 - hour) * HOUR;
      const report = await results.reportOf({ fromAgeMs: toAgeMs + HOUR, toAgeMs });
      const of7 = report.peers!.findIndex(({ uid }) => uid === '7');
      const link = [...report.links.to].indexOf(of7);
      expect(outcomeOf(report.links, link)).toBe(hour === 5 ? 'refused' : 'ok');
      expect(report.stats!.samples[link]).toBeGreaterThanOrEqual(110);
      expect(report.stats!.samples[link]).toBeLessThanOrEqual(130);
      const other = [...report.links.to].indexOf(report.peers!.findIndex(({ uid }) => uid === '8'));
      expect(unpack16(report.stats!.p50Us[other]!)).toBe(1_000 + hour);
    }
  });

  it('survives 500 pods that join and leave', async () => {
    const { results, probe, pass } = scene({ ringBytes: 100_000, maxBytes: 1 << 20 });
    for (let i = 0; i < 500; i++) {
      probe('a', 'b', `x${i}`);
      pass(6 * SECOND);
    }
    expect(results.bytes).toBeLessThanOrEqual((1 << 20) + 100_000);
    const report = await results.reportOf({ fromAgeMs: HOUR, toAgeMs: 0 });
    expect(report.peers).toHaveLength(502);
    const [of40] = report.peers!.filter(({ uid }) => uid === 'x40');
    const link = [...report.links.to].indexOf(report.peers!.indexOf(of40!));
    expect(report.stats!.samples[link]).toBe(3);
    const of = [...report.links.to].indexOf(report.peers!.findIndex(({ uid }) => uid === 'a'));
    expect(report.stats!.samples[of]).toBeGreaterThanOrEqual(1_490);
  });
});
