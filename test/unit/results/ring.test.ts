import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SAMPLE_RECORD } from '../../../server/protocol/stored-results.ts';
import type { History, LinkRecord } from '../../../server/results/history.ts';
import { RecordRing } from '../../../server/results/ring.ts';
import { sampleOf } from '../../support/samples.ts';
import { historyWith } from './scene.ts';

const FOUR_MIB = 4 * 1024 * 1024;

it('a ring holds the newest records, whatever its length is and becomes, and says until when it has lost others', () => {
  const length = fc.integer({ min: 1, max: 9 });
  const step = fc.record({ add: fc.nat(7), resize: fc.option(length) });
  fc.assert(
    fc.property(length, fc.array(step, { maxLength: 30 }), (first, steps) => {
      const ring = new RecordRing(SAMPLE_RECORD, first, -7);
      let [time, most, kept] = [0, first, [] as number[]];
      const keep = () => {
        kept = kept.slice(-most);
      };
      for (const { add, resize } of steps) {
        for (let i = 0; i < add; i++) {
          ring.add({ atMs: ++time, code: 0, connect16: time, firstByte16: 0, total16: 0 });
          kept.push(time);
          keep();
        }
        if (resize !== null) ring.resize(resize);
        most = resize ?? most;
        keep();
        const fromMs = time - 5;
        const found = ring.results(fromMs, time - 1).map(({ atMs, connect16 }) => [atMs, connect16]);
        expect(found.reverse()).toEqual(kept.filter((at) => at >= fromMs && at < time).map((at) => [at, at]));
        expect(ring.droppedUntilMs).toBe(kept.length === time ? -7 : time - kept.length);
      }
    }),
  );
});

describe('the recent samples of all links', () => {
  const historyOf = (links: number, sampleBytes = FOUR_MIB) => {
    const history = historyWith({ sampleBytes, bucketBytes: 1 });
    return { history, records: Array.from({ length: links }, () => history.newRecord()) };
  };
  const timesOf = (history: History, record: LinkRecord) => history.recentSamples(record).map(({ atMs }) => atMs);

  it.each([
    [3, 512],
    [512, 512],
    [1000, 273],
    [30_000, 8],
    [65_535, 4],
  ])('of %i links take at most 4 MiB, with %i samples each', (links, length) => {
    const { history } = historyOf(links);
    expect(history.bytes).toBeLessThanOrEqual(FOUR_MIB);
    expect(history.samplesPerLink).toBe(length);
  });

  it('are fewer while there are many links, and more again when links leave, and always the newest', () => {
    const { history, records } = historyOf(1, 20_000);
    const [record] = records;
    const before = history.samplesPerLink;
    for (let i = 0; i < 100; i++) history.add(record!, i, sampleOf());
    const others = Array.from({ length: 500 }, () => history.newRecord());
    expect(history.samplesPerLink).toBeLessThan(5);
    expect(timesOf(history, record!)).toEqual([98, 99]);
    expect(history.droppedUntilMs(record!)).toBe(97);
    for (const other of others) history.dropSamples(other);
    expect(history.samplesPerLink).toBe(before);
    history.add(record!, 100, sampleOf());
    expect(timesOf(history, record!)).toEqual([98, 99, 100]);
    history.dropSamples(record!);
    expect([timesOf(history, record!), history.droppedUntilMs(record!)]).toEqual([[], Number.POSITIVE_INFINITY]);
  });
});
