import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGoFloat, parseGoInt } from '../../../server/config/go-numbers.ts';
import { flag } from '../../../server/config/parse.ts';
import NUMBERS from '../../fixtures/go/numbers.json';

// Recorded with Go 1.26: text, ParseFloat, ParseInt, ParseBool, ParseDuration in ns; null = refused.
const RECORDED = NUMBERS as [string, string | null, string | null, string | null, string | null][];

describe('numbers as Go reads them', () => {
  it.each(RECORDED)('"%s" is %s to ParseFloat, %s to ParseInt, %s to ParseBool', (text, float, int, bool) => {
    const infinite = float === '+Inf' ? 'Infinity' : float === '-Inf' ? '-Infinity' : float;
    expect(parseGoFloat(text)).toBe(Number(infinite ?? 'NaN'));
    if (int === null) expect(parseGoInt(text)).toBeNaN();
    else expect(parseGoInt(text)).toBe(Number(int));
    if (bool === null) expect(() => flag(text)).toThrow(RangeError);
    else expect(flag(text)).toBe(bool === 'true');
  });

  it('every finite number is read from the text that JavaScript writes', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        // JavaScript writes -0 as 0.
        expect(parseGoFloat(String(value))).toBe(value + 0);
      }),
    );
  });

  it('a hexadecimal number is its digits times a power of 2', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 30), fc.integer({ min: -60, max: 60 }), fc.boolean(), (digits, exponent, isNegative) => {
        const text = `${isNegative ? '-' : ''}0x${digits.toString(16)}p${exponent}`;
        expect(parseGoFloat(text)).toBe((isNegative ? -digits : digits) * 2 ** exponent);
      }),
    );
  });

  it('no text makes them throw, and what ParseInt takes within 2^53 ParseFloat reads as the same number', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[+-]?[\d_xXeEpP.a-f]{0,40}$/)), (text) => {
        const int = parseGoInt(text);
        const float = parseGoFloat(text);
        // Only ParseFloat knows -0.
        if (Number.isSafeInteger(int)) expect(float + 0).toBe(int + 0);
      }),
    );
  });
});
