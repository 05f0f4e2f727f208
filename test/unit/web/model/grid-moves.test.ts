import { expect, test } from 'vitest';
import { moved, nextWhere, worstNear } from '../../../../web/model/grid-moves.ts';
import { layoutHeatmap } from '../../../../web/model/heat-layout.ts';
import { codeOf } from '../../../../web/model/links.ts';
import { arrange } from '../../../../web/model/order.ts';
import { pictureOf } from '../pictures.ts';

const USUAL = { order: 'name', group: 'none', filter: '' } as const;

test.each([
  ['ArrowLeft', false, [1, 1], [0, 1]],
  ['ArrowLeft', false, [0, 1], [0, 1]],
  ['ArrowDown', false, [2, 2], [2, 2]],
  ['PageUp', false, [1, 2], [1, 0]],
  ['End', false, [1, 1], [2, 1]],
  ['Home', true, [1, 1], [0, 0]],
  ['End', true, [1, 1], [2, 2]],
  ['x', false, [1, 1], null],
] as const)('the key %s (with Ctrl: %s) leads from %j to %j of three columns and rows', (key, ctrl, from, to) => {
  const [column, row] = from;
  expect(moved({ column, row }, key, ctrl, 3)).toEqual(to === null ? null : { column: to[0], row: to[1] });
});

test.each([
  [0, 0, 0],
  [0, 3, 1],
  [3, 3, 0],
])(
  'after column %i of row %i the next cell of row 3 is in column %i, row by row and around the end',
  (column, row, next) => {
    expect(nextWhere(4, { column, row }, (place) => place.row === 3)).toEqual({ column: next, row: 3 });
    expect(nextWhere(4, { column, row }, () => false)).toBeNull();
  },
);

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
