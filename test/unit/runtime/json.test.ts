import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../../server/runtime/json.ts';
import { runToEnd } from '../../support/generator.ts';

const parse = (text: string, maxValues = 1e6) => runToEnd(parseJson(Buffer.from(text), { maxValues }));
const outcomeOf = (read: () => unknown) => {
  try {
    return { value: read() };
  } catch {
    return 'refused';
  }
};
/** Longer than a piece, so that what is around it is parsed in pieces. */
const LONG = '"x\\"[{,'.padEnd(40_000, 'é');

describe('JSON of another process', () => {
  it('is parsed as JSON.parse does, whatever its length', () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom(LONG, '', '__proto__', '\\', '"')),
        fc.array(tie('value'), { maxLength: 6 }),
        fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', LONG)), tie('value'), { maxKeys: 6 }),
      ),
    })).value;
    fc.assert(
      fc.property(value, fc.constantFrom(0, 1), (wire, indent) => {
        const text = JSON.stringify(wire, null, indent);
        expect(parse(text).result).toEqual(JSON.parse(text));
      }),
    );
  });

  it('is refused where JSON.parse refuses it', () => {
    const parts = fc.constantFrom('[', ']', '{', '}', ',', ':', '"a"', '1', ' ', `"${'x'.repeat(40_000)}"`, '"');
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (tokens) => {
        const text = tokens.join('');
        expect(outcomeOf(() => parse(text).result)).toEqual(outcomeOf(() => JSON.parse(text)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is parsed in pieces', () => {
    const text = JSON.stringify({ list: Array.from({ length: 50_000 }, (_, i) => [i]) });
    expect(parse(text).steps).toBeGreaterThan(2 * (text.length / 40_000));
  });

  it.each([
    ['values', `[${'[],'.repeat(200)}[]]`, /more than 100 values/],
    ['members', JSON.stringify(Object.fromEntries(Array.from({ length: 101 }, (_, i) => [i, 0]))), /100 values/],
    ['levels', `${'['.repeat(17)}${']'.repeat(17)}`, /16 levels/],
    ['levels that never end', '{"a":'.repeat(1_000), /16 levels/],
  ])('with too many %s is refused before it is parsed', (_, text, message) => {
    expect(() => parse(text, 100)).toThrow(message);
    expect(() => parse(text, 100)).toThrow(RangeError);
  });
});
