import { expect, it } from 'vitest';
import { copyOf, start } from './annotation-scene.ts';

it('a write that was overtaken by a later one while its pod looked for the annotation changes nothing', async () => {
  const { clock, book } = start();
  book.take([copyOf('a', 'later', { generation: 2, writtenAgeMs: 0 })]);
  await clock.advance(2_000);
  const times = { fromAgeMs: 60_000, toAgeMs: null };
  const draft = { id: 'a', revision: 'earlier', text: 'earlier', tags: [], deleted: false, ...times };
  book.write({ ...draft, writtenAgeMs: 3_000 });
  expect(book.get('a')?.text).toBe('a later');
  book.write({ ...draft, writtenAgeMs: 0 });
  expect(book.get('a')?.text).toBe('earlier');
});
