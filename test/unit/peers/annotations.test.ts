import { describe, expect, it } from 'vitest';
import { AnnotationStore } from '../../../server/events/annotation-store.ts';
import { MeshAnnotations } from '../../../server/peers/annotations.ts';
import type { Broadcast, BroadcastQuery, Message } from '../../../server/peers/broadcast.ts';
import { type AnnotationCopies, type AnnotationCopy, MAX_ANNOTATIONS } from '../../../server/protocol/annotation.ts';
import { noneSkipped } from '../../../server/protocol/validators.ts';
import { BusyError, ConflictError } from '../../../server/runtime/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { runToEnd } from '../../support/generator.ts';
import { podOf } from '../../support/mesh.ts';
import { copiesOf, copyOf } from '../../support/peer-answers.ts';

const TOKEN = 'sixteen-characters';
const missing = [{ name: 'pod-2', reason: 'refused', detail: 'no' }];
const missingPods = [podOf(2)];
const request = { id: null, fromMs: null, toMs: null, text: 'x', tags: [] };

/** One pod; `pod-1` answers with `theirs`; `pod-2` never answers. */
function start(theirs: AnnotationCopy[] = [], writeToken = TOKEN) {
  const clock = new FakeClock();
  const [sent, asked, kept, logged]: [Message[], string[], unknown[], object[]] = [[], [], [], []];
  const net = { onAsk: () => {}, answered: Promise.resolve(), delivered: Promise.resolve() };
  const broadcast: Broadcast = {
    ask: async <T>({ path, own, parse, most }: BroadcastQuery<T>) => {
      asked.push(`${path} ${most}`);
      net.onAsk();
      await net.answered;
      const self = { pod: podOf(0), value: await own(), atMs: clock.nowMs(), errorMs: 0 };
      const work = parse(copiesOf(...theirs), noneSkipped(), { atMs: 0, errorMs: 0 });
      const value = runToEnd(work as Generator<void, T>).result;
      kept.push(value);
      const other = { pod: podOf(1), value, atMs: clock.nowMs() - 100, errorMs: 100 };
      return { parts: [self, other], missing, missingPods, atMs: clock.nowMs() };
    },
    tell: async (message) => {
      sent.push(message);
      await net.delivered;
      const parts = [{ pod: podOf(1), value: {}, atMs: 0, errorMs: 0 }];
      return { parts, missing, missingPods, atMs: 0, ended: Promise.resolve() };
    },
  };
  const silent = () => {};
  const log = { debug: silent, info: (fields: object) => void logged.push(fields), warn: silent, error: silent };
  const own = new AnnotationStore(clock);
  let count = 0;
  const random = () => count++ / 1000;
  const annotations = new MeshAnnotations({ clock, log, random, broadcast, own, writeToken });
  return { clock, annotations, own, net, sent, asked, kept, logged };
}

const bodyOf = (message: Message | undefined) => JSON.parse(message?.body() ?? '') as AnnotationCopies;

