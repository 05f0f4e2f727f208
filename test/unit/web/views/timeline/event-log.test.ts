import { describe, expect, test } from 'vitest';
import { sortLines } from '../../../../../web/views/timeline/event-log.tsx';

/** As the server sends them: oldest first, those of the same time in causal order. */
const LINES = [
  { atMs: 1, kind: 'Pod', text: 'b is gone' },
  { atMs: 2, kind: 'Pod', text: 'a is gone' },
  { atMs: 2, kind: 'Pod', text: 'a is replaced by c' },
  { atMs: 2, kind: 'Link', text: 'c is new' },
] as const;

describe('the event log', () => {
  test('reads in causal order from the oldest on, and exactly backwards from the newest on', () => {
    const oldestFirst = sortLines(LINES, { column: 'time', up: true });
    expect(oldestFirst).toEqual(LINES);
    expect(sortLines(LINES, { column: 'time', up: false })).toEqual([...LINES].reverse());
  });

  test('sorts by another column, and then the newest first', () => {
    const texts = (up: boolean) => sortLines(LINES, { column: 'kind', up }).map(({ text }) => text);
    expect(texts(true)).toEqual(['c is new', 'a is replaced by c', 'a is gone', 'b is gone']);
    expect(texts(false)).toEqual(['a is replaced by c', 'a is gone', 'b is gone', 'c is new']);
  });
});
