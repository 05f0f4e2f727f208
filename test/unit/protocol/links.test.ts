import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  decodeStats,
  emptyStats,
  encodeColumns,
  MAX16,
  NONE16,
  pack16,
  readBase64,
  toBase64,
  UNSENT,
  unpack16,
} from '../../../server/protocol/links.ts';

describe('durations in 16 bits', () => {
  it('keeps whole numbers below 8192 exactly, is off by at most 1 in 8192 above, and never goes down as the duration goes up', () => {
    for (let n = 0; n < 8192; n++) expect(unpack16(pack16(n))).toBe(n);
    fc.assert(
      fc.property(fc.double({ min: 4096, max: MAX16, noNaN: true }), (duration) => {
        expect(Math.abs(unpack16(pack16(duration)) - duration)).toBeLessThanOrEqual(0.5 + duration / 8192);
        expect(pack16(duration * 1.001)).toBeGreaterThanOrEqual(pack16(duration));
      }),
    );
  });

  it('packs negative numbers and NaN as NONE16, and durations that are too long as the largest', () => {
    for (const nothing of [-1, Number.NaN, Number.NEGATIVE_INFINITY]) expect(pack16(nothing)).toBe(NONE16);
    expect(unpack16(NONE16)).toBe(-1);
    expect(pack16(Number.POSITIVE_INFINITY)).toBe(pack16(MAX16));
    expect(unpack16(pack16(MAX16))).toBe(MAX16);
  });

  const back = (text: string, length: number) => {
    const bytes = new Uint8Array(length);
    readBase64(text, bytes);
    return bytes;
  };

  it('survives base64 and refuses other lengths', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => {
        expect(back(toBase64(bytes), bytes.length)).toEqual(bytes);
        expect(() => back(toBase64(bytes), bytes.length + 1)).toThrow(RangeError);
        if (bytes.length > 0) expect(() => back(toBase64(bytes), bytes.length - 1)).toThrow(RangeError);
      }),
    );
    for (const text of ['***', '****', 'AA=A', 'A===']) expect(() => back(text, 2)).toThrow(RangeError);
  });

  it('is decoded in a browser too, which has no Buffer', () => {
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i * 7);
    const text = toBase64(bytes);
    vi.stubGlobal('Buffer', undefined);
    onTestFinished(() => void vi.unstubAllGlobals());
    expect(back(text, 1000)).toEqual(bytes);
    expect(() => back('****', 3)).toThrow(RangeError);
  });
});

it('statistics may lack the columns that a stream leaves out, and no other', () => {
  const stats = emptyStats(2);
  stats.samples.fill(7);
  for (const column of [stats.minUs, stats.connectP50Us, stats.firstByteP50Us]) column.fill(NONE16);
  expect(decodeStats(encodeColumns(stats, UNSENT), 2)).toEqual(stats);
  expect(() => decodeStats(encodeColumns(stats, new Set(['samples'])), 2)).toThrow('no column samples');
});
