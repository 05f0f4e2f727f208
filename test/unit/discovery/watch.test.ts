import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from '../../../server/discovery/watch.ts';

test('lines come out as they went in, however the bytes are cut', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replaceAll('\n', ' '));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (texts, sizes) => {
      const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
      const lines = new LineSplitter(1_000);
      const found: (string | null)[] = [];
      for (let from = 0, i = 0; from < bytes.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        found.push(...lines.push(bytes.subarray(from, from + size)));
        from += size;
      }
      expect(found).toEqual(texts);
      expect(lines.hasRest).toBe(false);
    }),
  );
});

test('a line that is too long is dropped, and costs no other line', () => {
  const lines = new LineSplitter(100);
  expect(lines.push(Buffer.from(`a\n${'x'.repeat(100)}`))).toEqual(['a']);
  expect(lines.push(Buffer.from('x'))).toEqual([]);
  expect(lines.hasRest).toBe(true);
  expect(lines.push(Buffer.from(`${'x'.repeat(500)}\nb\n`))).toEqual([null, 'b']);
  expect(lines.hasRest).toBe(false);
});

test('the limit holds for one line, not for all together', () => {
  const lines = new LineSplitter(10);
  expect(lines.push(Buffer.from('123456789\n'.repeat(50)))).toHaveLength(50);
});
