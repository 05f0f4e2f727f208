import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVENT_KINDS, type MeshEvent } from '../../../../../server/protocol/event.ts';
import { podNamer } from '../../../../../server/protocol/pod-names.ts';
import type { Round } from '../../../../../server/protocol/rounds.ts';
import { autoSpan, axisTimes, keyStepMs, spanFor } from '../../../../../web/model/timeline.ts';
import { eventMarks, eventWords, flagsOf, stepWords } from '../../../../../web/views/timeline/marks.ts';

const pod = (name: string) => ({ uid: name, name, namespace: 'default', node: 'n' });
/** The name of a pod that has no namesake. */
const shortName = podNamer([]);
const event = (more: Partial<MeshEvent> = {}): MeshEvent => ({
  id: 'e',
  atMs: 0,
  kind: 'link-failed',
  pod: pod('chaos'),
  from: [],
  fromCount: 0,
  outcome: null,
  phase: null,
  totalUs: -1,
  detail: '',
  ...more,
});

describe('events in words', () => {
  test.each([
    [{ outcome: 'timeout', phase: 'connect', from: [pod('a')], fromCount: 1 }, 'a → chaos: timeout in connect'],
    [{ outcome: 'refused', phase: 'connect', from: [pod('a'), pod('b')], fromCount: 9 }, 'chaos from 9 pods: refused'],
    [
      { outcome: 'timeout', phase: 'first-byte', from: [pod('a')], fromCount: 1, starved: 'destination' },
      'a → chaos: timeout in first byte while chaos was short of CPU',
    ],
    [
      { outcome: 'timeout', phase: 'connect', from: [pod('a'), pod('b')], fromCount: 2, starved: 'source' },
      'chaos from 2 pods: timeout in connect while they were short of CPU',
    ],
    [{ kind: 'link-slow', totalUs: 252_000, from: [pod('a')], fromCount: 1 }, 'a → chaos: slow, 252 ms'],
    [{ kind: 'link-lossy', detail: '20 %', from: [pod('a')], fromCount: 1 }, 'a → chaos: loses datagrams, about 20 %'],
    [{ kind: 'link-loss-over', from: [pod('a')], fromCount: 1 }, 'a → chaos: no longer loses datagrams'],
    [{ kind: 'pod-replaced', detail: 'chaos-2' }, 'chaos is replaced by chaos-2'],
    [
      { kind: 'probe-failed', pod: null, detail: 'example.org', from: [pod('a')], fromCount: 1 },
      'example.org fails from a',
    ],
    [
      { kind: 'probe-failed', pod: null, detail: 'db', from: [pod('a')], fromCount: 1, starved: 'source' },
      'db fails from a while a was short of CPU',
    ],
  ] as const)('%o', (more, words) => {
    expect(eventWords(event(more as Partial<MeshEvent>), shortName)).toBe(words);
  });

  test('say who claims something about another pod that nobody else has seen', () => {
    const words = (...names: string[]) =>
      eventWords(event({ kind: 'pod-gone', from: names.map(pod), fromCount: names.length }), shortName);
    expect(words('a')).toBe('chaos is gone, only a says');
    for (const names of [['a', 'b'], ['chaos'], []]) expect(words(...names)).toBe('chaos is gone');
  });

  test('tell pods of one name in two namespaces apart, and leave the others short', () => {
    const twin = (namespace: string) => ({ ...pod('chaos'), uid: namespace, namespace });
    const nameOf = podNamer([twin('a'), twin('b'), pod('other')]);
    const failed = event({ outcome: 'refused', pod: twin('a'), from: [twin('b')], fromCount: 1 });
    expect(eventWords(failed, nameOf)).toBe('b/chaos → a/chaos: refused');
    expect(eventWords({ ...failed, from: [pod('other')] }, nameOf)).toBe('other → a/chaos: refused');
    const replaced = event({ kind: 'pod-replaced', pod: { ...pod('old'), namespace: 'b' }, detail: 'chaos' });
    expect(eventWords(replaced, nameOf)).toBe('old is replaced by b/chaos');
  });

  test('every kind has some, and hostile names cannot reorder them', () => {
    for (const kind of EVENT_KINDS) {
      const words = eventWords(event({ kind, pod: pod('x\u202ey'), detail: '\u202ez' }), shortName);
      expect(words.length).toBeGreaterThan(5);
      expect(words).not.toContain('\u202e');
    }
  });
});

test('steps in words', () => {
  const step = { fromMs: 0, toMs: 1, failed: 0, slow: 0, lossy: 0, known: 1 };
  const partly = { failed: 2, slow: 1200, known: 0.75 };
  const steps = [null, { known: 0 }, {}, { slow: 1, lossy: 3 }, partly].map((more) => more && { ...step, ...more });
  expect(steps.map(stepWords)).toEqual([
    'no data',
    'no data',
    'no failed or slow links',
    '1 slow, 3 lossy',
    '2 failed, 1,200 slow; data from 75 % of the pods',
  ]);
  const shares = [0.001, 0.999].map((known) => stepWords({ ...step, known }));
  expect(shares.map((words) => words.split('; ')[1])).toEqual([
    'data from 1 % of the pods',
    'data from 99 % of the pods',
  ]);
});

