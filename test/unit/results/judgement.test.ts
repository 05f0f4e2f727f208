import { describe, expect, it } from 'vitest';
import { FLAG_INTERMITTENT, FLAG_SLOW } from '../../../server/protocol/links.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { LinkJudgement } from '../../../server/results/judgement.ts';
import { podOf, refusedSample, sampleOf, targetOf } from '../../support/samples.ts';
import { scene } from './scene.ts';

describe('the state of a link', () => {
  it('is reported once for each change, with the duration of the state before', () => {
    const { probe, pass, changes } = scene({ intervalMs: 1_000 });
    probe('1');
    pass(2_000);
    pass(3_000, () => refusedSample());
    pass(1_000, () => sampleOf({ outcome: 'timeout', phase: 'connect', detail: 'timeout' }));
    pass(1_000);
    expect(changes.map(({ from, to, previousForMs }) => [from, to, previousForMs])).toEqual([
      ['unknown', 'ok', 0],
      ['ok', 'refused', 2_000],
      ['refused', 'timeout', 3_000],
      ['timeout', 'ok', 4_000],
    ]);
    expect(changes[1]!.sample.detail).toBe('connection refused');
  });

  it('was last seen when a sample said the same as it, so a doubted failure does not show that the link still works', () => {
    const judgement = new LinkJudgement();
    const seenAfter = (sample: Sample, nowMs: number) => {
      judgement.take(sample, nowMs, 100_000);
      return judgement.seenAtMs;
    };
    const doubtedFailure = refusedSample({ suspect: true });
    const doubtedAnswer = sampleOf({ totalUs: 250_000, suspect: true });
    const samples = [doubtedFailure, sampleOf(), doubtedFailure, doubtedAnswer, refusedSample(), doubtedAnswer];
    expect([...samples, doubtedFailure].map(seenAfter)).toEqual([-1, 1, 1, 3, 4, 4, 6]);
  });

  it.each([
    ['is not changed by one or two suspect samples that fail or are slow', '0.3 x? 250?', 'unknown>ok', 300],
    ['is changed by the third of them in a row', '0.3 x? x? x?', 'unknown>ok ok>refused', 90],
    ['is ok after a suspect one that is ok and fast: CPU only lengthens', 'x 0.3?', 'unknown>refused refused>ok', 300],
    ['begins with an answer, even a suspect one', '250?', 'unknown>ok', 250_000],
    ['but not with a suspect failure', 'x?', '', undefined],
  ])('%s: %s', async (_rule, words, changes, totalUs) => {
    const { results, changeNames } = await recordAll(words);
    expect([changeNames().join(' '), results.probedLinks()[0]?.judged?.totalUs]).toEqual([changes, totalUs]);
  });
});

/** Records one sample a second: its latency in ms, `x` = failed, `?` after it = suspect. */
async function recordAll(words: string) {
  const one = scene();
  const target = targetOf('1');
  one.results.setTargets([target]);
  for (const word of words.split(' ')) {
    await one.clock.advance(1_000);
    const suspect = word.endsWith('?');
    const totalUs = Number.parseFloat(word) * 1_000;
    one.results.record(target, word.startsWith('x') ? refusedSample({ suspect }) : sampleOf({ totalUs, suspect }));
  }
  return one;
}

describe('a link becomes slow, and normal again, after three trusted samples in a row', () => {
  it.each([
    ['100 100', []],
    ['100 99 100 100', []],
    ['100 120 110', ['slow 110 @2']],
    ['500? 500? 500? 500? 100 500? 120 110', ['slow 110 @3']],
    ['100 100 x 100', []],
    ['100 100 x? x? 100', ['slow 100 @4']],
    ['100 100 x? x? x? 100', []],
    ['100 100 x? x? x? 100 100 100', ['slow 100 @2']],
    ['100 100 100 10 20 x? x? x? 30 10 10', ['slow 100 @10', 'normal 10 @2']],
    ['100 100 100 100 100 100', ['slow 100 @5']],
    ['100 100 100 80 90 95 79 79 80 10 20 30', ['slow 100 @11', 'normal 20 @2']],
    ['100 100 100 10 20 x 30 10 10 10', ['slow 100 @9', 'normal 10 @3']],
    ['100 100 100 10? 20? 30?', ['slow 100 @5', 'normal 20 @2']],
  ])('%s', async (words, expected) => {
    const { clock, speedChanges } = await recordAll(words);
    const nowMs = clock.monotonicMs();
    const told = speedChanges.map(({ isSlow, totalUs, sinceMs }) => {
      return `${isSlow ? 'slow' : 'normal'} ${totalUs / 1_000} @${(nowMs - sinceMs) / 1_000}`;
    });
    expect(told).toEqual(expected);
  });

  it('and its report says for how long it has been slow', async () => {
    const { results } = await recordAll('100 120 110 90');
    const { slow, links } = await results.report([podOf('1')], 0);
    expect(slow).toEqual([[0, 3_000]]);
    expect(links.flags[0]! & FLAG_SLOW).toBe(FLAG_SLOW);
  });
});

