import { describe, expect, it } from 'vitest';
import { AnnotationStore, sealOf } from '../../../server/events/annotations.ts';
import { MeshAnnotations } from '../../../server/peers/annotations.ts';
import type { Broadcast, BroadcastQuery, Message } from '../../../server/peers/broadcast.ts';
import { type AnnotationCopies, type AnnotationCopy, MAX_ANNOTATIONS } from '../../../server/protocol/annotation.ts';
import { BusyError, ConflictError } from '../../../server/runtime/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { podOf } from '../../support/mesh.ts';

const TOKEN = 'sixteen-characters';
const missing = [{ name: 'pod-2', reason: 'refused', detail: 'no' }];

/** One pod, and another (`pod-1`) that has `theirs`; a third does not answer. */
function start(theirs: AnnotationCopy[] = []) {
  const clock = new FakeClock();
  const told: Message[] = [];
  const asked: string[] = [];
  const held: unknown[] = [];
  let isAway = false;
  let meanwhile = () => {};
  let hold: Promise<void> = Promise.resolve();
  const askAll: Broadcast = {
    ask: async <T>({ path, own, parse, most }: BroadcastQuery<T>) => {
      asked.push(`${path} ${most}`);
      meanwhile();
      const self = { pod: podOf(0), value: await own(), atMs: clock.nowMs(), errorMs: 0 };
      if (isAway) return { parts: [self], missing, atMs: clock.nowMs() };
      const value = await parse({ format: 'goldpinger-ts/annotations/2', annotations: theirs }, 100);
      const other = { pod: podOf(1), value, atMs: clock.nowMs() - 100, errorMs: 100 };
      held.push(value);
      return { parts: [self, other], missing, atMs: clock.nowMs() };
    },
    tell: async (message) => {
      told.push(message);
      await hold;
      return { parts: [{ pod: podOf(1), value: {}, atMs: 0, errorMs: 0 }], missing, atMs: 0 };
    },
    stop: () => {},
  };
  const logged: object[] = [];
  const silent = () => {};
  const log = { debug: silent, info: (fields: object) => void logged.push(fields), warn: silent, error: silent };
  const own = new AnnotationStore({ clock, log, token: TOKEN });
  let names = 0;
  const random = () => names++ / 1000;
  const annotations = new MeshAnnotations({ clock, log, random, askAll, own, podToken: 'shown-by-other-pods' });
  const away = (toBe: boolean) => {
    isAway = toBe;
  };
  const holding = (until: Promise<void>) => {
    hold = until;
  };
  const whileAsking = (act: () => void) => {
    meanwhile = act;
  };
  return { clock, annotations, own, told, asked, logged, away, holding, whileAsking, held };
}

const wish = { id: null, fromMs: null, toMs: null, text: 'x', tags: [] };
const copyOf = (id: string): AnnotationCopy => {
  const draft = {
    id,
    revision: 'r',
    generation: 1,
    wroteMs: new FakeClock().nowMs() - 60_000,
    fromAgeMs: 60_000,
    toAgeMs: null,
    writtenAgeMs: 60_000,
    text: id,
    tags: [],
    deleted: false,
  };
  return { ...draft, seal: sealOf(draft, TOKEN) };
};

