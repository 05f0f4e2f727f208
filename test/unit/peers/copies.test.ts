import { describe, expect, it } from 'vitest';
import { EventJournal } from '../../../server/events/journal.ts';
import { Copies } from '../../../server/peers/copies.ts';
import { CopySource } from '../../../server/peers/keeper.ts';
import {
  COPY_FORMAT,
  type CopyAnswer,
  type CopyCursor,
  MAX_COPIES,
  MAX_PIECES,
  NO_CURSOR,
  parseCopyAnswerSliced,
} from '../../../server/protocol/copy.ts';
import { JOURNAL_FORMAT, type Journal, MAX_EVENTS, parseJournalSliced } from '../../../server/protocol/event.ts';
import { FLAG_SUSPECT } from '../../../server/protocol/links.ts';
import type { PodReport } from '../../../server/protocol/pod-report.ts';
import type { Outcome, Sample, UdpResult } from '../../../server/protocol/sample.ts';
import { COPY_SHARE, type ResultsSettings } from '../../../server/results/history.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { overWire, resultsOf, resultsSettingsOf } from '../../support/collecting.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { parsedBy } from '../../support/generator.ts';
import { podsOf, snapshotOf } from '../../support/mesh.ts';
import { COPY_WIRE } from '../../support/peer-answers.ts';
import { cycleOf, refusedSample, sampleOf, targetOf } from '../../support/samples.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const OF = 'uid-1';

/** An answer that was written just now. */
const EXACTLY = { agoMs: 0, errorMs: 0 };

/** Rings of 20 samples, or of 15 samples and 4 cycles. */
const SMALL_RINGS = (16 * 20 * 15) / 2 ** 20;

/** Each scene is another process. */
let processes = 0;

/** A pod with results and a journal, by a clock that its keeper does not know. */
function scene(change: Partial<ResultsSettings> = {}, links = 3) {
  const settings = resultsSettingsOf({ resultsMemoryMiB: 1, refreshIntervalMs: SECOND, ...change });
  const clock = new FakeClock();
  // The copied process started at another time than its keeper.
  const podClock = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs() + 777_777.25,
    setTimer: clock.setTimer.bind(clock),
  };
  const results = resultsOf(settings, podClock);
  processes += 1;
  const process = processes;
  const starvation = { unreliable: false, sinceMs: 0 };
  const starvedTimes: TimeRange[] = [];
  const standstills: TimeRange[] = [];
  const journal = new EventJournal({
    ...settings,
    clock: podClock,
    random: () => process / 1_000,
    starvation: () => starvation,
    starvedTimes: () => starvedTimes,
    standstills: () => standstills,
  });
  const another = (other: Partial<ResultsSettings> = {}, isLeftOut = (_from: string, _to: string) => false) =>
    new Copies({ ...settings, ...other }, clock, isLeftOut);
  const copies = another();
  const source = new CopySource({
    clock: podClock,
    snapshot: () => snapshotOf(podsOf(3)),
    selfUid: () => OF,
    copySince: (cursor) => results.copySince(cursor),
    journal,
    copies,
  });
  const targets = Array.from({ length: links }, (_, i) => targetOf(String(i + 1)));
  results.setTargets(targets);
  /** Lets `ms` pass, with a sample of each link every second. */
  const pass = (ms: number, sample: (uid: string) => Sample = () => sampleOf(), cycle?: (uid: string) => UdpResult) => {
    for (let left = ms; left > 0; left -= SECOND) {
      clock.freeze(SECOND);
      for (const target of targets) {
        results.record(target, sample(target.uid));
        if (cycle !== undefined) results.recordUdp(target, cycle(target.uid));
      }
    }
  };
  /** Lets `ms` pass without a sample, and notes them as times at which the process was starved, or stood still. */
  const without = (times: TimeRange[], ms: number) => {
    const fromMs = podClock.monotonicMs();
    clock.freeze(ms);
    times.push({ fromMs, toMs: podClock.monotonicMs() });
  };
  const setUnreliable = (unreliable: boolean) => {
    Object.assign(starvation, { unreliable, sinceMs: clock.nowMs() });
    journal.checkStarvation();
  };
  const probe = (error: string) => journal.onProbe({ target: 'a:1', protocol: 'tcp', error, atMs: 0, durationUs: 5 });
  const take = (into: Copies, answer: CopyAnswer) => {
    into.take(OF, overWire(answer), EXACTLY);
    return answer.hasMore;
  };
  const cursorOf = (keeper: Copies) => keeper.cursorOf(OF) ?? NO_CURSOR;
  /** The keeper asks the pod until it has all. Returns how often it asked. */
  const pull = async (into = copies) => {
    for (let asked = 1; ; asked++) if (!take(into, await source.answer(OF, '', cursorOf(into)))) return asked;
  };
  /** Another keeper asks this one, `from` what it lacks or from a given cursor, until it has all. Returns how often it asked. */
  const passOn = (into: Copies, from?: CopyCursor) => {
    for (let asked = 1; ; asked++) if (!take(into, copies.answer(OF, from ?? cursorOf(into)))) return asked;
  };
  const times = { starvedTimes, standstills, without, setUnreliable };
  return { clock, results, journal, ...times, copies, source, pass, probe, pull, another, passOn };
}

