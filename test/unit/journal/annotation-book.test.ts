import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnnotationCopy, MAX_ANNOTATIONS, parseAnnotationCopies } from '../../../server/contract/annotation.ts';
import { AnnotationBook } from '../../../server/journal/annotation-book.ts';
import { FakeClock } from '../../fake-clock.ts';

/** A copy of write `revision` of annotation `id`: begun a minute ago, written when it is given. */
function copyOf(id: string, revision: string, change: Partial<AnnotationCopy> = {}): AnnotationCopy {
  const times = { fromAgeMs: 60_000, toAgeMs: null, writtenAgeMs: 0 };
  return { id, revision, ...times, text: `${id} ${revision}`, tags: [], deleted: false, ...change };
}

function start(startMs?: number) {
  const clock = new FakeClock(startMs);
  const book = new AnnotationBook(clock);
  return { clock, book };
}

describe('copies of annotations', () => {
  it('have the times of this pod, whatever clock the others have', async () => {
    const [here, there] = [start(), start(Date.UTC(2020, 0, 1))];
    here.book.take([copyOf('a', 'r1', { toAgeMs: 30_000 })]);
    await here.clock.advance(10_000);
    there.book.take(parseAnnotationCopies(JSON.parse(JSON.stringify(here.book.copies()))).annotations, 5_000);
    const nowMs = there.clock.nowMs();
    expect(there.book.all()).toEqual([
      { id: 'a', fromMs: nowMs - 75_000, toMs: nowMs - 45_000, text: 'a r1', tags: [], writtenMs: nowMs - 15_000 },
    ]);
    expect(here.book.all()[0]?.fromMs).toBe(here.clock.nowMs() - 70_000);
  });

  it('of the same write change nothing, of a later one replace it', async () => {
    const { clock, book } = start();
    book.take([copyOf('a', 'r1')]);
    const [first] = book.all();
    expect(book.take([copyOf('a', 'r1', { fromAgeMs: 60_003 })])).toBe(false);
    expect(book.all()).toEqual([first]);
    await clock.advance(1_000);
    expect(book.take([copyOf('a', 'r0', { writtenAgeMs: 1_001 })])).toBe(false);
    expect(book.take([copyOf('a', 'r2')])).toBe(true);
    expect(book.get('a')?.text).toBe('a r2');
  });

  it('that are taken back are gone, and an older copy does not bring them back', async () => {
    const { clock, book } = start();
    book.take([copyOf('a', 'r1')]);
    await clock.advance(1_000);
    book.take([copyOf('a', 'r2', { deleted: true, text: '' })]);
    book.take([copyOf('a', 'r1', { writtenAgeMs: 1_000 })]);
    expect([book.all(), book.get('a')]).toEqual([[], null]);
    expect(book.copies().annotations).toMatchObject([{ id: 'a', revision: 'r2', deleted: true }]);
  });

  it('from the future could be replaced by nobody, and count as written now', async () => {
    const { clock, book } = start();
    book.take([copyOf('a', 'r1', { writtenAgeMs: -1e12 })]);
    await clock.advance(1);
    expect(book.take([copyOf('a', 'r2')])).toBe(true);
  });

  it('of a time that cannot be are refused: they would never make room, and be told to nobody', () => {
    const parsed = (change: Partial<AnnotationCopy>) => () =>
      parseAnnotationCopies({ format: 'goldpinger-ts/annotations/1', annotations: [copyOf('a', 'r', change)] });
    for (const ageMs of [-25 * 3_600_000, 1e308, Number.NaN]) {
      expect(parsed({ fromAgeMs: ageMs })).toThrow();
      expect(parsed({ toAgeMs: ageMs })).toThrow();
      expect(parsed({ writtenAgeMs: ageMs })).toThrow();
    }
    expect(parsed({ fromAgeMs: -24 * 3_600_000, toAgeMs: -24 * 3_600_000 })).not.toThrow();
    expect(parsed({ fromAgeMs: 365 * 24 * 3_600_000 })).not.toThrow();
  });

  it('are bounded: the first to begin make room', () => {
    const { book } = start();
    book.take(Array.from({ length: MAX_ANNOTATIONS + 5 }, (_, n) => copyOf(`n${n}`, 'r', { fromAgeMs: 10_000 - n })));
    expect(book.all()).toHaveLength(MAX_ANNOTATIONS);
    expect(book.get('n4')).toBeNull();
    expect(book.get('n5')).not.toBeNull();
  });

  it('come to the same in whatever order and how often they come in', () => {
    const copy = fc
      .record({ id: fc.constantFrom('a', 'b', 'c'), n: fc.nat(5), deleted: fc.boolean() })
      .map(({ id, n, deleted }) => copyOf(id, `${id}${n}${deleted}`, { writtenAgeMs: n * 100, fromAgeMs: n, deleted }));
    const some = fc
      .array(copy, { maxLength: 12 })
      .chain((copies) =>
        fc.tuple(fc.constant(copies), fc.shuffledSubarray([...copies, ...copies], { minLength: copies.length * 2 })),
      );
    fc.assert(
      fc.property(some, ([copies, shuffled]) => {
        const [here, there] = [start(), start()];
        here.book.take(copies);
        for (const one of shuffled) there.book.take([one]);
        expect(there.book.all()).toEqual(here.book.all());
      }),
    );
  });
});