test('marks: none is lost but those beyond the track, none too near to the next, the gravest tone wins', () => {
  expect(eventMarks([event({ atMs: -5 }), event({ atMs: 101 })], (ms) => ms, 100, [], shortName)).toEqual([]);
  const kinds = fc.constantFrom(...EVENT_KINDS);
  fc.assert(
    fc.property(fc.array(fc.record({ atMs: fc.nat(1000), kind: kinds }), { maxLength: 60 }), (few) => {
      const events = few.map((each, i) => event({ ...each, id: `e${i}` }));
      const marks = eventMarks(events, (ms) => ms, 1000, [], shortName);
      expect(marks.flatMap(({ lines }) => lines.map(({ id }) => id)).sort()).toEqual(events.map(({ id }) => id).sort());
      for (const [i, mark] of marks.entries()) expect(mark.x - (marks[i - 1]?.x ?? -99)).toBeGreaterThanOrEqual(24);
      for (const { tone, lines } of marks) {
        const failed = lines.some(({ id }) => events.find((each) => each.id === id)?.kind === 'link-failed');
        if (failed) expect(tone).toBe('failed');
      }
    }),
  );
});

const note = (fromMs: number, text: string, ...tags: string[]) => {
  return { id: `n${fromMs}`, fromMs, toMs: null, text, tags, writtenMs: 0 };
};

test('marks: a pod that was lost and replaced at once is marked as lost', () => {
  const kinds = ['pod-gone', 'pod-replaced', 'pod-seen', 'pod-ready'] as const;
  const events = kinds.map((kind, i) => event({ kind, id: kind, atMs: 100 + i }));
  expect(eventMarks(events, (ms) => ms, 1000, [], shortName).map(({ tone }) => tone)).toEqual(['down']);
});

test('flags: words have room up to the next flag, flip left where there is more', () => {
  const notes = [100, 180, 185, 960].map((fromMs) => note(fromMs, 'fault injected', 'x'));
  const flags = flagsOf(notes, (ms) => ms, 1000);
  expect(flags.map(({ room, isLeft }) => [room, isLeft])).toEqual([
    [76, true],
    [56, true],
    [260, false],
    [260, true],
  ]);
  expect(flags[0]?.text).toBe('fault injected #x');
});

test('flags: the words of one that flips left end where the tags of the one before it end', () => {
  const notes = [note(600, 'a', 'experiment-2', 'delay'), note(930, 'a')];
  const [first, second] = flagsOf(notes, (ms) => ms, 1000);
  const written = Math.min(first!.room, first!.text.length * 7);
  expect([first!.isLeft, second!.isLeft]).toEqual([false, true]);
  expect(second!.x - second!.room).toBeGreaterThanOrEqual(first!.x + written);
});

describe('the axis', () => {
  test('has round times with room between them', () => {
    const [span, px] = [fc.integer({ min: 60_000, max: 86_400_000 }), fc.integer({ min: 200, max: 2000 })];
    fc.assert(
      fc.property(span, px, (spanMs, width) => {
        const toMs = 1_700_000_000_000;
        const { times } = axisTimes({ fromMs: toMs - spanMs, toMs }, width);
        expect(times.length).toBeLessThanOrEqual(Math.floor(width / 76) + 1);
        for (const at of times) {
          expect(at).toBeGreaterThanOrEqual(toMs - spanMs);
          expect(at % 5000).toBe(0);
        }
      }),
    );
  });

  test('a key moves a few pixels', () => {
    expect(keyStepMs(20 * 60_000)).toBe(5000);
    expect(keyStepMs(86_400_000)).toBe(300_000);
  });

  test.each([
    [0, 5],
    [5, 5],
    [5.01, 10],
    [11, 20],
    [20.5, 30],
    [31, 60],
    [900, 60],
  ])('holds all that is known: %d minutes are shown in %d', (known, shown) => {
    expect(autoSpan(5_000_000 - known * 60_000, 5_000_000)).toBe(shown * 60_000);
  });

  test('goes back as far as what is looked at', () => {
    const spans = [300, 1200, 3600];
    expect(spanFor(spans, 300, 9990, 10_000)).toBe(300);
    expect(spanFor(spans, 300, 9000, 10_000)).toBe(1200);
    expect(spanFor(spans, 1200, 0, 10_000)).toBe(3600);
  });
});

describe('marks of rounds', () => {
  const round: Round = {
    uid: 'slo',
    name: 'slo',
    namespace: 'default',
    node: 'n',
    createdMs: 0,
    readyAfterMs: 2_000,
    goneMs: 40_000,
    state: 'ready',
    why: '',
    claimedBy: '',
  };
  const tones = (events: MeshEvent[], change: Partial<Round> = {}) =>
    eventMarks(events, (ms) => ms, 100_000, [{ ...round, ...change }], shortName).map(({ tone, lines }) => [
      tone,
      lines[0]?.text,
    ]);

  test('a good round has no red mark while its pod starts and leaves; a fault in between is one', () => {
    const link = (atMs: number) => event({ atMs, id: `${atMs}`, pod: pod('slo'), outcome: 'refused' });
    expect(tones([link(1_000), link(20_000), link(39_000)]).map(([tone]) => tone)).toEqual(['down', 'failed', 'down']);
  });

  test('a failed round has a red mark with the reason', () => {
    const gone = event({ kind: 'pod-gone', atMs: 40_000, pod: pod('slo') });
    expect(tones([gone])).toEqual([['down', 'slo is gone']]);
    expect(tones([gone], { state: 'failed', readyAfterMs: null, why: 'ImagePullBackOff' })).toEqual([
      ['failed', 'slo: round failed: ImagePullBackOff'],
    ]);
  });
});
