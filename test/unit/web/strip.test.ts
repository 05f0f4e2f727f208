import { expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../../server/protocol/link-state.ts';
import { keptLines, prettyJson } from '../../../web/app/text-view.tsx';
import { buildPicture } from '../../../web/model/mesh-view.ts';
import { STRIP_MS, type StripPoint, withPicture } from '../../../web/model/timeline.ts';
import { meshOf } from '../../support/feed/scenarios.ts';

const picture = buildPicture(meshOf({ pods: 2, scenario: 'dead-pod' }), {
  thresholds: DEFAULT_THRESHOLDS,
  value: 'last',
  phase: 'total',
});
const at = (atMs: number) => ({ ...picture, mesh: { ...picture.mesh, atMs } });

test('the history grows by one point a picture, and not by the same picture twice', () => {
  const one = withPicture([], at(1_000_000));
  expect(one).toEqual([{ atMs: 1_000_000, failed: 1, slow: 0 }]);
  expect(withPicture(one, at(1_000_000))).toBe(one);
  expect(withPicture(one, at(1_001_000))).toHaveLength(2);
});

test('it is bounded in time and in number', () => {
  let points: readonly StripPoint[] = [];
  for (let i = 0; i < 1500; i++) points = withPicture(points, at(1_000_000 + i * 500));
  expect(points.length).toBeLessThanOrEqual(1200);
  expect(withPicture(points, at(1_000_000 + 2 * STRIP_MS))).toHaveLength(1);
});

test('a pod whose clock is behind begins a new history', () => {
  expect(withPicture([{ atMs: 1_000_000, failed: 0, slow: 0 }], at(900_000))).toHaveLength(1);
});

test('raw answers: JSON becomes readable, the rest stays; lines are kept by what they contain', () => {
  expect(prettyJson('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
  expect(prettyJson('{"a":')).toBe('{"a":');
  expect(prettyJson('# HELP x')).toBe('# HELP x');
  expect(keptLines('One\ntwo\nthree\n', 'O')).toEqual({ text: 'One\ntwo', lines: 2, all: 3 });
  expect(keptLines('', '')).toEqual({ text: '', lines: 0, all: 0 });
});
