import { describe, expect, it } from 'vitest';
import { isSealed, podTokenOf, sealOf } from '../../../server/events/annotations.ts';
import { type AnnotationCopy, MAX_ANNOTATIONS } from '../../../server/protocol/annotation.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { copyOf, start, TOKEN } from './annotation-scene.ts';

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
