import { describe, expect, it } from 'vitest';
import { podOf, refusedSample, sampleOf, targetOf } from './sample.ts';
import { scene } from './store-scene.ts';

describe('the state of a link', () => {
  it('is told once for each change, with how long it was otherwise', async () => {
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

  it('is told to be slow since the first slow probe, whatever a starved one says, until one is clearly faster or fails', async () => {
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

  it('is not turned by one starved sample, nor by two, neither to failed nor to slow nor back', () => {
    const { results, said } = scene();
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
    expect(said()).toEqual(['unknown>ok', 'ok>refused']);
  });

  it('is that of the third starved sample in a report', () => {
    const { results, said } = scene();
    const target = targetOf('1');
    results.setTargets([target]);
    results.record(target, sampleOf());
    for (let i = 0; i < 3; i++) results.record(target, refusedSample({ suspect: true }));
    expect(said()).toEqual(['unknown>ok', 'ok>refused']);
  });

  it('begins with an answer, even a starved one, but not with a starved failure', () => {
    const { results } = scene();
    results.setTargets([targetOf('1'), targetOf('2')]);
    results.record(targetOf('1'), sampleOf({ suspect: true }));
    results.record(targetOf('2'), refusedSample({ suspect: true }));
    expect(results.current().map(({ judged }) => judged?.outcome)).toEqual(['ok', undefined]);
  });
});