const lossy = (uid: string) => {
  return cycleOf({ lost: uid === '3' ? 2 : 0, rttUs: 123_457, duplicates: 1, outOfOrder: 2, hops: 3 });
};
const flaky = (uid: string) => (uid === '2' ? refusedSample() : sampleOf({ totalUs: 900 }));

describe('the copy of a pod', () => {
  it.each([
    ['samples', 1, false],
    ['buckets', SMALL_RINGS, false],
    ['samples and cycles', 1, true],
    ['buckets of both', SMALL_RINGS, true],
  ])('answers as the pod itself did, from %s, whoever it was copied from', async (_, resultsMemoryMiB, udpEnabled) => {
    const { results, copies, pass, pull, clock, another, passOn } = scene({ resultsMemoryMiB, udpEnabled });
    // Whether the keeper sends datagrams itself does not matter.
    const [second, third] = [another({ udpEnabled: !udpEnabled }), another()];
    for (let i = 0; i < 100; i++) {
      // Beside a failed ping no cycle counts.
      pass(3 * SECOND, i >= 30 && i < 45 ? flaky : undefined, udpEnabled ? lossy : undefined);
      await pull();
      await pull(second);
      // Now from the pod and now from another keeper. What it has already is not taken again.
      if (i % 2 === 0) await pull(third);
      else passOn(third, i === 99 ? NO_CURSOR : undefined);
    }
    const steps = { fromAgeMs: 4 * MINUTE, toAgeMs: 0 };
    for (const keeper of [copies, second, third]) {
      for (const [fromMinutes, toMinutes] of [
        [1, 0],
        [3, 2],
        [5, 0],
      ] as const) {
        const range = { fromAgeMs: fromMinutes * MINUTE, toAgeMs: toMinutes * MINUTE };
        const own = await results.reportOf(range);
        expect(Math.max(0, ...(own.udp?.windowLost ?? [])) > 0).toBe(udpEnabled);
        const copied = await keeper.reportOf(OF, range);
        for (const part of ['links', 'stats', 'peers', 'slow', 'recent', 'failsOnly', 'udp'] as const) {
          expect(copied?.[part], part).toEqual(own[part]);
        }
        expect(copied?.past).toMatchObject({ resolutionMs: own.past.resolutionMs, untilAgeMs: 0 });
        // The process started 5 minutes ago.
        expect(copied?.bootTimeMs).toBe(clock.nowMs() - 5 * MINUTE);
      }
      const own = await results.podHistory(steps, 10 * SECOND, () => false);
      expect(await keeper.podHistory(OF, steps, 10 * SECOND)).toEqual({ ...own, untilAgeMs: 0 });
      for (const to of ['2', '3']) {
        expect(await keeper.linkHistory(OF, to, steps, MINUTE)).toMatchObject(results.linkHistory(to, steps, MINUTE));
        expect(await keeper.samples(OF, to)).toEqual({ from: OF, to, error: '', ...results.linkSamples(to) });
      }
    }
    clock.freeze(25 * SECOND);
    expect((await copies.reportOf(OF, { fromAgeMs: MINUTE, toAgeMs: 0 }))?.past?.untilAgeMs).toBe(25 * SECOND);
  });

  it('has everything of all processes of its pod, also from another keeper, in as many answers as it takes', async () => {
    // 50 links at 1 s for 7 minutes are 21,000 samples and 21,000 cycles.
    const settings = { resultsMemoryMiB: 4, udpEnabled: true };
    const [before, present] = [scene(settings, 50), scene(settings, 50)];
    const { clock, copies, another, passOn } = before;
    const lastMinutes = { fromAgeMs: 7 * MINUTE, toAgeMs: 0 };
    for (const process of [before, present]) {
      process.pass(7 * MINUTE, (uid) => (uid === '50' ? refusedSample() : sampleOf()), lossy);
      if (process === present) clock.freeze(7 * MINUTE);
      expect(await process.pull(copies)).toBeGreaterThan(1);
      const own = await process.results.reportOf(lastMinutes);
      const copied = await copies.reportOf(OF, lastMinutes);
      expect([copied?.stats, copied?.udp, copied?.past?.knownAgeMs]).toEqual([own.stats, own.udp, 7 * MINUTE]);
    }
    const second = another();
    expect(passOn(second)).toBeLessThanOrEqual(4);
    for (const range of [lastMinutes, { fromAgeMs: 14 * MINUTE, toAgeMs: 7 * MINUTE }]) {
      expect(await second.reportOf(OF, range)).toEqual(await copies.reportOf(OF, range));
    }
  });

  it('is found also if dozens of others are asked for at the same time', async () => {
    const { source, pass, another } = scene();
    const keeper = another();
    pass(30 * SECOND);
    const uids = Array.from({ length: 30 }, (_, i) => `uid-${i}`);
    for (const [i, uid] of uids.entries()) {
      const answer = overWire(await source.answer(OF, '', NO_CURSOR));
      for (const { journal } of answer.copies) journal.id = `process-${i}`;
      keeper.take(uid, answer, EXACTLY);
    }
    const reports = await Promise.all(uids.map((uid) => keeper.reportOf(uid, { fromAgeMs: MINUTE, toAgeMs: 0 })));
    expect(reports.map((report) => report?.links.length)).toEqual(uids.map(() => 3));
  });

  it('keeps what it has from before a gap that the pod itself keeps no samples of, also for another keeper', async () => {
    const { copies, pass, probe, pull, another, passOn } = scene({ resultsMemoryMiB: SMALL_RINGS });
    probe('refused');
    for (let i = 0; i < 6; i++) {
      pass(10 * SECOND, flaky);
      await pull();
    }
    pass(2 * MINUTE);
    await pull();
    pass(10 * SECOND);
    await pull();
    const second = another();
    passOn(second);
    for (const keeper of [copies, second]) {
      const failures = async (fromAgeMs: number, toAgeMs: number) => {
        const report = await keeper.reportOf(OF, { fromAgeMs, toAgeMs });
        return [report?.stats?.samples[1], report?.stats?.failures[1], report?.past?.knownAgeMs];
      };
      expect(await failures(3 * MINUTE, 150 * SECOND)).toEqual([30, 30, 190 * SECOND]);
      expect(await failures(15 * SECOND, 0)).toEqual([16, 0, 30 * SECOND]);
      expect(keeper.cursorOf(OF)?.sinceMs).toBe(copies.cursorOf(OF)?.sinceMs);
      // The journal has no gap.
      expect(keeper.journals(5 * MINUTE, 100, new Set()).map((copy) => copy.journal.events.length)).toEqual([1]);
      expect(keeper.journals(5 * MINUTE, 100, new Set([OF]))).toEqual([]);
    }
  });

  it('says which links were unreliable also right after a gap, which is no start of the process', async () => {
    const { results, copies, pass, pull } = scene({ resultsMemoryMiB: SMALL_RINGS });
    pass(10 * SECOND);
    await pull();
    pass(2 * MINUTE);
    pass(10 * SECOND, () => sampleOf({ suspect: true }));
    pass(5 * SECOND);
    await pull();
    const range = { fromAgeMs: 12 * SECOND, toAgeMs: 7 * SECOND };
    const [own, copied] = [await results.reportOf(range), await copies.reportOf(OF, range)];
    expect(copied?.past?.knownAgeMs).toBe(20 * SECOND);
    const suspect = (report: Pick<PodReport, 'links'> | null) =>
      [...(report?.links.flags ?? [])].map((flags) => flags & FLAG_SUSPECT);
    expect(suspect(own)).toEqual([FLAG_SUSPECT, FLAG_SUSPECT, FLAG_SUSPECT]);
    expect(suspect(copied)).toEqual(suspect(own));
  });

  it('does not count the links of pods that are left out', async () => {
    const { pass, pull, another } = scene();
    let ignored = '';
    const keeper = another({}, (from, to) => from === ignored || to === ignored);
    pass(30 * SECOND, flaky);
    await pull(keeper);
    const counts = async () => {
      const history = await keeper.podHistory(OF, { fromAgeMs: 20 * SECOND, toAgeMs: 0 }, 20 * SECOND);
      return [history?.links[0], history?.failed[0]];
    };
    expect(await counts()).toEqual([3, 1]);
    ignored = '2';
    expect(await counts()).toEqual([2, 0]);
    ignored = OF;
    expect(await counts()).toEqual([0, 0]);
  });

  it('has the journal, once', async () => {
    const { clock, journal, copies, pass, probe, pull } = scene();
    probe('refused');
    pass(5 * SECOND);
    await pull();
    probe('');
    pass(5 * SECOND);
    await pull();
    await pull();
    const own = journal.read(MINUTE);
    expect(copies.journals(MINUTE, 100, new Set())).toEqual([{ uid: OF, journal: own }]);
    // A pod that is there gives its journal itself, unless it has ceased to answer.
    const counts = () => copies.journals(MINUTE, 100, new Set([OF])).map((copy) => copy.journal.events.length);
    expect(counts()).toEqual([]);
    clock.freeze(29 * SECOND);
    expect(counts()).toEqual([]);
    clock.freeze(SECOND);
    expect(counts()).toEqual([2]);
  });

  it('says that it lacks entries of which the pod had too many for one answer', async () => {
    const { journal, copies, pass, pull } = scene();
    const fail = (from: Outcome, to: Outcome) =>
      journal.onLinkChange({ target: targetOf('1'), from, to, sample: sampleOf(), previousForMs: 0 });
    for (let i = 0; i < MAX_EVENTS + 1; i++) fail('ok', 'refused');
    expect(journal.read(MINUTE, MAX_EVENTS, 0).truncated).toBe(false);
    pass(SECOND);
    await pull();
    const [copy] = copies.journals(MINUTE, 2 * MAX_EVENTS, new Set());
    expect(copy?.journal.events).toHaveLength(MAX_EVENTS);
    expect([copy?.journal.truncated, copy?.journal.droppedAgeMs]).toEqual([true, SECOND]);
  });

  it('does not say that the pod was starved if it may lack the entry that says that it has recovered', async () => {
    const { clock, journal, copies, setUnreliable, pass, probe, pull } = scene();
    const starvedNow = async () => {
      const report = await copies.reportOf(OF, { fromAgeMs: 5 * SECOND, toAgeMs: 0 });
      return [report?.starvation.unreliable, report?.starvation.sinceMs];
    };
    setUnreliable(true);
    const starvedMs = clock.nowMs();
    pass(10 * SECOND);
    await pull();
    expect(await starvedNow()).toEqual([true, starvedMs]);
    setUnreliable(false);
    for (let i = 0; i < MAX_EVENTS; i++) {
      probe(i % 2 === 0 ? 'refused' : '');
      journal.onLinkChange({ target: targetOf('1'), from: 'ok', to: 'reset', sample: sampleOf(), previousForMs: 0 });
    }
    pass(10 * SECOND);
    await pull();
    expect(await starvedNow()).toEqual([false, 0]);
  });

  it('knows of the time before that the pod was starved, also if the pod itself has dropped entries that were copied', async () => {
    const { clock, journal, copies, setUnreliable, pass, pull } = scene();
    setUnreliable(true);
    const starvedMs = clock.nowMs();
    for (let i = 0; i < 10; i++) {
      for (let n = 0; n < MAX_EVENTS / 2; n++)
        journal.onLinkChange({ target: targetOf('1'), from: 'ok', to: 'reset', sample: sampleOf(), previousForMs: 0 });
      pass(SECOND);
      await pull();
    }
    expect(journal.read(MINUTE, MAX_EVENTS, MAX_EVENTS * 5 - 100).truncated).toBe(true);
    const report = await copies.reportOf(OF, { fromAgeMs: 5 * SECOND, toAgeMs: 0 });
    expect(report?.starvation).toMatchObject({ unreliable: true, sinceMs: starvedMs });
  });

  it('counts the names in its journal as memory', async () => {
    const bytesWith = async (name: string) => {
      const { journal, copies, pull } = scene();
      const target = { ...targetOf('1'), name };
      journal.onSpeedChange({ target, isSlow: true, sinceMs: 0, totalUs: 1 });
      await pull();
      return copies.bytes;
    };
    expect((await bytesWith('x'.repeat(253))) - (await bytesWith(''))).toBe(253);
  });

  it('gives no more journals and entries than its reader accepts, however many processes of a pod have ended', async () => {
    const { copies } = scene();
    for (let process = 0; process < MAX_COPIES; process++) {
      const one = scene();
      one.probe('refused');
      one.pass(SECOND);
      await one.pull(copies);
    }
    const given = copies.journals(MINUTE, 10, new Set());
    expect(given.reduce((sum, { journal }) => sum + 1 + journal.events.length, 0)).toBe(10);
    expect(copies.journals(MINUTE, 100, new Set())).toHaveLength(MAX_COPIES);
  });

  it('says when the pod stood still or was starved, for however short a time, also from the copy of another keeper', async () => {
    const { clock, without, starvedTimes, standstills, setUnreliable, copies, pass, pull, another, passOn } = scene();
    const other = another();
    pass(10 * SECOND);
    await pull();
    without(standstills, 8 * SECOND);
    pass(10 * SECOND);
    setUnreliable(true);
    without(starvedTimes, 1_500);
    await pull();
    passOn(other);
    pass(2 * SECOND);
    setUnreliable(false);
    without(starvedTimes, 3_000);
    pass(5 * SECOND);
    await pull();
    passOn(other);
    // The pod has ended.
    clock.freeze(10 * SECOND);
    for (const keeper of [copies, other]) {
      const at = async (toAgeMs: number) => {
        const report = await keeper.reportOf(OF, { fromAgeMs: toAgeMs + 5 * SECOND, toAgeMs });
        const { unreliable, sinceMs, times } = report!.starvation;
        return [report?.past?.stoodStill ?? false, unreliable, Math.round(clock.nowMs() - sinceMs), times];
      };
      // At the end of a range it has the times of the last two rounds of pings.
      expect(await at(40_000)).toEqual([false, false, clock.nowMs(), []]);
      expect(await at(35_000)).toEqual([true, false, clock.nowMs(), []]);
      expect(await at(19_000)).toEqual([false, true, 21_500, [[2_500, 1_000]]]);
      expect(await at(14_000)).toEqual([false, false, 18_000, [[7_500, 1_000]]]);
      expect(await at(16_000)).toEqual([false, false, 18_000, [[5_500, 0]]]);
      expect(await at(11_000)).toEqual([false, false, 18_000, []]);
      expect(keeper.journals(MINUTE, 10, new Set())[0]?.journal.stoodStill).toEqual([[39_500, 31_500]]);
    }
  });

  it("leaves its keeper's own journal valid, whatever times its pod claims", async () => {
    const { copies, journal, source, pass } = scene();
    pass(10 * SECOND);
    const answer = await source.answer(OF, '', NO_CURSOR);
    const most = Number.MAX_VALUE;
    for (const part of answer.copies) {
      Object.assign(part, { nowMs: most, sinceMs: most, untilMs: most, pieces: [] });
      const times = [[-most, most]];
      Object.assign(part.journal, { knownAgeMs: -most, starved: times, stoodStill: times });
    }
    copies.take(OF, overWire(answer), EXACTLY);
    const copied = copies.journals(MINUTE, 100, new Set());
    expect(copied).toHaveLength(1);
    const wire = JSON.parse(JSON.stringify({ ...journal.read(MINUTE), copies: copied }));
    expect(parsedBy(parseJournalSliced, wire).value.id).toBe(journal.id);
  });

  it('drops thousands of pieces that a hostile pod sends at once in a few milliseconds', () => {
    const copies = new Copies(resultsSettingsOf(), new FakeClock(), () => false);
    const journal = { format: JOURNAL_FORMAT, knownAgeMs: 1, truncated: false } as const;
    const answer = (from: number): CopyAnswer => {
      const pieces = Array.from({ length: MAX_PIECES }, (_, i) => {
        return { fromMs: from + i, toMs: from + i + 0.5, samples: new Uint8Array(15), cycles: new Uint8Array(0) };
      });
      const part = { nowMs: 1e6, sinceMs: 0, untilMs: 0, links: 1, targets: [], pieces };
      const all = Array.from({ length: MAX_COPIES }, (_, i) => ({
        ...part,
        journal: { ...journal, id: `${i}`, events: [] },
      }));
      return { hasMore: true, copies: all };
    };
    const answers = [0, 1, 2, 3, 4].map((n) => answer(n * MAX_PIECES));
    const { user } = process.cpuUsage();
    for (const one of answers) copies.take(OF, one, { agoMs: 0, errorMs: 1 });
    expect((process.cpuUsage().user - user) / 1000).toBeLessThan(1_000);
    expect(copies.bytes).toBeLessThanOrEqual(COPY_SHARE * 8 * 2 ** 20);
    expect(copies.bytes).toBeGreaterThan(COPY_SHARE * 8 * 2 ** 20 - 1_000);
  });

  it('ends when its pod was last asked, also after a day in which the clocks of the two machines have drifted apart', async () => {
    const clock = new FakeClock();
    const copies = new Copies(resultsSettingsOf(), clock, () => false);
    const journal: Journal = { format: JOURNAL_FORMAT, id: 'a', knownAgeMs: 1, truncated: false, events: [] };
    let podMs = 1e6;
    for (let pull = 0; pull < 8_640; pull++) {
      const sinceMs = podMs;
      clock.freeze(10 * SECOND);
      // The clock of the pod loses 0.5 ms.
      podMs += 10 * SECOND - 0.5;
      const part = { nowMs: podMs, sinceMs, untilMs: podMs, links: 0, targets: [], pieces: [], journal };
      // The first call was the quickest.
      copies.take(OF, { hasMore: false, copies: [part] }, { agoMs: 0, errorMs: pull === 0 ? 1 : 3 });
    }
    const report = await copies.reportOf(OF, { fromAgeMs: MINUTE, toAgeMs: 0 });
    expect(report?.past?.untilAgeMs).toBeLessThanOrEqual(3);
  });

  it('forgets what is older than HISTORY_WINDOW, and in the end the pod', async () => {
    const { clock, copies, pass, pull } = scene({ historyWindowMs: 5 * MINUTE });
    for (let i = 0; i < 60; i++) {
      pass(10 * SECOND);
      await pull();
    }
    const report = await copies.reportOf(OF, { fromAgeMs: 9 * MINUTE, toAgeMs: 0 });
    expect(report?.past?.knownAgeMs).toBeLessThanOrEqual(5 * MINUTE);
    clock.freeze(6 * MINUTE);
    copies.take('uid-9', { hasMore: false, copies: [] }, EXACTLY);
    expect([copies.cursorOf(OF), await copies.reportOf(OF, { fromAgeMs: MINUTE, toAgeMs: 0 })]).toEqual([null, null]);
  });
});

