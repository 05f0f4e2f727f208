import { describe, expect, it } from 'vitest';
import { podOf, refusedSample, sampleOf, targetOf } from '../../support/samples.ts';
import { scene } from './scene.ts';

describe('the state of a link', () => {
  it('is reported once for each change, with the duration of the state before', async () => {
    const { clock, results, changes } = scene();
    const target = targetOf('1');
    results.setTargets([target]);
    results.record(target, sampleOf());
    await clock.advance(2_000);
    results.record(target, sampleOf());
    results.record(target, refusedSample());
    await clock.advance(3_000);
    results.record(target, refusedSample());
    results.record(target, sampleOf({ outcome: 'timeout', phase: 'connect', detail: 'timeout' }));
    await clock.advance(1_000);
    results.record(target, sampleOf());
    expect(changes.map(({ from, to, previousForMs }) => [from, to, previousForMs])).toEqual([
      ['unknown', 'ok', 0],
      ['ok', 'refused', 2_000],
      ['refused', 'timeout', 3_000],
      ['timeout', 'ok', 4_000],
    ]);
    expect(changes[1]!.sample.detail).toBe('connection refused');
  });

  it('is slow from the first slow sample on, whatever a suspect sample says, until a sample is clearly faster or fails', async () => {
    const { clock, results } = scene();
    const target = targetOf('1');
    results.setTargets([target]);
    const slowAfter = async (sample: ReturnType<typeof sampleOf>) => {
      await clock.advance(2_000);
      results.record(target, sample);
      return (await results.report([podOf('1')], 0)).slow;
    };
    expect(await slowAfter(sampleOf({ totalUs: 300 }))).toBeUndefined();
    expect(await slowAfter(sampleOf({ totalUs: 90_000 }))).toBeUndefined();
    expect(await slowAfter(sampleOf({ totalUs: 100_000 }))).toEqual([[0, 0]]);
    expect(await slowAfter(sampleOf({ totalUs: 90_000 }))).toEqual([[0, 2_000]]);
    expect(await slowAfter(sampleOf({ totalUs: 300, suspect: true }))).toEqual([[0, 4_000]]);
    expect(await slowAfter(sampleOf({ totalUs: 250_000 }))).toEqual([[0, 6_000]]);
    expect(await slowAfter(sampleOf({ totalUs: 300 }))).toBeUndefined();
    expect(await slowAfter(sampleOf({ totalUs: 250_000 }))).toEqual([[0, 0]]);
    expect(await slowAfter(refusedSample())).toBeUndefined();
  });

  it('is not changed by one or two suspect samples, neither to failed nor to slow nor back', () => {
    const { results, changeNames } = scene();
    const target = targetOf('1');
    const judged = () => results.current()[0]!.judged;
    results.setTargets([target]);
    results.record(target, sampleOf({ totalUs: 300 }));
    for (const sample of [refusedSample({ suspect: true }), sampleOf({ totalUs: 250_000, suspect: true })]) {
      results.record(target, sample);
      expect(judged()).toMatchObject({ outcome: 'ok', totalUs: 300 });
    }
    results.record(target, refusedSample());
    results.record(target, sampleOf({ suspect: true }));
    expect(judged()?.outcome).toBe('refused');
    expect(changeNames()).toEqual(['unknown>ok', 'ok>refused']);
  });

  it('is changed by the third suspect sample in a row', () => {
    const { results, changeNames } = scene();
    const target = targetOf('1');
    results.setTargets([target]);
    results.record(target, sampleOf());
    for (let i = 0; i < 3; i++) results.record(target, refusedSample({ suspect: true }));
    expect(changeNames()).toEqual(['unknown>ok', 'ok>refused']);
  });

  it('begins with an answer, even a suspect one, but not with a suspect failure', () => {
    const { results } = scene();
    results.setTargets([targetOf('1'), targetOf('2')]);
    results.record(targetOf('1'), sampleOf({ suspect: true }));
    results.record(targetOf('2'), refusedSample({ suspect: true }));
    expect(results.current().map(({ judged }) => judged?.outcome)).toEqual(['ok', undefined]);
  });
});
