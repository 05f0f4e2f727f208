import { describe, expect, test } from 'vitest';
import type { Annotation } from '../../../../../server/protocol/annotation.ts';
import type { MeshEvent } from '../../../../../server/protocol/event.ts';
import { podNamer } from '../../../../../server/protocol/pod-names.ts';
import { probeDetail } from '../../../../../server/protocol/sample.ts';
import { logLines, sortLines } from '../../../../../web/views/timeline/event-log.tsx';

/** As the server sends them: oldest first, those of the same time in causal order. */
const LINES = [
  { atMs: 1, kind: 'Pod', text: 'b is gone' },
  { atMs: 2, kind: 'Pod', text: 'a is gone' },
  { atMs: 2, kind: 'Pod', text: 'a is replaced by c' },
  { atMs: 2, kind: 'Link', text: 'c is new' },
] as const;

describe('the event log', () => {
  test('reads in causal order from the oldest on, and exactly backwards from the newest on', () => {
    const oldestFirst = sortLines(LINES, { column: 'time', up: true });
    expect(oldestFirst).toEqual(LINES);
    expect(sortLines(LINES, { column: 'time', up: false })).toEqual([...LINES].reverse());
  });

  test('sorts by another column, and then the newest first', () => {
    const texts = (up: boolean) => sortLines(LINES, { column: 'kind', up }).map(({ text }) => text);
    expect(texts(true)).toEqual(['c is new', 'a is replaced by c', 'a is gone', 'b is gone']);
    expect(texts(false)).toEqual(['a is replaced by c', 'a is gone', 'b is gone', 'c is new']);
  });
});

describe('the lines of a time range', () => {
  const limits = { fromMs: 1_000_000, toMs: 2_000_000 };
  const linesOf = (past: { events?: MeshEvent[]; annotations?: Annotation[] }) =>
    logLines([], { events: [], annotations: [], rounds: [], ...past }, limits, podNamer([]));

  test('are those of annotations that end in it, with their tags and the time at which they began', () => {
    const annotation = (id: string, fromMs: number, toMs: number | null): Annotation => {
      return { id, fromMs, toMs, text: 'load test', tags: ['canary'], writtenMs: fromMs };
    };
    const lines = linesOf({
      annotations: [
        annotation('lasting', 500_000, 1_500_000),
        annotation('over', 500_000, 900_000),
        annotation('moment', 500_000, null),
        annotation('within', 1_200_000, null),
      ],
    });
    expect(lines.map(({ id, atMs }) => [id, atMs])).toEqual([
      ['alasting', limits.fromMs],
      ['awithin', 1_200_000],
    ]);
    expect(lines[0]!.text).toMatch(/^load test #canary, since \d\d:\d\d:\d\d, until \d\d:\d\d:\d\d$/);
    expect(lines[1]!.text).toBe('load test #canary');
  });

  test('tell paths of the cluster from external targets', () => {
    const event = (id: string, kind: MeshEvent['kind'], detail: string, atMs = limits.fromMs): MeshEvent => {
      const blank = { pod: null, from: [], fromCount: 0, outcome: null, phase: null, totalUs: -1 };
      return { ...blank, id, kind, detail, atMs };
    };
    const target = 'http://goldpinger:8080';
    const lines = linesOf({
      events: [
        event('1', 'probe-failed', probeDetail({ path: 'service', protocol: 'http', target })),
        event('2', 'probe-failed', probeDetail({ protocol: 'http', target })),
        event('3', 'api-lost', 'API server, down'),
        event('4', 'probe-recovered', 'dns example.org', limits.fromMs - 1),
      ],
    });
    expect(lines.map(({ id, kind }) => [id, kind])).toEqual([
      ['1', 'Path'],
      ['2', 'External'],
      ['3', 'API'],
    ]);
  });
});
