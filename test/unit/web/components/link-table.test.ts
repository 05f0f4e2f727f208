import { describe, expect, test } from 'vitest';
import { sortedLinks, withNewLinks } from '../../../../web/components/link-table.tsx';
import { shownLinks, shownPairs } from '../../../../web/model/link-filter.ts';
import { codeOf, SEVERITY } from '../../../../web/model/links.ts';
import { arrange } from '../../../../web/model/order.ts';
import { pictureOf } from '../pictures.ts';

describe('the table of links', () => {
  const picture = pictureOf({ pods: 40, scenario: 'mixed' });
  const arrangement = arrange(picture, { order: 'name', group: 'none', filter: '' });
  const sorted = (column: 'from' | 'to' | 'state' | 'latency', up: boolean, filter = '') =>
    sortedLinks(picture, shownPairs(shownLinks(picture, filter), arrangement.pods), { column, up });
  const rank = (pair: number) => SEVERITY[picture.state[pair]!]!;

  test('begins with the worst links, the slowest of a state first, and has no more rows than a page can show', () => {
    const worst = sorted('state', false);
    expect(worst).toHaveLength(500);
    for (const [i, pair] of worst.entries()) expect(rank(pair)).toBeLessThanOrEqual(rank(worst[i - 1] ?? pair));
    const slow = worst.filter((pair) => picture.state[pair] === codeOf('slow')).map((pair) => picture.valueUs[pair]!);
    expect(slow).toEqual([...slow].sort((a, b) => b - a));
  });

  test('sorts by any column, in both directions', () => {
    const names = (column: 'from' | 'to', up: boolean) =>
      sorted(column, up).map((pair) => {
        return picture.pods[column === 'from' ? Math.floor(pair / picture.n) : pair % picture.n]!.name;
      });
    const collator = new Intl.Collator('en', { numeric: true });
    for (const column of ['from', 'to'] as const) {
      expect(names(column, true)).toEqual(names(column, true).toSorted(collator.compare));
      expect(names(column, false)).toEqual(names(column, false).toSorted((a, b) => collator.compare(b, a)));
    }
    const measured = [...picture.valueUs].filter((us, pair) => us >= 0 && picture.state[pair] !== codeOf('failed'));
    const [slowest] = sorted('latency', false);
    expect(picture.valueUs[slowest!]).toBe(Math.max(...measured));
    const byLatency = sorted('latency', true, 'state:good');
    expect(picture.valueUs[byLatency[0]!]).toBe(Math.min(...measured));
  });

  test('keeps its order while links come and go, and puts new ones last', () => {
    const rows = withNewLinks(picture, [7, 3, 9], [1, 9, 3, 5], [1, 3, 5, 9]);
    expect(rows).toEqual([3, 9, 1, 5]);
    expect(withNewLinks(picture, rows, [5, 9, 3, 1], [1, 3, 5, 9])).toEqual(rows);
  });

  test('shows a new failure even if it is full, and then stays as it is', () => {
    const { n } = picture;
    const all = Uint32Array.from({ length: n * n }, (_, pair) => pair);
    const of = (state: 'good' | 'failed') => [...all].filter((pair) => picture.state[pair] === codeOf(state));
    const kept = [...of('failed').slice(1, 3), ...of('good').slice(0, 498)];
    const best = sorted('state', false);
    const rows = withNewLinks(picture, kept, best, all);
    expect(rows).toHaveLength(500);
    expect(of('failed').filter((pair) => best.includes(pair) && !rows.includes(pair))).toEqual([]);
    const [stayed, added] = [kept.filter((pair) => rows.includes(pair)), rows.filter((pair) => !kept.includes(pair))];
    expect(rows).toEqual([...stayed, ...added]);
    expect(withNewLinks(picture, rows, best, all)).toEqual(rows);
  });

  test('has only the links that the filter shows', () => {
    const failed = sorted('from', true, 'state:failed');
    expect(failed).toHaveLength(picture.counts.failed);
    expect(failed.every((pair) => picture.state[pair] === codeOf('failed'))).toBe(true);
  });
});
