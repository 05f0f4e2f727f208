import { expect, it } from 'vitest';
import { textOf } from '../../../server/runtime/errors.ts';

it('gives the message of anything that was thrown, on one line and bounded', () => {
  expect(textOf(new Error('one\ntwo\u0000three\u007f'))).toBe('one two three ');
  expect(textOf(new TypeError())).toBe('TypeError');
  expect(textOf('text')).toBe('text');
  expect(textOf(undefined)).toBe('undefined');
  expect(textOf('x'.repeat(1_000))).toHaveLength(300);
  expect(textOf('x'.repeat(1_000), 5)).toBe('xxxxx');
});
