import { expect, it } from 'vitest';
import { MAX_ANNOTATIONS, parseAnnotationCopiesSliced } from '../../../server/protocol/annotation.ts';
import { runSliced } from '../../../server/runtime/concurrency.ts';
import { copiesOf, copyOf } from '../../support/annotation-copies.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const parse = (wire: unknown) => runSliced(parseAnnotationCopiesSliced(wire), new FakeClock());
const HOUR_MS = 3_600_000;

it('accepts copies of up to 24 h ahead and of any real age', async () => {
  const copies = [
    copyOf('a', 'r', { fromAgeMs: -24 * HOUR_MS, toAgeMs: -24 * HOUR_MS }),
    copyOf('b', 'r', { fromAgeMs: 365 * 24 * HOUR_MS }),
  ];
  expect(await parse(copiesOf(...copies))).toEqual(copies);
});

it.each(['fromAgeMs', 'toAgeMs', 'writtenAgeMs'])('refuses a copy whose %s is no possible time', async (field) => {
  for (const ageMs of [-25 * HOUR_MS, 1e308, Number.NaN, 'x']) {
    await expect(parse(copiesOf({ ...copyOf('a', 'r'), [field]: ageMs }))).rejects.toThrow();
  }
});

it.each([
  ['another format', { ...copiesOf(), format: 'goldpinger-ts/annotations/2' }],
  ['too many copies', copiesOf(...Array(MAX_ANNOTATIONS + 1).fill(copyOf('a', 'r')))],
  ['a copy that is no object', { ...copiesOf(), annotations: [[]] }],
  ['too many tags', copiesOf(copyOf('a', 'r', { tags: Array(11).fill('t') }))],
  ['an endless text', copiesOf(copyOf('a', 'r', { text: 'x'.repeat(501) }))],
])('refuses %s', async (_, wire) => {
  await expect(parse(wire)).rejects.toThrow();
});
