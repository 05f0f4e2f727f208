import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnnotationStore } from '../../../server/events/annotation-store.ts';
import { MAX_ANNOTATIONS, MAX_TOMBSTONES } from '../../../server/protocol/annotation.ts';
import { ConflictError } from '../../../server/runtime/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { copyOf } from '../../support/peer-answers.ts';

const HOUR_MS = 3_600_000;

function start(startMs?: number) {
  const clock = new FakeClock(startMs);
  const store = new AnnotationStore(clock);
  const merge = store.merge.bind(store);
  const textOf = (id: string) => store.get(id)?.text;
  /** Writes annotation `id`, begun `fromAgeMs` ago and requested `requestedAgeMs` ago. */
  const write = (
    id: string,
    revision: string,
    { fromAgeMs = 60_000, requestedAgeMs = 0, deleted = false }: Record<string, number | boolean> = {},
  ) => {
    const [fromMs, writtenMs] = [clock.nowMs() - Number(fromAgeMs), clock.nowMs() - Number(requestedAgeMs)];
    const text = `${id} ${revision}`;
    store.write({ id, revision, fromMs, toMs: null, writtenMs, text, tags: [], deleted: deleted === true });
  };
  return { clock, store, merge, textOf, write };
}

/** Hands all copies of one pod to another. */
const handOn = (from: ReturnType<typeof start>, to: ReturnType<typeof start>) => {
  to.merge(JSON.parse(JSON.stringify(from.store.copies())).annotations);
};

describe('times of copies', () => {
  it('are those of the receiving pod, though its clock differs by minutes, and do not drift when they are handed on', async () => {
    const [here, there] = [start(), start(new FakeClock().nowMs() - 9 * 60_000)];
    here.merge([copyOf('a', 'r1', { toAgeMs: 30_000 })]);
    const [first] = here.store.all();
    for (let i = 0; i < 100; i++) {
      for (const { clock } of [here, there]) await clock.advance(100.0007);
      handOn(here, there);
      handOn(there, here);
    }
    expect(here.store.all()).toEqual([first]);
    const offsetMs = there.clock.nowMs() - here.clock.nowMs();
    const { fromMs, toMs, writtenMs } = first!;
    const times = { fromMs: fromMs + offsetMs, toMs: (toMs ?? 0) + offsetMs, writtenMs: writtenMs + offsetMs };
    expect(there.store.all()).toEqual([{ ...first, ...times }]);
  });

  it('are corrected by a pod that got the copy in time, never by one that got it late', async () => {
    const [here, frozen] = [start(), start()];
    here.merge([copyOf('a', 'r1', { toAgeMs: 30_000 })]);
    const { annotations } = here.store.copies();
    for (const { clock } of [here, frozen]) await clock.advance(45_000);
    frozen.merge(annotations);
    expect(frozen.store.all()).not.toEqual(here.store.all());
    handOn(frozen, here);
    handOn(here, frozen);
    expect(frozen.store.all()).toEqual(here.store.all());
    const nowMs = here.clock.nowMs();
    expect(here.store.all()).toMatchObject([{ fromMs: nowMs - 105_000, toMs: nowMs - 75_000 }]);
  });

  it('do not change on any pod when a clock is set', () => {
    const [here, there] = [start(), start()];
    here.merge([copyOf('a', 'r1')]);
    handOn(here, there);
    for (const minutes of [30, -90]) {
      there.clock.jumpWall(minutes * 60_000);
      handOn(here, there);
      handOn(there, here);
      for (const { store, clock } of [here, there]) expect(clock.nowMs() - (store.get('a')?.fromMs ?? 0)).toBe(60_000);
    }
  });
});

