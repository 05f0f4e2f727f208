import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeOf, isWorse, type LinkFigures } from '../../../../server/analysis/comparison/change.ts';
import { anyFigures, figuresOf } from '../../../support/report-scene.ts';

const SLOW_US = 100_000;

const fine = figuresOf(30, 0, 600);
const dead = figuresOf(30, 30, -1);
const slow = figuresOf(30, 0, 252_000);
/** A link whose pings are fine, that sent and lost so many datagrams. */
const lossy = (sent: number, lost: number) => figuresOf(30, 0, 600, sent, lost);

describe('what became of a link', () => {
  it.each([
    ['same', false, 'no difference', fine, fine],
    ['same', false, 'less than 0.5 ms', fine, figuresOf(30, 0, 900)],
    ['same', false, '2 ms, but less than a fifth', figuresOf(30, 0, 20_000), figuresOf(30, 0, 22_000)],
    ['slower', false, '0.6 ms and more than a fifth', fine, figuresOf(30, 0, 1200)],
    ['slower', false, 'not slow', fine, figuresOf(30, 0, 99_000)],
    ['slower', true, 'slow', fine, figuresOf(30, 0, 100_100)],
    ['slower', false, 'slow before, a little slower', figuresOf(30, 0, 100_100), figuresOf(30, 0, 150_000)],
    ['slower', true, 'slow before, twice as slow', figuresOf(30, 0, 100_096), figuresOf(30, 0, 201_000)],
    ['faster', false, 'slow before', slow, fine],
    ['fails-more', true, 'all probes fail', fine, dead],
    ['fails-more', true, 'one probe fails', fine, figuresOf(30, 1, 600)],
    ['still-fails', false, 'has always failed', dead, dead],
    ['still-fails', false, 'nearly twice as many fail', figuresOf(30, 10, 600), figuresOf(30, 19, 600)],
    ['fails-more', true, 'twice as many fail', figuresOf(30, 10, 600), figuresOf(30, 20, 600)],
    ['recovered', false, 'all failed before', dead, fine],
    ['slower', true, 'all failed before, slow now', dead, slow],
    ['slower', true, 'some failed before, slow now', figuresOf(30, 18, 600), slow],
    ['same', false, 'some failed before, as slow as before', figuresOf(30, 18, 252_000), slow],
    ['loses-more', true, 'datagrams are lost', lossy(100, 1), lossy(100, 12)],
    ['loses-more', true, 'no datagrams before', fine, lossy(100, 12)],
    ['loses-more', true, 'failed before, and loses now', figuresOf(30, 30, -1, 100, 0), lossy(100, 12)],
    ['fails-more', true, 'loses and fails', lossy(100, 0), figuresOf(30, 3, 600, 100, 12)],
    ['slower', true, 'loses and is slow', lossy(100, 0), figuresOf(30, 0, 252_000, 100, 12)],
    ['same', false, 'loses too few to tell', lossy(100, 0), lossy(20, 2)],
    ['same', false, 'loses less than 2 %', lossy(1000, 0), lossy(1000, 19)],
    ['same', false, 'loses nearly twice as many', lossy(100, 10), lossy(100, 19)],
    ['same', false, 'loses none any more', lossy(100, 12), lossy(100, 0)],
    ['same', false, 'failed before, loses as before', figuresOf(30, 10, 600, 100, 10), lossy(100, 12)],
    ['new', false, 'no sample before', null, fine],
    ['new-bad', true, 'no sample before, and it loses datagrams', null, lossy(100, 12)],
    ['new-bad', true, 'no sample before, and it fails', null, figuresOf(30, 1, 600)],
    ['new-bad', true, 'no sample before, and it is slow', null, slow],
    ['gone', false, 'no sample during', fine, null],
    ['unknown', false, 'a sample in neither', null, null],
  ] as const)('is "%s", affected: %s: %s', (change, affected, _title, before, during) => {
    expect(changeOf(before, during, SLOW_US, false)).toBe(change);
    expect(during !== null && isWorse(before, during, SLOW_US)).toBe(affected);
  });

  it.each([
    [null, dead],
    [fine, null],
  ])('is not known if the source did not report in the range without a sample: %j, then %j', (before, during) => {
    expect(changeOf(before, during, SLOW_US, true)).toBe('unknown');
  });

  it('is not worse in both directions unless failures differ', () => {
    fc.assert(
      fc.property(anyFigures, anyFigures, (a, b) => {
        const [calm, other] = [a, b].map((one) => ({ ...one, failures: 0 })) as [LinkFigures, LinkFigures];
        expect(isWorse(calm, other, SLOW_US) && isWorse(other, calm, SLOW_US)).toBe(false);
      }),
    );
  });

  it('agrees with "became worse": an affected link fails, or is slower', () => {
    fc.assert(
      fc.property(anyFigures, anyFigures, fc.integer({ min: 1, max: 400_000 }), (before, during, slowUs) => {
        if (!isWorse(before, during, slowUs)) return;
        expect(['slower', 'still-fails', 'fails-more']).toContain(changeOf(before, during, slowUs, false));
      }),
    );
  });
});
