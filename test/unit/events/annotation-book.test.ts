import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnnotationCopy, MAX_ANNOTATIONS, parseAnnotationCopies } from '../../../server/protocol/annotation.ts';
import { ConflictError } from '../../../server/runtime/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { copyOf, start } from './annotation-scene.ts';

describe('copies of annotations', () => {
  it('have the times of this pod, though clocks differ by minutes', async () => {
    const [here, there] = [start(), start(new FakeClock().nowMs() - 9 * 60_000)];
    here.book.take([copyOf('a', 'r1', { toAgeMs: 30_000 })]);
    await here.clock.advance(10_000);
    there.book.take(parseAnnotationCopies(JSON.parse(JSON.stringify(here.book.copies()))).annotations);
    const nowMs = there.clock.nowMs();
    expect(there.book.all()).toEqual([
      { id: 'a', fromMs: nowMs - 70_000, toMs: nowMs - 40_000, text: 'a r1', tags: [], writtenMs: nowMs - 10_000 },
    ]);
    expect(here.book.all()[0]?.fromMs).toBe(here.clock.nowMs() - 70_000);
  });

  it('of the same write change nothing, of a later one replace it', async () => {
    const { clock, book } = start();
    book.take([copyOf('a', 'r1')]);
    const [first] = book.all();
    expect(book.take([copyOf('a', 'r1', { fromAgeMs: 59_997 })])).toBe(false);
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
      parseAnnotationCopies({ format: 'goldpinger-ts/annotations/2', annotations: [copyOf('a', 'r', change)] });
    for (const ageMs of [-25 * 3_600_000, 1e308, Number.NaN]) {
      expect(parsed({ fromAgeMs: ageMs })).toThrow();
      expect(parsed({ toAgeMs: ageMs })).toThrow();
      expect(parsed({ writtenAgeMs: ageMs })).toThrow();
    }
    expect(parsed({ fromAgeMs: -24 * 3_600_000, toAgeMs: -24 * 3_600_000 })).not.toThrow();
    expect(parsed({ fromAgeMs: 365 * 24 * 3_600_000 })).not.toThrow();
  });

  it('of the same write are corrected by who was told in time', async () => {
    const [here, frozen] = [start(), start()];
    here.book.take([copyOf('a', 'r1', { toAgeMs: 30_000 })]);
    const told = here.book.copies().annotations;
    for (const { clock } of [here, frozen]) await clock.advance(45_000);
    frozen.book.take(told);
    expect(frozen.book.all()).not.toEqual(here.book.all());
    // Who was late corrects nobody.
    here.book.take(frozen.book.copies().annotations);
    frozen.book.take(here.book.copies().annotations);
    expect(frozen.book.all()).toEqual(here.book.all());
    expect(here.book.all()).toMatchObject([
      { fromMs: here.clock.nowMs() - 105_000, toMs: here.clock.nowMs() - 75_000 },
    ]);
  });

  it('that are handed on and back do not wander', async () => {
    const [here, there] = [start(), start(new FakeClock().nowMs() + 9 * 60_000)];
    here.book.take([copyOf('a', 'r1')]);
    const [first] = here.book.all();
    for (let i = 0; i < 100; i++) {
      for (const { clock } of [here, there]) await clock.advance(0.0007);
      there.book.take(here.book.copies().annotations);
      here.book.take(there.book.copies().annotations);
    }
    expect(here.book.all()).toEqual([first]);
  });

  it('stay where they are, here and there, where a clock is set', () => {
    const [here, there] = [start(), start()];
    here.book.take([copyOf('a', 'r1')]);
    there.book.take(here.book.copies().annotations);
    for (const minutes of [30, -90]) {
      there.clock.jumpWall(minutes * 60_000);
      there.book.take(here.book.copies().annotations);
      here.book.take(there.book.copies().annotations);
      for (const { book, clock } of [here, there]) expect(clock.nowMs() - (book.get('a')?.fromMs ?? 0)).toBe(60_000);
    }
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

describe('a write', () => {
  it('that would make room at once is refused and changes nothing; others make room for the rest', async () => {
    const { book, clock } = start();
    for (let n = 0; n < MAX_ANNOTATIONS; n++) {
      book.write(copyOf(`n${n}`, 'r', { fromAgeMs: 10_000 - n }));
    }
    const before = book.all();
    expect(() => book.write(copyOf('old', 'r', { fromAgeMs: 10_001 }))).toThrow(ConflictError);
    expect(book.all()).toEqual(before);
    book.write(copyOf('new', 'r', { fromAgeMs: 0 }));
    expect([book.get('n0'), book.get('new')?.text]).toEqual([null, 'new r']);
    // One that is kept already needs no room.
    await clock.advance(1);
    book.write(copyOf('n5', 'r2', { fromAgeMs: 90_000 }));
    expect(book.get('n5')?.text).toBe('n5 r2');
  });
});
