import { describe, expect, test } from 'vitest';
import { moved, nextWhere, type Place, worstNear } from '../../../../web/model/grid-moves.ts';
import { layoutHeatmap } from '../../../../web/model/heat-layout.ts';
import { codeOf } from '../../../../web/model/links.ts';
import { arrange } from '../../../../web/model/order.ts';
import { pictureOf } from '../pictures.ts';

const USUAL = { order: 'name', group: 'none', filter: '' } as const;

describe('keys', () => {
  test('move by one cell and stop at the edges', () => {
    expect(moved({ column: 1, row: 1 }, 'ArrowLeft', false, 3)).toEqual({ column: 0, row: 1 });
    expect(moved({ column: 0, row: 1 }, 'ArrowLeft', false, 3)).toEqual({ column: 0, row: 1 });
    expect(moved({ column: 2, row: 2 }, 'ArrowDown', false, 3)).toEqual({ column: 2, row: 2 });
  });

  test('Home and End lead along the row, with Ctrl to the corners', () => {
    expect(moved({ column: 1, row: 1 }, 'End', false, 3)).toEqual({ column: 2, row: 1 });
    expect(moved({ column: 1, row: 1 }, 'Home', true, 3)).toEqual({ column: 0, row: 0 });
    expect(moved({ column: 1, row: 1 }, 'End', true, 3)).toEqual({ column: 2, row: 2 });
  });

  test('of other kinds move nothing', () => {
    expect(moved({ column: 1, row: 1 }, 'x', false, 3)).toBeNull();
  });
});

describe('the next cell that is wanted', () => {
  const inRow3 = ({ row }: Place) => row === 3;

  test('is found row by row and around the end', () => {
    expect(nextWhere(4, { column: 0, row: 0 }, inRow3)).toEqual({ column: 0, row: 3 });
    expect(nextWhere(4, { column: 0, row: 3 }, inRow3)).toEqual({ column: 1, row: 3 });
    expect(nextWhere(4, { column: 3, row: 3 }, inRow3)).toEqual({ column: 0, row: 3 });
  });

  test('is none where there is none', () => {
    expect(nextWhere(4, { column: 0, row: 0 }, () => false)).toBeNull();
  });
});

test('a pointer finds the failed link among hundreds that share its pixels', () => {
  const picture = pictureOf({ pods: 300, scenario: 'healthy' });
  picture.state.fill(0);
  picture.state[150 * 300 + 151] = codeOf('failed');
  const arrangement = arrange(picture, USUAL);
  const request = { width: 240, height: 240, dpr: 1, fullWidth: 50, shortWidth: 40, groupWidth: 40 };
  const layout = layoutHeatmap({ ...request, n: 300, groups: [], narrow: false, fit: true, names: 'auto' });
  expect(layout.shared).toBe(true);
  const position = (pod: number) => arrangement.positionOf[pod]!;
  const point = { x: layout.starts[position(150)]! + 0.2, y: layout.starts[position(151)]! + 0.2 };
  expect(worstNear(picture, arrangement, layout, point, 1.5)).toEqual({ column: position(150), row: position(151) });
});
