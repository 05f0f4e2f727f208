import { expect, it } from 'vitest';
import { MAX_ANNOTATIONS, MAX_TOMBSTONES, parseAnnotationCopiesSliced } from '../../../server/protocol/annotation.ts';
import { parsedBy } from '../../support/generator.ts';
import { copiesOf, copyOf } from '../../support/peer-answers.ts';

const parse = (wire: unknown) => parsedBy(parseAnnotationCopiesSliced, wire);
const HOUR_MS = 3_600_000;
const good = copyOf('a', 'r');

it('accepts copies of up to 24 h ahead and of any real age', () => {
  const copies = [
    copyOf('a', 'r', { fromAgeMs: -24 * HOUR_MS, toAgeMs: -24 * HOUR_MS }),
    copyOf('b', 'r', { fromAgeMs: 365 * 24 * HOUR_MS }),
  ];
  expect(parse(copiesOf(...copies))).toEqual({ value: copies, skipped: 0 });
});

const impossible = ['fromAgeMs', 'toAgeMs', 'writtenAgeMs'].flatMap((field) =>
  [-25 * HOUR_MS, 1e308, Number.NaN, 'x'].map(
    (ageMs) => [`a ${field} of ${ageMs}`, { ...good, [field]: ageMs }] as [string, unknown],
  ),
);

it.each([
  ...impossible,
  ['no fields', []],
  ['too many tags', { ...good, tags: Array(11).fill('t') }],
  ['an endless text', { ...good, text: 'x'.repeat(501) }],
] satisfies [string, unknown][])('leaves out a copy with %s, and no other', (_, copy) => {
  expect(parse({ ...copiesOf(), annotations: [copy, good] })).toEqual({ value: [good], skipped: 1 });
});

it.each([
  ['another format', { ...copiesOf(), format: 'goldpinger-ts/annotations/2' }],
  ['too many copies', copiesOf(...Array(MAX_ANNOTATIONS + MAX_TOMBSTONES + 1).fill(good))],
])('refuses %s', (_, wire) => {
  expect(() => parse(wire)).toThrow();
});
