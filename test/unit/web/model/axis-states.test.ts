import { describe, expect, test } from 'vitest';
import { pack16 } from '../../../../server/protocol/links.ts';
import { axisStatesOf } from '../../../../web/model/axis-states.ts';
import { BY_SEVERITY, LINK_STATES, SEVERITY, stateAt } from '../../../../web/model/links.ts';
import type { Picture } from '../../../../web/model/mesh-view.ts';
import { pictureOf } from '../pictures.ts';

const names = (codes: Int8Array) => Array.from(codes, (code) => (code < 0 ? '-' : stateAt(code)));
const rowsOf = (picture: Picture) => names(axisStatesOf(picture).rows);
const columnsOf = (picture: Picture) => names(axisStatesOf(picture).columns);

/** `pods` pods of which all links are good but the given ones, [from, to]. */
function goodBut(pods: number, state: 'failed' | 'warning', pairs: [number, number][]): Picture {
  return pictureOf({ pods, scenario: 'healthy' }, ({ reports: rows }) => {
    for (const { links } of rows) links.totalUs.fill(300);
    for (const [from, to] of pairs) {
      const links = rows[from]!.links;
      if (state === 'failed') links.outcome[to] = 1;
      else links.totalUs[to] = pack16(50_000);
    }
  });
}

test.each([
  ['healthy', 5, '- - - - -', '- - - - -'],
  ['slow-pod', 4, '- - - slow', '- - - -'],
  ['dead-pod', 3, '- - failed', '- - unknown'],
  ['cut-off', 6, '- - - - - -', '- - - - - failed'],
  // The pod says itself that it is starved, and the links keep their states.
  ['starved', 5, '- - - - -', '- - - - -'],
] as const)('the states of %s with %i pods: rows %s, columns %s', (scenario, pods, rows, columns) => {
  const picture = pictureOf({ pods, scenario });
  expect([rowsOf(picture).join(' '), columnsOf(picture).join(' ')]).toEqual([rows, columns]);
});

test('a row is not marked by one voice among many pairs that nobody probes', () => {
  const picture = pictureOf({ pods: 40, scenario: 'dead-pod', pingNumber: 1 });
  const { rows } = axisStatesOf(picture);
  for (const { index, into } of picture.pods) if (into.probed < 2) expect(stateAt(rows[index])).not.toBe('failed');
});

test('a pod that nobody reaches and that reaches nobody is marked both ways', () => {
  const failed = Array.from({ length: 7 }, (_, other): [number, number][] => [
    [other, 7],
    [7, other],
  ]);
  const picture = goodBut(8, 'failed', failed.flat());
  expect(rowsOf(picture)).toEqual([...new Array(7).fill('-'), 'failed']);
  expect(columnsOf(picture)).toEqual([...new Array(7).fill('-'), 'failed']);
});

describe('the strips along the edges', () => {
  test('leave out what a marked row explains, so that one dead pod does not mark every column', () => {
    const { columnWorst, rowWorst } = axisStatesOf(pictureOf({ pods: 8, scenario: 'dead-pod' }));
    const fine = (codes: Int8Array) => names(codes).map((name) => name.replace('fair', 'good'));
    expect(fine(columnWorst)).toEqual([...new Array(7).fill('good'), 'unknown']);
    expect(fine(rowWorst)).toEqual([...new Array(7).fill('good'), 'failed']);
  });

  test('show one failed link in its row and in its column', () => {
    const picture = goodBut(30, 'failed', [[3, 7]]);
    const { rowWorst, columnWorst } = axisStatesOf(picture);
    expect(names(rowWorst).filter((name) => name === 'failed')).toHaveLength(1);
    expect(names(rowWorst)[7]).toBe('failed');
    expect(names(columnWorst)[3]).toBe('failed');
  });

  test.each([
    [2, 'good'],
    [3, 'warning'],
  ])('show %i late links among twenty as %s: more than a tenth counts', (late, state) => {
    const pairs = Array.from({ length: late }, (_, from): [number, number] => [from + 10, 7]);
    expect(names(axisStatesOf(goodBut(20, 'warning', pairs)).rowWorst)[7]).toBe(state);
  });

  test('count only links that are probed (PING_NUMBER)', () => {
    const { rowWorst, columnWorst } = axisStatesOf(pictureOf({ pods: 60, scenario: 'healthy', pingNumber: 4 }));
    for (const state of [...names(rowWorst), ...names(columnWorst)])
      expect(['good', 'fair', 'warning']).toContain(state);
  });
});

test('every state has a severity of its own, failed the highest, and the inverse table undoes it', () => {
  expect(new Set(SEVERITY).size).toBe(LINK_STATES.length);
  expect(stateAt(BY_SEVERITY.at(-1))).toBe('failed');
  for (const [code] of LINK_STATES.entries()) expect(BY_SEVERITY[SEVERITY[code]!]).toBe(code);
});
