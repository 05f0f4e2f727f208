import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_PING_BYTES, parsePing } from '../../../server/protocol/sample.ts';

const isObject = (body: string) => {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
};

describe('a /ping answer', () => {
  it.each([
    ['{"boot_time":"2026-11-22T14:39:48.013Z"}', Date.UTC(2026, 10, 22, 14, 39, 48, 13)],
    ['{"boot_time":"2026-11-22T14:39:48.123456789+02:00"}', Date.UTC(2026, 10, 22, 12, 39, 48, 123)],
    ['{}', -1],
    ['{"boot_time":null}', -1],
    ['{"boot_time":""}', -1],
    [' {"x":[{}],"boot_time":"2024-02-29T00:00:00Z","y":null}\n', Date.UTC(2024, 1, 29)],
  ])('%s gives its boot time', (body, bootTimeMs) => {
    expect(parsePing(body)).toEqual({ ok: true, bootTimeMs });
  });

  it.each([
    ['', 'an empty answer'],
    ['<html>', 'not JSON'],
    ['null', 'JSON of another kind'],
    ['[]', 'JSON of another kind'],
    ['{"boot_time":1795358388013}', 'JSON of another kind'],
    ['{"boot_time":"yesterday"}', 'boot_time is not an RFC 3339 time'],
    ['{"boot_time":"0001-01-01T00:00:00.000Z"}', 'boot_time is not an RFC 3339 time'],
    [`{"boot_time":"${'2'.repeat(50)}"}`, 'JSON of another kind'],
    [' '.repeat(MAX_PING_BYTES + 1), `more than ${MAX_PING_BYTES} bytes`],
  ])('%.60s is an error in words', (body, error) => {
    expect(parsePing(body)).toEqual({ ok: false, error });
  });

  it('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        expect(parsePing(body)).toEqual(
          isObject(body) ? { ok: true, bootTimeMs: -1 } : { ok: false, error: expect.any(String) },
        );
      }),
    );
  });
});
