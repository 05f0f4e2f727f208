import { describe, expect, test } from 'vitest';
import { axisStatesOf } from '../../../../web/model/axis-states.ts';
import { moved, nextInState, worstNear } from '../../../../web/model/grid-moves.ts';
import { layoutHeatmap } from '../../../../web/model/heat-layout.ts';
import { codeOf } from '../../../../web/model/links.ts';
import { arrange } from '../../../../web/model/order.ts';
import { worstLinks } from '../../../../web/model/worst-links.ts';
import { pictureOf } from '../heat-pictures.ts';

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

describe('the next link in a state', () => {
  const picture = pictureOf({ pods: 4, scenario: 'slow-pod' });
  const arrangement = arrange(picture, axisStatesOf(picture), USUAL);

  test('is found row by row and around the end', () => {
    const slow = codeOf('slow');
    expect(nextInState(picture, arrangement, { column: 0, row: 0 }, slow)).toEqual({ column: 0, row: 3 });
    expect(nextInState(picture, arrangement, { column: 0, row: 3 }, slow)).toEqual({ column: 1, row: 3 });
    expect(nextInState(picture, arrangement, { column: 3, row: 3 }, slow)).toEqual({ column: 0, row: 3 });
  });

  test('is none where there is none', () => {
    expect(nextInState(picture, arrangement, { column: 0, row: 0 }, codeOf('failed'))).toBeNull();
  });
});

test('a pointer finds the failed link among hundreds that share its pixels', () => {
  const picture = pictureOf({ pods: 300, scenario: 'healthy' });
  picture.state.fill(0);
  picture.state[150 * 300 + 151] = codeOf('failed');
  const arrangement = arrange(picture, axisStatesOf(picture), USUAL);
  const request = { width: 240, height: 240, dpr: 1, fullWidth: 50, shortWidth: 40, groupWidth: 40 };
  const layout = layoutHeatmap({ ...request, n: 300, groups: [], narrow: false, fit: true });
  expect(layout.shared).toBe(true);
  const position = (pod: number) => arrangement.positionOf[pod]!;
  const point = { x: layout.starts[position(150)]! + 0.2, y: layout.starts[position(151)]! + 0.2 };
  expect(worstNear(picture, arrangement, layout, point, 1.5)).toEqual({ column: position(150), row: position(151) });
});

test('the table lists failed links before slow ones, the slowest first, and no more than asked for', () => {
  const picture = pictureOf({ pods: 40, scenario: 'mixed' });
  const arrangement = arrange(picture, axisStatesOf(picture), USUAL);
  const worst = worstLinks(picture, arrangement, 500);
  expect(worst).toHaveLength(500);
  expect(picture.state[worst[0]!]).toBe(codeOf('failed'));
  const slow = worst.filter((pair) => picture.state[pair] === codeOf('slow')).map((pair) => picture.valueUs[pair]!);
  expect(slow).toEqual([...slow].sort((a, b) => b - a));
  const firstSlow = worst.findIndex((pair) => picture.state[pair] === codeOf('slow'));
  expect(worst.slice(firstSlow).every((pair) => picture.state[pair] !== codeOf('failed'))).toBe(true);
});
