import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDurationMs, parseDurationMs, parseGoDurationMs } from '../../../server/runtime/duration.ts';
import NUMBERS from '../../fixtures/go/numbers.json';

describe("durations in Go's notation", () => {
  // Recorded with Go 1.26: text, ParseFloat, ParseInt, ParseBool, ParseDuration in ns; null = refused.
  it.each(NUMBERS)('"%s" as time.ParseDuration reads it', (text, _float, _int, _bool, ns) => {
    const ms = parseGoDurationMs(String(text));
    if (ns === null) expect(ms).toBeNaN();
    else expect(Math.abs(ms - Number(ns) / 1e6)).toBeLessThanOrEqual(1e-6 + Math.abs(ms) * 1e-12);
  });

  it.each([
    ['1.1h', 3_960_000],
    ['2.2h', 7_920_000],
    ['4.6h', 16_560_000],
    ['0.0000011s', 0.0011],
  ])('%s has whole nanoseconds: %f ms', (text, ms) => {
    expect(parseGoDurationMs(text)).toBe(ms);
  });

  it('takes a longer one only where it is asked to', () => {
    expect(() => parseDurationMs('25h')).toThrow('expected at most 24h');
    expect(parseDurationMs('25h', 48 * 3_600_000)).toBe(25 * 3_600_000);
    expect(() => parseDurationMs('49h', 48 * 3_600_000)).toThrow('expected at most 48h');
  });

  it('never throws another error, and never returns a negative number', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[+-]?([\d.]{0,12}(ns|us|ms|s|m|h|x)?){0,3}$/), (text) => {
        const ms = parseGoDurationMs(text);
        if (ms >= 0 && ms <= 24 * 3_600_000) expect(parseDurationMs(text)).toBe(ms);
        else expect(() => parseDurationMs(text)).toThrow(RangeError);
      }),
    );
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 24 * 3_600_000 }), (ms) => {
        expect(parseDurationMs(formatDurationMs(ms))).toBeCloseTo(ms, 6);
      }),
    );
  });
});
