import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnnotationCopy, MAX_ANNOTATIONS, parseAnnotationCopies } from '../../../server/contract/annotation.ts';
import { ConflictError } from '../../../server/contract/errors.ts';
import { AnnotationBook } from '../../../server/journal/annotation-book.ts';
import { isSealed, podTokenOf, sealOf } from '../../../server/journal/annotation-seal.ts';
import { FakeClock } from '../../fake-clock.ts';

const TOKEN = 'sixteen-characters';

/** A copy of write `revision` of annotation `id`: begun a minute ago, written when it is given. */
function copyOf(id: string, revision: string, change: Partial<AnnotationCopy> = {}): AnnotationCopy {
  const times = { fromAgeMs: 60_000, toAgeMs: null, writtenAgeMs: 0 };
  const sealed = {
    generation: 1,
    wroteMs: new FakeClock().nowMs(),
    text: `${id} ${revision}`,
    tags: [],
    deleted: false,
  };
  const write = { id, revision, ...times, ...sealed, ...change };
  return { ...write, seal: change.seal ?? sealOf(write, TOKEN) };
}

function start(startMs?: number, token = TOKEN) {
  const clock = new FakeClock(startMs);
  const told: string[] = [];
  const silent = () => {};
  const log = { debug: (_: object, words: string) => void told.push(words), info: silent, warn: silent, error: silent };
  const book = new AnnotationBook({ clock, log, token });
  return { clock, book, told };
}

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

describe('copies from strangers', () => {
  const forged: [string, AnnotationCopy][] = [
    ['another token', { ...copyOf('a', 'r2'), seal: sealOf(copyOf('a', 'r2'), 'a-token-of-a-stranger') }],
    ['another text', { ...copyOf('a', 'r2'), text: 'other' }],
    ['another tag', { ...copyOf('a', 'r2'), tags: ['other'] }],
    ['another id', { ...copyOf('b', 'r2'), id: 'a' }],
    ['another revision', { ...copyOf('a', 'r2'), revision: 'r3' }],
    ['another generation', { ...copyOf('a', 'r2'), generation: 9 }],
    ['another moment', { ...copyOf('a', 'r2'), wroteMs: new FakeClock().nowMs() + 1 }],
    ['being taken back', { ...copyOf('a', 'r2'), deleted: true }],
    ['another beginning', { ...copyOf('a', 'r2'), fromAgeMs: 61_000 }],
    ['another end', { ...copyOf('a', 'r2'), toAgeMs: 5 }],
    ['no seal', { ...copyOf('a', 'r2'), seal: 'A'.repeat(43) }],
  ];
  it.each(forged)('are ignored: %s', async (_, copy) => {
    const { book, clock, told } = start();
    book.take([copyOf('a', 'r1')]);
    await clock.advance(1_000);
    expect([book.take([copy]), book.take([{ ...copy, id: 'new' }])]).toEqual([false, false]);
    expect(book.all()).toMatchObject([{ id: 'a', text: 'a r1' }]);
    expect(told).toHaveLength(1);
  });

  it('of a true copy have its age shifted by ten minutes at most, either way', async () => {
    const age = (written: AnnotationCopy, writtenAgeMs: number): AnnotationCopy => {
      const laterMs = writtenAgeMs - written.writtenAgeMs;
      return { ...written, writtenAgeMs, fromAgeMs: written.fromAgeMs + laterMs };
    };
    const { book, clock } = start();
    const told = copyOf('a', 'r1');
    const writtenMs = clock.nowMs();
    await clock.advance(3_600_000);
    book.take([age(told, 0)]);
    expect(book.get('a')).toMatchObject({ writtenMs: writtenMs + 600_000, fromMs: writtenMs + 540_000 });
    book.take([age(told, 3_600_000)]);
    expect(book.get('a')).toMatchObject({ writtenMs, fromMs: writtenMs - 60_000 });
    book.take([age(told, 24 * 3_600_000)]);
    expect(book.get('a')).toMatchObject({ writtenMs: writtenMs - 600_000 });
  });

  it('of then bring nothing back, whatever age they give: neither what was replaced nor what was taken back', async () => {
    const { book, clock } = start();
    const draft = { ...{ id: 'a', fromAgeMs: 0, toAgeMs: null, writtenAgeMs: 0, tags: [] }, deleted: false };
    const told: AnnotationCopy[] = [];
    for (const [revision, text, deleted] of [
      ['r1', 'first', false],
      ['r2', 'second', false],
      ['r3', '', true],
    ] as const) {
      await clock.advance(1_000);
      book.write({ ...draft, revision, text, deleted });
      told.push(...book.copies().annotations);
    }
    expect(told.map(({ generation }) => generation)).toEqual([1, 2, 3]);
    await clock.advance(60_000);
    for (const copy of told.slice(0, 2)) expect(book.take([{ ...copy, fromAgeMs: 0, writtenAgeMs: 0 }])).toBe(false);
    expect(book.all()).toEqual([]);
    // Who has the token may write it anew.
    book.write({ ...draft, revision: 'r4', text: 'again' });
    expect([book.get('a')?.text, book.copies().annotations[0]?.generation]).toEqual(['again', 4]);
  });

  it('crowd out nobody', () => {
    const { book } = start();
    book.take([copyOf('a', 'r1')]);
    book.take(Array.from({ length: MAX_ANNOTATIONS }, (_, n) => ({ ...copyOf(`n${n}`, 'r'), fromAgeMs: 0 })));
    expect(book.all()).toMatchObject([{ id: 'a' }]);
  });

  it('are all copies, where there is no token', () => {
    const { book } = start(undefined, '');
    const draft = copyOf('a', 'r1');
    expect(book.take([draft, { ...draft, seal: sealOf(draft, '') }])).toBe(false);
    expect([isSealed(draft, sealOf(draft, ''), ''), book.all()]).toEqual([false, []]);
  });

  it('do not get to know the token from what pods show each other', () => {
    expect([podTokenOf(''), podTokenOf(TOKEN)]).toEqual(['', expect.stringMatching(/^[\w-]{43}$/)]);
    expect(isSealed(copyOf('a', 'r1'), sealOf(copyOf('a', 'r1'), podTokenOf(TOKEN)), TOKEN)).toBe(false);
  });
});