describe('merging copies', () => {
  it('changes nothing for the same write, and replaces an older version by a newer one', async () => {
    const { clock, store, merge, textOf } = start();
    merge([copyOf('a', 'r1', { version: 2 })]);
    const [first] = store.all();
    merge([copyOf('a', 'r1', { version: 2, fromAgeMs: 59_997 })]);
    expect(store.all()).toEqual([first]);
    await clock.advance(1_000);
    merge([copyOf('a', 'r9', { version: 1 })]);
    expect(textOf('a')).toBe('a r1');
    merge([copyOf('a', 'r0', { version: 3, writtenAgeMs: 5_000 })]);
    expect(textOf('a')).toBe('a r0');
    // Of two writes with one version the greater revision wins.
    for (const revision of ['r1', 'r2', 'r0']) merge([copyOf('b', revision)]);
    expect(textOf('b')).toBe('b r2');
  });

  it('gives the same result in whatever order and however often copies arrive', () => {
    const copy = fc
      .record({
        id: fc.constantFrom('a', 'b', 'c'),
        n: fc.nat(5),
        version: fc.integer({ min: 1, max: 3 }),
        deleted: fc.boolean(),
      })
      .map(({ id, n, version, deleted }) => {
        return copyOf(id, `${id}${n}${version}${deleted}`, { version, writtenAgeMs: n * 100, fromAgeMs: n, deleted });
      });
    const some = fc
      .array(copy, { maxLength: 12 })
      .chain((copies) =>
        fc.tuple(fc.constant(copies), fc.shuffledSubarray([...copies, ...copies], { minLength: copies.length * 2 })),
      );
    fc.assert(
      fc.property(some, ([copies, shuffled]) => {
        const [here, there] = [start(), start()];
        here.merge(copies);
        for (const one of shuffled) there.merge([one]);
        expect(there.store.all()).toEqual(here.store.all());
      }),
    );
  });

  it('is bounded: those that began first are dropped, and the oldest deletions, which crowd out no annotation', () => {
    const { store, merge, write } = start();
    merge(Array.from({ length: MAX_ANNOTATIONS + 5 }, (_, n) => copyOf(`n${n}`, 'r', { fromAgeMs: 10_000 - n })));
    expect(store.all().map(({ id }) => id)).toEqual(Array.from({ length: MAX_ANNOTATIONS }, (_, n) => `n${n + 5}`));
    const tombstones = Array.from({ length: MAX_TOMBSTONES + 5 }, (_, n) =>
      copyOf(`t${n}`, 'r', { fromAgeMs: 5_000, writtenAgeMs: 1_000 - n, deleted: true }),
    );
    merge(tombstones);
    write('new', 'r', { fromAgeMs: 0 });
    expect(store.all()).toHaveLength(MAX_ANNOTATIONS);
    const kept = store.copies().annotations.filter(({ deleted }) => deleted);
    expect([kept.length, kept[0]?.id]).toEqual([MAX_TOMBSTONES, 't5']);
  });
});

describe('a deletion', () => {
  it('hides the annotation, and older copies do not bring it back', async () => {
    const { clock, store, merge, write } = start();
    merge([copyOf('a', 'r1')]);
    await clock.advance(1_000);
    write('a', 'r2', { deleted: true });
    merge([copyOf('a', 'r1', { writtenAgeMs: 1_000 })]);
    merge([copyOf('a', 'r9')]);
    expect([store.all(), store.get('a')]).toEqual([[], null]);
    expect(store.copies().annotations).toMatchObject([{ id: 'a', version: 2, revision: 'r2', deleted: true }]);
    // A new write of the same id does.
    write('a', 'r3');
    expect([store.get('a')?.text, store.copies().annotations.map(({ version }) => version)]).toEqual(['a r3', [3]]);
  });

  it('reaches pods that have the annotation, and is forgotten after 24 hours, also where it is handed on', async () => {
    const [here, there] = [start(), start()];
    here.write('a', 'r0');
    handOn(here, there);
    here.write('a', 'r1', { deleted: true });
    handOn(here, there);
    expect(there.store.all()).toEqual([]);
    await here.clock.advance(24 * HOUR_MS);
    handOn(here, there);
    expect(there.store.copies().annotations).toHaveLength(1);
    await here.clock.advance(1);
    handOn(here, there);
    here.merge([]);
    expect(here.store.copies().annotations).toEqual([]);
  });
});

describe('a write', () => {
  it('that would be dropped at once is refused and changes nothing; others make room for themselves', async () => {
    const { store, clock, write, textOf } = start();
    for (let n = 0; n < MAX_ANNOTATIONS; n++) write(`n${n}`, 'r', { fromAgeMs: 10_000 - n });
    const before = store.all();
    expect(() => write('old', 'r', { fromAgeMs: 10_001 })).toThrow(ConflictError);
    expect(store.all()).toEqual(before);
    write('new', 'r', { fromAgeMs: 0 });
    expect([store.get('n0'), textOf('new')]).toEqual([null, 'new r']);
    // A new version of an annotation that is kept needs no room.
    await clock.advance(1);
    write('n5', 'r2', { fromAgeMs: 90_000 });
    expect(textOf('n5')).toBe('n5 r2');
  });

  it('changes nothing if a write that was requested later has arrived meanwhile', async () => {
    const { clock, merge, write, textOf } = start();
    merge([copyOf('a', 'later', { version: 2 })]);
    await clock.advance(2_000);
    write('a', 'earlier', { requestedAgeMs: 3_000 });
    expect(textOf('a')).toBe('a later');
    // A copy that claims to be written in the future does not keep later writes out.
    merge([copyOf('a', 'future', { version: 3, writtenAgeMs: -1e12 })]);
    await clock.advance(1);
    write('a', 'last');
    expect(textOf('a')).toBe('a last');
  });
});