it('the memory of copies is bounded by the share of HISTORY_MEMORY: the largest loses its oldest samples and cycles first', async () => {
  const { copies, pass, pull } = scene({ historyMemoryMiB: 0.1, udpEnabled: true });
  const maxBytes = 0.1 * 2 ** 20 * COPY_SHARE;
  for (let i = 0; i < 200; i++) {
    pass(10 * SECOND, undefined, lossy);
    await pull();
    expect(copies.bytes).toBeLessThanOrEqual(maxBytes);
  }
  const known = (await copies.reportOf(OF, { fromAgeMs: 30 * MINUTE, toAgeMs: 0 }))?.past?.knownAgeMs ?? 0;
  // Three links every second, each with a sample of 15 bytes and a cycle of 18.
  const mostMs = (maxBytes / (3 * (15 + 18))) * SECOND;
  expect(known).toBeGreaterThan(mostMs / 3);
  expect(known).toBeLessThan(mostMs);
});

describe('an answer with copies', () => {
  const [piece] = COPY_WIRE.pieces;
  const parse = (change: object) =>
    parsedBy(parseCopyAnswerSliced, { format: COPY_FORMAT, hasMore: false, copies: [{ ...COPY_WIRE, ...change }] });

  it.each([
    ['times out of order', { untilMs: 4_000 }],
    ['times of tomorrow', { untilMs: 10_000 }],
    ['a piece of the future', { pieces: [{ ...piece, toMs: 10_000 }] }],
    ['half a sample', { pieces: [{ ...piece, samples: 'AAAA' }] }],
    ['half a cycle', { pieces: [{ ...piece, cycles: 'AAAA' }] }],
    ['more cycles than an answer may have', { pieces: [{ ...piece, cycles: 'A'.repeat(24 * 20_001) }] }],
    ['samples that are not base64', { pieces: [{ ...piece, samples: '!'.repeat(20) }] }],
    ['a list of targets that is none', { targets: {} }],
    ['no journal', { journal: null }],
  ])('is refused with %s', (_, change) => {
    expect(parse({}).value.copies).toHaveLength(1);
    expect(() => parse(change)).toThrow();
  });
});
