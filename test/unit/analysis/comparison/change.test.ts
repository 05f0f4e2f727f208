import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeOf, changeUs, isWorse } from '../../../../server/analysis/comparison/change.ts';
import { anyFigures, figuresOf } from '../../../support/report-scene.ts';

const SLOW_US = 100_000;

describe('whether a link became worse', () => {
  it.each([
    ['fails now and did not before', figuresOf(10, 0, 500), figuresOf(10, 1, 500), true],
    ['fails as often as before', figuresOf(10, 3, 500), figuresOf(10, 3, 500), false],
    ['fails nearly twice as often', figuresOf(10, 3, 500), figuresOf(10, 5, 500), false],
    ['fails twice as often', figuresOf(10, 3, 500), figuresOf(10, 6, 500), true],
    ['has always failed', figuresOf(10, 10, 0), figuresOf(10, 10, 0), false],
    ['became slow', figuresOf(10, 0, 600), figuresOf(10, 0, 100_100), true],
    ['is slower, but not slow', figuresOf(10, 0, 600), figuresOf(10, 0, 99_000), false],
    ['was slow and is a little slower', figuresOf(10, 0, 100_100), figuresOf(10, 0, 150_000), false],
    ['was slow and is twice as slow', figuresOf(10, 0, 100_096), figuresOf(10, 0, 201_000), true],
    ['failed before and is slow now', figuresOf(10, 10, 0), figuresOf(10, 0, 250_000), true],
    ['was not known and fails', null, figuresOf(10, 1, 500), true],
    ['loses datagrams', figuresOf(10, 0, 500, 100, 1), figuresOf(10, 0, 500, 100, 12), true],
    ['loses too few to tell', figuresOf(10, 0, 500, 100, 0), figuresOf(10, 0, 500, 20, 2), false],
    ['loses less than 2 %', figuresOf(10, 0, 500, 1000, 0), figuresOf(10, 0, 500, 1000, 19), false],
    ['loses nearly twice as many', figuresOf(10, 0, 500, 100, 10), figuresOf(10, 0, 500, 100, 19), false],
    ['sent no datagrams before and loses some', figuresOf(10, 0, 500), figuresOf(10, 0, 500, 100, 12), true],
    ['was not known and loses datagrams', null, figuresOf(10, 0, 500, 100, 12), true],
    ['loses none any more', figuresOf(10, 0, 500, 100, 12), figuresOf(10, 0, 500, 100, 0), false],
    ['was not known and is well', null, figuresOf(10, 0, 500), false],
  ])('%s', (_title, before, during, expected) => {
    expect(isWorse(before, during, SLOW_US)).toBe(expected);
  });

  it('never holds for a link that did the same, nor in both directions between two latencies', () => {
    fc.assert(
      fc.property(anyFigures, anyFigures, (a, b) => {
        expect(isWorse(a, a, SLOW_US)).toBe(false);
        // A link may fail more and be faster. Then it is worse in both directions, so failures are left out.
        const [calm, other] = [
          { ...a, failures: 0 },
          { ...b, failures: 0 },
        ];
        expect(isWorse(calm, other, SLOW_US) && isWorse(other, calm, SLOW_US)).toBe(false);
      }),
    );
  });
});

describe('what became of a link', () => {
  const fine = figuresOf(30, 0, 600);

  it.each([
    ['same', 'no difference', fine, fine],
    ['same', 'less than 0.5 ms', fine, figuresOf(30, 0, 900)],
    ['slower', '0.6 ms and more than a fifth', fine, figuresOf(30, 0, 1200)],
    ['faster', 'slow before', figuresOf(30, 0, 252_000), fine],
    ['same', '2 ms, but less than a fifth', figuresOf(30, 0, 20_000), figuresOf(30, 0, 22_000)],
    ['fails-more', 'all probes fail', fine, figuresOf(30, 30, -1)],
    ['fails-more', 'one probe fails', fine, figuresOf(30, 1, 600)],
    ['still-fails', 'a few more fail', figuresOf(30, 10, 600), figuresOf(30, 12, 600)],
    ['fails-more', 'twice as many fail', figuresOf(30, 10, 600), figuresOf(30, 20, 600)],
    ['recovered', 'all failed before', figuresOf(30, 30, -1), fine],
    ['slower', 'all failed before, slow now', figuresOf(30, 30, -1), figuresOf(30, 0, 252_000)],
    ['slower', 'some failed before, slow now', figuresOf(30, 18, 600), figuresOf(30, 0, 252_000)],
    ['same', 'some failed before, as slow as before', figuresOf(30, 18, 252_000), figuresOf(30, 0, 252_100)],
    ['loses-more', 'datagrams are lost', figuresOf(30, 0, 600, 100, 0), figuresOf(30, 0, 600, 100, 12)],
    ['loses-more', 'failed before, and loses now', figuresOf(30, 30, -1, 100, 0), figuresOf(30, 0, 600, 100, 12)],
    ['fails-more', 'loses and fails', figuresOf(30, 0, 600, 100, 0), figuresOf(30, 3, 600, 100, 12)],
    ['slower', 'loses and is slow', figuresOf(30, 0, 600, 100, 0), figuresOf(30, 0, 252_000, 100, 12)],
    ['same', 'loses as many as before', figuresOf(30, 0, 600, 100, 12), figuresOf(30, 0, 600, 100, 13)],
    ['new-bad', 'no sample before, and it loses datagrams', null, figuresOf(30, 0, 600, 100, 12)],
    ['new', 'no sample before', null, fine],
    ['new-bad', 'no sample before, and it fails', null, figuresOf(30, 1, 600)],
    ['new-bad', 'no sample before, and it is slow', null, figuresOf(30, 0, 252_000)],
    ['gone', 'no sample during', fine, null],
    [
      'same',
      'failed before, loses datagrams as before',
      figuresOf(30, 10, 500, 100, 10),
      figuresOf(30, 0, 500, 100, 12),
    ],
    ['unknown', 'a sample in neither', null, null],
  ] as const)('is "%s": %s', (change, _title, before, during) => {
    expect(changeOf(before, during, SLOW_US, false)).toBe(change);
  });

  it.each([
    [null, figuresOf(30, 30, -1)],
    [fine, null],
  ])('is not known if the source did not report in the range without a sample: %j, then %j', (before, during) => {
    expect(changeOf(before, during, SLOW_US, true)).toBe('unknown');
  });

  it('is nothing new for a link that did the same', () => {
    fc.assert(
      fc.property(anyFigures, (one) => {
        expect(['same', 'still-fails']).toContain(changeOf(one, one, SLOW_US, false));
        expect(changeUs(one, one)).toBe(0);
      }),
    );
  });

  it('has the opposite sign the other way round', () => {
    fc.assert(fc.property(anyFigures, anyFigures, (a, b) => changeUs(a, b) + changeUs(b, a) === 0));
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
