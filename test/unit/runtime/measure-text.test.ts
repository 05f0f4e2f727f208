import { expect, test } from 'vitest';
import { durationText, latencyParts, latencyText } from '../../../server/runtime/measure-text.ts';

test.each([
  [0, '0.00 ms'],
  [560, '0.56 ms'],
  [994, '0.99 ms'],
  [996, '1.0 ms'],
  [1140, '1.1 ms'],
  [9940, '9.9 ms'],
  [9960, '10 ms'],
  [252_400, '252 ms'],
  [9_999_499, '9999 ms'],
  [10_040_000, '10.0 s'],
  [-1, '–'],
  [Number.NaN, '–'],
])('a latency of %d us reads %s', (us, text) => {
  expect(latencyText(us)).toBe(text);
});

test('figure and unit come apart for large type', () => {
  expect(latencyParts(252_000)).toEqual({ figure: '252', unit: 'ms' });
});

test.each([
  [-5, '0.0 s'],
  [840, '0.8 s'],
  [9_949, '9.9 s'],
  [9_960, '10 s'],
  [42_000, '42 s'],
  [59_600, '1 min'],
  [150_000, '2 min 30 s'],
  [3_600_000, '1 h'],
  [11_100_000, '3 h 5 min'],
  [187_200_000, '2 d 4 h'],
])('a span of %d ms reads %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