describe('a write', () => {
  it('is kept here, is sent to all other pods with the token, and says who has it', async () => {
    const { annotations, clock, sent, logged } = start();
    const written = await annotations.write({ ...request, tags: ['t'] });
    const nowMs = clock.nowMs();
    const annotation = { id: expect.any(String), fromMs: nowMs, toMs: null, text: 'x', tags: ['t'], writtenMs: nowMs };
    expect(written).toEqual({ annotation, nowMs, taken: 2, missing });
    expect((await annotations.read()).annotations).toEqual([annotation]);
    expect(sent).toMatchObject([{ headers: { authorization: `Bearer ${TOKEN}` } }]);
    expect(logged).toHaveLength(1);
    // A pod that gets it a second later is told that it began a second ago.
    await clock.advance(1_000);
    expect(bodyOf(sent[0]).annotations).toMatchObject([
      { id: written.annotation?.id, fromAgeMs: 1_000, deleted: false },
    ]);
  });

  it('of an id that exists keeps its beginning, also if only other pods know it', async () => {
    const { annotations, clock, sent } = start([copyOf('run', 'r1', { version: 7 })]);
    const toMs = clock.nowMs() - 1_000;
    const { annotation } = await annotations.write({ ...request, id: 'run', toMs });
    expect(annotation).toMatchObject({ id: 'run', fromMs: clock.nowMs() - 60_000, toMs, text: 'x' });
    expect(bodyOf(sent[0]).annotations).toMatchObject([{ id: 'run', version: 8 }]);
    await clock.advance(5);
    expect((await annotations.write({ ...request, id: 'run', fromMs: 5 })).annotation?.fromMs).toBe(5);
  });

  it.each<[string, string, { fromMs: number | null; toMs: number }, [fromAgeMs: number, toAgeMs: number]]>([
    ['has the requested times', 'new', { fromMs: -60_000, toMs: -30_000 }, [60_000, 30_000]],
    ['without a beginning is a moment', 'new', { fromMs: null, toMs: -1_000 }, [1_000, 1_000]],
    [
      'that ends before it began, by a clock that is behind, is a moment',
      'a',
      { fromMs: null, toMs: -90_000 },
      [60_000, 60_000],
    ],
  ])('%s, however long the search for its id takes', async (_, id, { fromMs, toMs }, [fromAgeMs, toAgeMs]) => {
    const { annotations, clock, net, own } = start();
    own.merge([copyOf('a', 'r')]);
    const nowMs = clock.nowMs();
    net.onAsk = () => clock.freeze(3_000);
    const times = { fromMs: fromMs === null ? null : nowMs + fromMs, toMs: nowMs + toMs };
    const { annotation } = await annotations.write({ ...request, id, ...times });
    expect(annotation).toMatchObject({ fromMs: nowMs - fromAgeMs, toMs: nowMs - toAgeMs, writtenMs: nowMs });
  });

  it('does not wait long for the search of its id: pods hang while chaos tools write, which give up after a second', async () => {
    const { annotations, clock, net } = start([copyOf('run', 'r1')]);
    net.answered = new Promise(() => {});
    const writing = annotations.write({ ...request, id: 'run' });
    await clock.advance(300);
    expect(await writing).toMatchObject({ annotation: { id: 'run', text: 'x' }, taken: 2 });
  });

  it('that this pod has no room for is sent to nobody', async () => {
    const { annotations, own, sent, clock, logged } = start();
    own.merge(Array.from({ length: MAX_ANNOTATIONS }, (_, n) => copyOf(`n${n}`, 'r')));
    const refused = annotations.write({ ...request, fromMs: clock.nowMs() - 60_001 });
    await expect(refused).rejects.toBeInstanceOf(ConflictError);
    expect([sent, logged]).toEqual([[], []]);
  });

  it('is refused while four others run, and has then not been made', async () => {
    const { annotations, net, own } = start();
    let deliver = () => {};
    net.delivered = new Promise<void>((resolve) => {
      deliver = resolve;
    });
    const writes = Array.from({ length: 4 }, () => annotations.write(request));
    await expect(annotations.write({ ...request, text: 'refused' })).rejects.toBeInstanceOf(BusyError);
    deliver();
    await Promise.all(writes);
    expect(own.all().map(({ text }) => text)).toEqual(['x', 'x', 'x', 'x']);
  });
});

describe('a read', () => {
  it('keeps what other pods have, so that it outlives them, and not their answers', async () => {
    const { annotations, own, kept, clock } = start([copyOf('a', 'r')]);
    expect(await annotations.read()).toMatchObject({ missing, annotations: [{ id: 'a' }] });
    expect(own.get('a')?.fromMs).toBe(clock.nowMs() - 60_000);
    expect(kept).toEqual([null]);
  });

  it('asks no other pod without a WRITE_TOKEN, and neither does a new pod', async () => {
    const { annotations, asked, clock } = start([copyOf('a', 'r')], '');
    expect(await annotations.read()).toEqual({ nowMs: clock.nowMs(), missing: [], annotations: [] });
    await annotations.catchUp(3);
    expect(asked).toEqual([]);
  });
});

it('a deletion is sent to all pods, and an older copy does not bring the annotation back', async () => {
  const { annotations, sent } = start([copyOf('a', 'r')]);
  expect(await annotations.remove('a')).toMatchObject({ annotation: null, taken: 2 });
  expect(bodyOf(sent[0]).annotations).toMatchObject([{ id: 'a', version: 2, deleted: true, text: '' }]);
  expect((await annotations.read()).annotations).toEqual([]);
  expect(await annotations.remove('a')).toBeNull();
  expect(await annotations.remove('never')).toBeNull();
});

it('a new pod takes over what a few other pods have', async () => {
  const { annotations, own, asked } = start([copyOf('a', 'r')]);
  await annotations.catchUp(3);
  expect([asked, own.get('a')?.id]).toEqual([['/api/v1/own-annotations?newcomer 3'], 'a']);
});
