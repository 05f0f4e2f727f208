import { expect, test } from 'vitest';
import { DROP, linkMark } from '../../../../../web/model/marks.ts';
import { signOf } from '../../../../../web/views/heatmap/draw-cells.ts';

test('a cell has a drop if it only loses datagrams; a folded cell that also fails has the mark of its failure', () => {
  for (const state of ['good', 'fair', 'warning'] as const) expect(signOf(state, null, true)).toBe(DROP);
  expect(signOf('failed', 'timeout', true)).toBe(linkMark('failed', 'timeout'));
  expect(signOf('slow', null, true)).toBe(linkMark('slow'));
  expect(signOf('warning', null, false)).toBe(linkMark('warning'));
});
