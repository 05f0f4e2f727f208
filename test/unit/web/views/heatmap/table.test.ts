import { describe, expect, test } from 'vitest';
import { axisStatesOf } from '../../../../../web/model/axis-states.ts';
import { shownLinks } from '../../../../../web/model/link-filter.ts';
import { codeOf, SEVERITY } from '../../../../../web/model/links.ts';
import { arrange } from '../../../../../web/model/order.ts';
import { sortedLinks } from '../../../../../web/views/heatmap/table.tsx';
import { pictureOf } from '../../heat-pictures.ts';

describe('the table of links', () => {
  const picture = pictureOf({ pods: 40, scenario: 'mixed' });
  const arrangement = arrange(picture, axisStatesOf(picture), { order: 'name', group: 'none', filter: '' });
  const rank = (pair: number) => SEVERITY[picture.state[pair]!]!;

  test('begins with the worst links, the slowest of a state first, and has no more rows than a page can show', () => {
    const worst = sortedLinks(picture, arrangement, 'state', false);
    expect(worst).toHaveLength(500);
    for (const [i, pair] of worst.entries()) expect(rank(pair)).toBeLessThanOrEqual(rank(worst[i - 1] ?? pair));
    const slow = worst.filter((pair) => picture.state[pair] === codeOf('slow')).map((pair) => picture.valueUs[pair]!);
    expect(slow).toEqual([...slow].sort((a, b) => b - a));
  });

  test('sorts by any column, in both directions', () => {
    const names = (column: 'from' | 'to', up: boolean) =>
      sortedLinks(picture, arrangement, column, up).map((pair) => {
        return picture.pods[column === 'from' ? Math.floor(pair / picture.n) : pair % picture.n]!.name;
      });
    const collator = new Intl.Collator('en', { numeric: true });
    for (const column of ['from', 'to'] as const) {
      expect(names(column, true)).toEqual(names(column, true).toSorted(collator.compare));
      expect(names(column, false)).toEqual(names(column, false).toSorted((a, b) => collator.compare(b, a)));
    }
    const measured = [...picture.valueUs].filter((us, pair) => us >= 0 && picture.state[pair] !== codeOf('failed'));
    const [slowest] = sortedLinks(picture, arrangement, 'latency', false);
    expect(picture.valueUs[slowest!]).toBe(Math.max(...measured));
    const byLatency = sortedLinks(shownLinks(picture, 'state:good'), arrangement, 'latency', true);
    expect(picture.valueUs[byLatency[0]!]).toBe(Math.min(...measured));
  });

  test('has only the links that the filter shows', () => {
    const failed = sortedLinks(shownLinks(picture, 'state:failed'), arrangement, 'from', true);
    expect(failed).toHaveLength(picture.counts.failed);
    expect(failed.every((pair) => picture.state[pair] === codeOf('failed'))).toBe(true);
  });
});
