import { readdirSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { boundedArray, boundedText, noneSkipped, readEach, validate } from '../../../server/protocol/validators.ts';
import { runToEnd } from '../../support/generator.ts';

const FOLDER = new URL('../../../server/protocol/', import.meta.url);
const sources = readdirSync(FOLDER).filter((name) => name !== 'validators.ts');

it.each(sources)('%s uses schemas through `validate`, and lists with a limit only', (name) => {
  const text = readFileSync(new URL(name, FOLDER), 'utf8');
  expect(text.match(/v\.(parse|safeParse|array)\(/g)).toBeNull();
});

describe('a value from another process', () => {
  const schema = v.object({ names: boundedArray(boundedText(3), 2) });

  it.each([
    ['names: expected a list of at most 2', { names: ['a', 'b', 'c'] }],
    ['names: expected a list of at most 2', { names: 'a' }],
    ['names.1: Invalid length: Expected <=3 but received 4', { names: ['a', 'long'] }],
    ['names.0: Invalid type: Expected string but received 5', { names: [5, 6] }],
    ['Invalid type: Expected Object but received null', null],
  ])('is refused: %s', (message, wire) => {
    expect(() => validate(schema, wire)).toThrow(new TypeError(message));
  });

  it('that is a long list is not looked at, and of many faults only the first is made', () => {
    let looks = 0;
    const looked = new Proxy([] as unknown[], {
      get: (list, key) => {
        if (key === 'length') return 1e6;
        looks += 1;
        return Reflect.get(list, key);
      },
    });
    expect(() => validate(schema, { names: looked })).toThrow(TypeError);
    expect(looks).toBe(0);
  });
});

it('invalid elements of a list are left out and counted, a few at a time', () => {
  const skipped = noneSkipped();
  const read = (element: unknown) => validate(v.number(), element);
  const { result, steps } = runToEnd(readEach([...Array(40).keys(), 'x', null, 40], read, skipped));
  expect([result.length, skipped.count, skipped.reason]).toEqual([41, 2, expect.stringContaining('"x"')]);
  expect(steps).toBeGreaterThan(2);
});
