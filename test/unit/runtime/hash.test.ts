import { expect, it } from 'vitest';
import { hash32 } from '../../../server/runtime/hash.ts';

it('the hash of texts is that of the joined text, and the same in every version: pods of two versions choose alike', () => {
  expect(['', 'uid-1', 'uid-2'].map((text) => hash32(text))).toEqual([2_872_998_923, 1_323_438_520, 1_152_089_186]);
  expect(hash32('uid-1', '\n', 'uid-2')).toBe(3_198_540_751);
  expect(hash32('uid-1\nuid-2')).toBe(3_198_540_751);
});
