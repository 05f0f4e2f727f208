import { describe, expect, it } from 'vitest';
import { flag, parseGoFloat, parseGoInt } from '../../../server/config/parse.ts';
import NUMBERS from '../../fixtures/go/numbers.json';

// Recorded with Go 1.26: text, ParseFloat, ParseInt, ParseBool, ParseDuration in ns; null = refused. Go also reads hexadecimal
// numbers, underscores, and words for infinity.
const RECORDED = NUMBERS as [string, string | null, string | null, string | null, string | null][];
const DECIMAL = RECORDED.filter(([text]) => !/[_x]|inf/i.test(text));

describe('numbers as Go reads them', () => {
  it.each(DECIMAL)('"%s" is %s to ParseFloat, %s to ParseInt, %s to ParseBool', (text, float, int, bool) => {
    // Beyond the largest number of Go, a setting is out of range anyway.
    if (Number.isFinite(Number(text)) || float !== null) expect(parseGoFloat(text)).toBe(Number(float ?? 'NaN'));
    if (Math.abs(Number(text)) < 2 ** 63) expect(parseGoInt(text) + 0).toBe(Number(int ?? 'NaN'));
    if (bool === null) expect(() => flag(text)).toThrow(RangeError);
    else expect(flag(text)).toBe(bool === 'true');
  });
});