describe('writing', () => {
  it('is here and on all others, with what pods show each other, and says who has it', async () => {
    const { annotations, clock, told, logged } = start();
    const written = await annotations.write({ ...wish, tags: ['t'] });
    const nowMs = clock.nowMs();
    const annotation = { id: expect.any(String), fromMs: nowMs, toMs: null, text: 'x', tags: ['t'], writtenMs: nowMs };
    expect(written).toEqual({ annotation, nowMs, taken: 2, missing });
    expect((await annotations.read()).annotations).toEqual([annotation]);
    expect(told).toMatchObject([{ method: 'POST', headers: { authorization: 'Bearer shown-by-other-pods' } }]);
    expect(logged).toHaveLength(1);
    // Told a second later, it began a second longer ago.
    await clock.advance(1_000);
    const body = JSON.parse(told[0]?.body() ?? '') as AnnotationCopies;
    expect(body.annotations).toMatchObject([{ id: written.annotation?.id, fromAgeMs: 1_000, deleted: false }]);
  });

  it('of an id that exists keeps its beginning, also where only others know it', async () => {
    const { annotations, clock } = start([copyOf('run')]);
    const toMs = clock.nowMs() - 1_000;
    const { annotation } = await annotations.write({ ...wish, id: 'run', toMs });
    expect(annotation).toMatchObject({ id: 'run', fromMs: clock.nowMs() - 60_000, toMs, text: 'x' });
    await clock.advance(5);
    expect((await annotations.write({ ...wish, id: 'run', fromMs: 5 })).annotation?.fromMs).toBe(5);
  });

  it('has the times that were meant, however long it took to look for it', async () => {
    const { annotations, clock, whileAsking } = start([]);
    const [nowMs, fromMs, toMs] = [clock.nowMs(), clock.nowMs() - 60_000, clock.nowMs() - 30_000];
    whileAsking(() => clock.freeze(3_000));
    const { annotation } = await annotations.write({ ...wish, id: 'run', fromMs, toMs });
    expect(annotation).toMatchObject({ fromMs, toMs, writtenMs: nowMs });
  });

  it('that others would have no room for is told to nobody', async () => {
    const { annotations, own, told, clock, logged } = start();
    for (let n = 0; n < MAX_ANNOTATIONS; n++) own.write({ ...copyOf(`n${n}`), fromAgeMs: n });
    await expect(annotations.write({ ...wish, fromMs: clock.nowMs() - 60_000 })).rejects.toBeInstanceOf(ConflictError);
    expect([told, logged]).toEqual([[], []]);
  });

  it('that ends before now and has no beginning is a moment', async () => {
    const { annotations, clock } = start();
    const toMs = clock.nowMs() - 1_000;
    expect((await annotations.write({ ...wish, toMs })).annotation).toMatchObject({ fromMs: toMs, toMs });
  });

  it('is bounded at once, and what is refused has not been written', async () => {
    const { annotations, holding, own } = start();
    let release = () => {};
    holding(new Promise<void>((resolve) => (release = resolve)));
    const writes = Array.from({ length: 4 }, () => annotations.write(wish));
    await expect(annotations.write({ ...wish, text: 'refused' })).rejects.toBeInstanceOf(BusyError);
    release();
    await Promise.all(writes);
    expect(own.all().map(({ text }) => text)).toEqual(['x', 'x', 'x', 'x']);
  });
});

describe('reading', () => {
  it('takes nothing that was not written by who has the token', async () => {
    const { annotations } = start([{ ...copyOf('a'), text: 'forged' }]);
    expect(await annotations.read()).toMatchObject({ annotations: [] });
  });

  it('takes over what others have, so that it goes on when they have gone', async () => {
    const { annotations, own, held, clock } = start([copyOf('a')]);
    expect(await annotations.read()).toMatchObject({ missing, annotations: [{ id: 'a' }] });
    expect(own.get('a')?.fromMs).toBe(clock.nowMs() - 60_000);
    // What 1000 pods have is not held until the last has answered.
    expect(held).toEqual([null]);
  });
});

describe('taking back', () => {
  it('is told to all, and an older copy does not bring it back', async () => {
    const { annotations, told } = start([copyOf('a')]);
    expect(await annotations.remove('a')).toMatchObject({ annotation: null, taken: 2 });
    expect((JSON.parse(told[0]?.body() ?? '') as AnnotationCopies).annotations).toMatchObject([
      { id: 'a', deleted: true },
    ]);
    expect((await annotations.read()).annotations).toEqual([]);
    expect(await annotations.remove('a')).toBeNull();
    expect(await annotations.remove('never')).toBeNull();
  });
});

describe('a newcomer', () => {
  it('asks three others soon, again until one answers, and then no more', async () => {
    const { annotations, clock, own, asked, away } = start([copyOf('a')]);
    away(true);
    annotations.catchUp();
    annotations.catchUp();
    await clock.advance(4_000);
    expect(asked).toEqual(Array(2).fill('/api/v1/own-annotations?newcomer 3'));
    away(false);
    await clock.advance(2_000);
    expect(own.get('a')).not.toBeNull();
    annotations.catchUp();
    await clock.advance(60_000);
    expect(asked).toHaveLength(3);
  });

  it('gives up after five times, and at once when it is stopped', async () => {
    const { annotations, clock, asked, away } = start();
    away(true);
    annotations.catchUp();
    await clock.advance(60_000);
    expect(asked).toHaveLength(5);
    // Also when it is stopped while it asks.
    const asking = start();
    asking.away(true);
    asking.annotations.catchUp();
    asking.whileAsking(() => asking.annotations.stop());
    await asking.clock.advance(2_000);
    expect([asking.asked.length, asking.clock.pending]).toEqual([1, 0]);
    const other = start();
    other.annotations.catchUp();
    other.annotations.stop();
    expect(other.clock.pending).toBe(0);
  });
});
