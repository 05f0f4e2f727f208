import { describe, expect, test } from 'vitest';
import { podNamer } from '../../../../server/protocol/pod-names.ts';
import type { Round } from '../../../../server/protocol/rounds.ts';
import { roundSeries, roundWords } from '../../../../web/model/rounds.ts';

const round = (n: number, change: Partial<Round> = {}): Round => ({
  uid: `round-${n}`,
  name: 'goldpinger-slo',
  namespace: 'default',
  node: 'node-0',
  createdMs: n * 60_000,
  readyAfterMs: 2_000,
  goneMs: n * 60_000 + 40_000,
  state: 'ready',
  why: '',
  claimedBy: '',
  ...change,
});
const seriesOf = (rounds: readonly Round[]) => roundSeries(rounds, podNamer(rounds));
const failed = (n: number) => round(n, { state: 'failed', readyAfterMs: null, why: 'ImagePullBackOff' });

describe('rounds', () => {
  test('that are starting have the full height, because their time is not known yet', () => {
    const [series] = seriesOf([round(0), round(1, { state: 'starting', readyAfterMs: null })]);
    expect(series?.bars.map(({ share }) => share)).toEqual([1, 1]);
  });

  test('are one series for each name, with the trend of the times until the pod was ready; a failed one has the full height', () => {
    const [series, ...others] = seriesOf([round(0), round(1, { readyAfterMs: 4_000 }), failed(2)]);
    expect(others).toEqual([]);
    expect(series).toMatchObject({ name: 'goldpinger-slo', words: '3 rounds, 1 failed, ready after 2.0 s to 4.0 s' });
    expect(series?.bars.map(({ state, share, words }) => [state, share, words])).toEqual([
      ['ready', 0.5, 'ready after 2.0 s'],
      ['ready', 1, 'ready after 4.0 s'],
      ['failed', 1, 'failed: ImagePullBackOff'],
    ]);
  });

  test('are shown from the second one on, or if the first one failed: a single pod is no ongoing experiment', () => {
    expect(seriesOf([round(0)])).toEqual([]);
    expect(seriesOf([failed(0)])).toMatchObject([{ words: '1 round, 1 failed' }]);
    expect(seriesOf([round(0), round(1, { name: 'other' })])).toEqual([]);
  });

  test('of one name in two namespaces are two series, that say which namespace', () => {
    const inBoth = ['a', 'b'].flatMap((namespace) => [round(0, { namespace }), round(1, { namespace })]);
    expect(seriesOf(inBoth).map(({ name }) => name)).toEqual(['a/goldpinger-slo', 'b/goldpinger-slo']);
  });

  test('say who claims them if only one pod does', () => {
    const [series] = seriesOf([round(0), round(1, { claimedBy: 'liar' })]);
    expect(series?.bars.map(({ words }) => words)).toEqual(['ready after 2.0 s', 'ready after 2.0 s, only liar says']);
  });

  test('are the newest 40', () => {
    const [series] = seriesOf(Array.from({ length: 50 }, (_, n) => round(n)));
    expect([series?.bars.length, series?.bars[0]?.uid]).toEqual([40, 'round-10']);
    expect(series?.words).toBe('50 rounds, ready after 2.0 s');
  });

  test('hostile reasons and names cannot reorder the text', () => {
    const hostile = round(0, { state: 'starting', name: '\u202ex', why: '\u202ey' });
    expect(roundWords(hostile)).not.toContain('\u202e');
    expect(seriesOf([hostile, hostile])[0]?.name).not.toContain('\u202e');
  });
});
