import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  boundedArray,
  boundedRecord,
  boundedText,
  noneSkipped,
  readEach,
  validate,
} from '../../../server/protocol/validators.ts';
import { runToEnd } from '../../support/generator.ts';

const sources = ['server', 'web', 'deploy/local'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('protocol/validators.ts'))
    .map((name) => join(folder, name))
    .filter((path) => /from 'valibot'|import \* as v /.test(readFileSync(path, 'utf8'))),
);

it.each(sources)('%s uses schemas through `validate`, and lists and records with a limit only', (path) => {
  const text = readFileSync(path, 'utf8');
  expect(text).toMatch(/import \* as v from '.*\/validators\.ts'/);
  expect(text).not.toContain("from 'valibot'");
  // `v.is` stops at the first fault too.
  const unbounded = /\bv\.(parse|safeParse|parser|safeParser|assert|array|record|map|set|\w+WithRest|looseTuple)\b/g;
  expect(text.match(unbounded)).toBeNull();
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
    expect(() => validate(schema, wire)).toThrow(expect.objectContaining({ name: 'TypeError', message }));
  });

  it('with many faults costs only the first of them', () => {
    let looks = 0;
    const element = v.custom((value) => {
      looks += 1;
      return value === 1;
    });
    const list = boundedArray(element, 1_000);
    expect(() => validate(list, Array(1_000).fill(0))).toThrow(expect.objectContaining({ path: '0' }));
    expect(looks).toBe(1);
  });

  it('that is an object with many members is not copied, and its members are not looked at', () => {
    const record = boundedRecord(boundedText(3), boundedText(3), 2);
    expect(validate(record, { a: 'x', b: 'y' })).toEqual({ a: 'x', b: 'y' });
    const error = { path: '', fault: 'expected an object with at most 2 members' };
    expect(() => validate(record, { a: 'x', b: 'y', c: 5 })).toThrow(expect.objectContaining(error));
    expect(() => validate(record, { a: 'long' })).toThrow(expect.objectContaining({ path: 'a' }));
  });
});

it('invalid elements of a list are left out and counted, a few at a time', () => {
  const skipped = noneSkipped();
  const read = (element: unknown) => validate(v.number(), element);
  const { result, steps } = runToEnd(readEach([...Array(40).keys(), 'x', null, 40], read, skipped));
  expect([result.length, skipped.count, skipped.reason]).toEqual([41, 2, expect.stringContaining('"x"')]);
  expect(steps).toBeGreaterThan(2);
});