describe('a link is intermittent', () => {
  it.each([
    ['after two separate failures', '1 x 1 x', true, [0, 2, 4]],
    ['after a failure and a slow answer, as lost packets cause them', '1 x 1 200 1', true, [0, 1, 5]],
    ['but not after one outage', '1 x x x x x 1 1', false, [0, 0, 2]],
    ['nor where its first answer is late', 'x x x x 200 1', false, [0, 0, 2]],
    ['but slow, if one failure came before many slow answers', '1 x 200 200 200 200', false, [0, 1, 6]],
    ['nor after a time of slow answers that ended with one failure', '1 200 200 200 200 x 1 1 1', false, [0, 1, 9]],
    ['but not while it has failed four times in a row: then it has failed', '1 x 1 x x x x', false, undefined],
    ['but not after two slow answers', '1 200 1 200 1', false, undefined],
    ['but not after eight good answers in a row', 'x 1 x 1 1 1 1 1 1 1 1', false, undefined],
    ['whatever one or two suspect failures say', '1 x? 1 x? 1', false, undefined],
  ])('%s: %s', async (_rule, words, isIntermittent, recent) => {
    const report = await (await recordAll(words)).results.report([podOf('1')], 0);
    expect((report.links.flags[0]! & FLAG_INTERMITTENT) !== 0).toBe(isIntermittent);
    expect(report.recent?.[0]).toEqual(recent);
  });

  /** Each sequence of `count` samples that are ok, fail or are late, and how likely it is. */
  function* sequencesOf(count: number, failing: number, late: number): Generator<[samples: Sample[], share: number]> {
    if (count === 0) return yield [[], 1];
    for (const [samples, share] of sequencesOf(count - 1, failing, late)) {
      yield [[...samples, sampleOf({ totalUs: 300 })], share * (1 - failing - late)];
      yield [[...samples, refusedSample()], share * failing];
      yield [[...samples, sampleOf({ totalUs: 210_000 })], share * late];
    }
  }

  /** Whether a new link is intermittent at any time during these samples. */
  function isFoundIn(samples: readonly Sample[]): boolean {
    const judgement = new LinkJudgement();
    return samples.some((sample, i) => {
      judgement.take(sample, i * 1_000, 100_000);
      return judgement.isIntermittent;
    });
  }

  it('within 8 samples in 88.7 % of all cases where three of ten pings fail and two are late', () => {
    let found = 0;
    for (const [samples, share] of sequencesOf(8, 0.3, 0.2)) if (isFoundIn(samples)) found += share;
    expect(found).toBeCloseTo(0.887, 3);
  });

  it('where it is healthy, only if two of its last 16 pings are bad and one of these failed', () => {
    const [ok, failed, late] = [sampleOf({ totalUs: 300 }), refusedSample(), sampleOf({ totalUs: 210_000 })];
    for (const apart of [2, 9, 15, 16, 40]) {
      const isFound = (first: Sample, second: Sample) =>
        isFoundIn([ok, first, ...Array<Sample>(apart - 1).fill(ok), second]);
      const isNear = apart <= 15;
      expect([isFound(failed, failed), isFound(failed, late), isFound(late, failed)]).toEqual([isNear, isNear, isNear]);
      expect(isFound(late, late)).toBe(false);
    }
  });
});
