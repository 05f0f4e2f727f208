import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LATENCY_BINS_US, MAX_PAST_MS, type MeshHistory } from '../../../../server/protocol/history.ts';
import { keptLines, noteOf, prettyJson } from '../../../../web/app/text-view.tsx';
import { RECENT_MS, type RecentPoint, withPicture } from '../../../../web/model/recent-points.ts';
import {
  merged,
  oldestAskedMs,
  stepAt,
  stepPaths,
  stepsOf,
  type TimelineStep,
  withLive,
} from '../../../../web/model/timeline.ts';
import { suggestedRanges } from '../../../../web/views/timeline/suggestion.ts';
import { pictureOf } from '../pictures.ts';

/** A history of steps of 10 s from 0 on: counts of bad links, and rows known of four. */
function historyOf(
  steps: { failed?: number; us?: number[]; lossyUs?: number[]; rows?: number; links?: number }[],
): MeshHistory {
  const bins = (us: number[]) => {
    const counts = Array.from({ length: LATENCY_BINS_US.length + 1 }, () => 0);
    for (const each of us)
      counts[[...LATENCY_BINS_US, Number.POSITIVE_INFINITY].findIndex((bound) => each <= bound)]!++;
    return counts;
  };
  return {
    fromMs: 0,
    toMs: steps.length * 10_000,
    stepMs: 10_000,
    nowMs: steps.length * 10_000,
    resolutionMs: 5000,
    missing: [],
    reports: steps.map(({ rows = 4 }) => rows),
    pods: steps.map(() => 4),
    links: steps.map(({ links, us = [], failed = 0 }) => links ?? us.length + failed),
    failed: steps.map(({ failed = 0 }) => failed),
    byLatency: steps.map(({ us = [] }) => bins(us)),
    lossyByLatency: steps.map(({ lossyUs = [] }) => bins(lossyUs)),
  };
}

describe('steps of a history', () => {
  test('slow is what the page calls a problem; failed is failed', () => {
    const history = historyOf([{ us: [600, 252_000, 90_000], failed: 2 }]);
    expect(stepsOf(history, 100)).toEqual([{ fromMs: 0, toMs: 10_000, failed: 2, slow: 1, lossy: 0, known: 1 }]);
    expect(stepsOf(history, 50)[0]?.slow).toBe(2);
    expect(stepsOf(history, 0.5)[0]?.slow).toBe(3);
    expect(stepsOf(history, 99_000)[0]?.slow).toBe(0);
  });

  test('a lossy link is counted once: not if the page calls it slow', () => {
    const history = historyOf([{ us: [600, 252_000, 90_000], lossyUs: [600, 252_000] }]);
    expect(stepsOf(history, 100)).toMatchObject([{ slow: 1, lossy: 1 }]);
    expect(stepsOf(history, 99_000)).toMatchObject([{ slow: 0, lossy: 2 }]);
    const { lossyByLatency: _, ...older } = history;
    expect(stepsOf(older, 100)).toMatchObject([{ slow: 1, lossy: 0 }]);
  });

  test('what nobody knows is unknown, what some know is known in part', () => {
    const history = historyOf([{ rows: 0 }, { rows: 3, us: [600] }, { rows: 0, links: 1 }]);
    expect(stepsOf(history, 100).map(({ known }) => known)).toEqual([0, 0.75, 0]);
  });
});

describe('history and what the page has seen', () => {
  const steps = stepsOf(historyOf([{ us: [600] }, { failed: 1 }, { us: [600] }]), 100);
  const live = (atMs: number, failed: number) => ({ atMs, failed, slow: 0, lossy: 0 });
  const answered = { stepMs: 10_000, nowMs: 30_000 };

  test('live pictures go on where the last whole step ends', () => {
    const joined = withLive(steps, [live(25_000, 7), live(31_000, 2), live(34_000, 0)], 36_000, answered);
    expect(joined.map(({ fromMs, toMs, failed }) => [fromMs, toMs, failed])).toEqual([
      [0, 10_000, 0],
      [10_000, 20_000, 1],
      [20_000, 30_000, 0],
      [30_000, 31_000, 7],
      [31_000, 34_000, 2],
      [34_000, 36_000, 0],
    ]);
  });

  test('a step that has ended since the answer is not whole: what the page has seen counts', () => {
    const joined = withLive(steps, [live(15_000, 7)], 36_000, { ...answered, nowMs: 29_000 });
    expect(joined.map(({ fromMs, toMs, failed }) => [fromMs, toMs, failed])).toEqual([
      [0, 10_000, 0],
      [10_000, 20_000, 1],
      [20_000, 36_000, 7],
    ]);
  });

  test('a step that ends after the time of the page, which may be late, does not hide what is live', () => {
    const joined = withLive(steps, [live(25_000, 7)], 29_000, answered);
    expect(joined.at(-1)).toMatchObject({ fromMs: 25_000, toMs: 29_000, failed: 7 });
  });

  test('they never overlap and never leave what is known', () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 60_000 }), { maxLength: 20 });
    fc.assert(
      fc.property(times, fc.integer({ min: 30_000, max: 70_000 }), (ats, nowMs) => {
        const points = ats.filter((at) => at <= nowMs).sort((a, b) => a - b);
        const joined = withLive(
          steps,
          points.map((at) => live(at, 1)),
          nowMs,
          answered,
        );
        for (const [i, { fromMs, toMs }] of joined.entries()) {
          expect(toMs).toBeGreaterThan(fromMs);
          expect(fromMs).toBeGreaterThanOrEqual(joined[i - 1]?.toMs ?? 0);
          expect(toMs).toBeLessThanOrEqual(nowMs);
        }
      }),
    );
  });

  test('without a history only what was seen is known', () => {
    expect(withLive([], [live(5000, 1)], 8000, null)).toEqual([
      { fromMs: 5000, toMs: 8000, failed: 1, slow: 0, lossy: 0, known: 1 },
    ]);
  });
});

test('while the page was disconnected nothing is known', () => {
  const points = [0, 600_000].map((atMs) => ({ atMs, failed: 1, slow: 0, lossy: 0 }));
  const joined = withLive([], points, 605_000, null);
  expect(joined.map(({ fromMs, toMs, failed, known }) => [fromMs, toMs, failed, known])).toEqual([
    [0, 60_000, 1, 1],
    [60_000, 600_000, 0, 0],
    [600_000, 605_000, 1, 1],
  ]);
});

test('merging keeps every moment as it was', () => {
  const step = fc.record({ failed: fc.nat(1), slow: fc.nat(1), lossy: fc.nat(1), known: fc.constantFrom(0, 1) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.nat(300_000), (counts, atMs) => {
      const steps = counts.map((count, i) => ({ ...count, fromMs: i * 10_000, toMs: (i + 1) * 10_000 }));
      const [plain, joined] = [stepAt(steps, atMs), stepAt(merged(steps), atMs)];
      expect(joined?.failed).toBe(plain?.failed);
      expect(joined?.lossy).toBe(plain?.lossy);
      expect(joined?.known).toBe(plain?.known);
    }),
  );
});

test('outlines: slow upon failed, lossy upon both, unknown over all its height, what is left of the chart as a line', () => {
  const steps: TimelineStep[] = [
    { fromMs: 0, toMs: 10, failed: 2, slow: 1, lossy: 1, known: 1 },
    { fromMs: 10, toMs: 20, failed: 0, slow: 0, lossy: 0, known: 0 },
    { fromMs: 20, toMs: 30, failed: 0, slow: 0, lossy: 0, known: 0.5 },
  ];
  const { failed, slow, lossy, unknown, partly, most } = stepPaths(steps, (ms) => ms, 40);
  expect(most).toBe(4);
  expect(failed).toBe('M0.0 40.0V20.0H10.0V40.0Z');
  expect(slow).toBe('M0.0 20.0V10.0H10.0V20.0Z');
  expect(lossy).toBe('M0.0 10.0V0.0H10.0V10.0Z');
  expect(unknown).toBe('M10.0 40.0V0.0H20.0V40.0Z');
  expect(partly).toBe('M20.0 40.0V20.0H30.0V40.0Z');
  expect(stepPaths([], (ms) => ms, 40)).toEqual({ failed: '', slow: '', lossy: '', unknown: '', partly: '', most: 0 });
});

describe('what to compare where nobody has said', () => {
  const step = (from: number, to: number, failed: number, known = 1): TimelineStep => ({
    fromMs: from * 1000,
    toMs: to * 1000,
    failed,
    slow: 0,
    lossy: 0,
    known,
  });
  const limits = { fromMs: 0, toMs: 1_000_000 };
  const seconds = (steps: TimelineStep[]) =>
    suggestedRanges(steps, limits, 4000).map(({ fromMs, toMs }) => [fromMs / 1000, toMs / 1000]);

  test('a fault that lasts: the good time before it, and the fault', () => {
    expect(seconds([step(0, 900, 0), step(900, 1000, 4)])).toEqual([
      [600, 895],
      [900, 1000],
    ]);
  });

  test('a fault that is over has an after; an earlier fault is not in its before', () => {
    const steps = [step(0, 100, 0), step(100, 200, 1), step(200, 300, 0), step(300, 400, 2), step(400, 1000, 0)];
    expect(seconds(steps)).toEqual([
      [200, 295],
      [300, 400],
      [405, 700],
    ]);
  });

  test('a flicker is one fault', () => {
    const steps = [step(0, 500, 0), step(500, 510, 1), step(510, 518, 0), step(518, 530, 1), step(530, 1000, 0)];
    expect(seconds(steps)[1]).toEqual([500, 530]);
  });

  test('a fault that changes its kind is one, from its first bad step to its last; two faults of one kind stay two', () => {
    const slow = (from: number, to: number) => ({ ...step(from, to, 0), slow: 3 });
    const changing = [step(0, 500, 0), step(500, 560, 3), step(560, 600, 0), slow(600, 700), step(700, 1000, 0)];
    expect(seconds(changing)).toEqual([
      [200, 495],
      [500, 700],
      [705, 1000],
    ]);
    const later = [step(0, 500, 0), step(500, 560, 3), step(560, 630, 0), slow(630, 700), step(700, 1000, 0)];
    expect(seconds(later)[1]).toEqual([630, 700]);
    const same = [step(0, 500, 0), step(500, 560, 3), step(560, 600, 0), step(600, 700, 1), step(700, 1000, 0)];
    expect(seconds(same)[1]).toEqual([600, 700]);
  });

  test('time of which nothing is known, and a single good step however long, end no fault', () => {
    const gap = [step(0, 500, 0), step(500, 560, 3), step(560, 700, 0, 0), step(700, 750, 1), step(750, 1000, 0)];
    expect(seconds(gap)[1]).toEqual([500, 750]);
    const coarse = [step(0, 500, 0), step(500, 560, 3), step(560, 632, 0), step(632, 704, 1), step(704, 1000, 0)];
    expect(suggestedRanges(coarse, limits, 72_000)[1]).toEqual({ fromMs: 500_000, toMs: 704_000 });
  });

  test('whatever fails, is slow or lossy at last, the fault begins and ends with something bad, and nothing bad comes after it', () => {
    const counts = fc.array(fc.record({ failed: fc.nat(1), slow: fc.nat(1), lossy: fc.nat(1) }), {
      minLength: 60,
      maxLength: 250,
    });
    fc.assert(
      fc.property(counts, (all) => {
        const steps = all.map((bad, i) => ({ ...bad, fromMs: i * 4000, toMs: (i + 1) * 4000, known: 1 }));
        // Good time before, so that there is something to compare with.
        const shown = steps.map((one, i) => (i < 20 ? { ...one, failed: 0, slow: 0, lossy: 0 } : one));
        const during = suggestedRanges(shown, { fromMs: 0, toMs: all.length * 4000 }, 4000)[1];
        const bad = shown.filter(({ failed, slow, lossy }) => failed + slow + lossy > 0);
        if (bad.length === 0 || during === undefined) return;
        expect(bad.at(-1)?.toMs).toBe(during.toMs);
        expect(bad.some(({ fromMs }) => fromMs === during.fromMs)).toBe(true);
      }),
    );
  });

  test.each<[string, TimelineStep[], [number, number], [number, number][]]>([
    [
      'good, before a fault: the fault',
      [step(0, 800, 0), step(800, 900, 4), step(900, 1000, 0)],
      [100, 200],
      [
        [100, 200],
        [800, 900],
      ],
    ],
    [
      'in a fault: the good time before the fault',
      [step(0, 800, 0), step(800, 900, 4), step(900, 1000, 0)],
      [820, 840],
      [
        [500, 795],
        [820, 840],
      ],
    ],
    [
      'in an earlier fault: the same',
      [step(0, 300, 0), step(300, 400, 1), step(400, 900, 0), step(900, 1000, 4)],
      [310, 400],
      [
        [0, 295],
        [310, 400],
      ],
    ],
    [
      'good, after a fault: the good time between them',
      [step(0, 300, 0), step(300, 400, 1), step(400, 1000, 0)],
      [600, 700],
      [
        [400, 595],
        [600, 700],
      ],
    ],
    [
      'without a fault: the good time before it',
      [step(0, 1000, 0)],
      [600, 700],
      [
        [300, 595],
        [600, 700],
      ],
    ],
    [
      'where nothing is known before it: as much time after it',
      [step(500, 1000, 0)],
      [500, 600],
      [
        [500, 600],
        [600, 700],
      ],
    ],
  ])('a range that is drawn stays; %s is added', (_, steps, [from, to], compared) => {
    const drawn = { fromMs: from * 1000, toMs: to * 1000 };
    const suggested = suggestedRanges(steps, limits, 4000, drawn);
    expect(suggested.map(({ fromMs, toMs }) => [fromMs / 1000, toMs / 1000])).toEqual(compared);
  });

  test('without a fault, the last two halves of what is known', () => {
    expect(seconds([step(0, 800, 0, 0), step(800, 1000, 0)])).toEqual([
      [800, 900],
      [900, 1000],
    ]);
  });
});

const picture = pictureOf({ pods: 2, scenario: 'dead-pod' });
const at = (atMs: number) => ({ ...picture, lossyLinks: 2, mesh: { ...picture.mesh, atMs } });

test('the recent points grow by one for each mesh, within limits, and begin anew at a pod whose clock is behind', () => {
  const one = withPicture([], at(1_000_000));
  expect(one).toEqual([{ atMs: 1_000_000, failed: 1, slow: 0, lossy: 2 }]);
  expect(withPicture(one, at(1_000_000))).toBe(one);
  expect(withPicture(one, at(1_001_000))).toHaveLength(2);
  expect(withPicture(one, at(900_000))).toHaveLength(1);
  let points: readonly RecentPoint[] = [];
  for (let i = 0; i < 1500; i++) points = withPicture(points, at(1_000_000 + i * 500));
  expect(points.length).toBeLessThanOrEqual(1200);
  expect(withPicture(points, at(1_000_000 + 2 * RECENT_MS))).toHaveLength(1);
});

test('raw answers: JSON becomes readable, the rest stays; lines are kept by what they contain', () => {
  expect(prettyJson('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
  expect(prettyJson('{"a":')).toBe('{"a":');
  expect(prettyJson('# HELP x')).toBe('# HELP x');
  expect(keptLines('One\ntwo\nthree\n', 'O')).toEqual({ text: 'One\ntwo', lines: 2, all: 3 });
  expect(keptLines('', '')).toEqual({ text: '', lines: 0, all: 0 });
});

test('a raw response of another pod than the data says so, but not while the pod of the data is unknown', () => {
  const answer = { text: 'a', cut: false, status: 200, pod: 'pod-a' };
  const notes = ['pod-a', 'pod-b', ''].map((servedBy) => noteOf(answer, { lines: 1, all: 1 }, '', servedBy, false));
  const own = 'HTTP 200, 1 line, from pod-a';
  expect(notes).toEqual([own, `${own}, another pod`, own]);
  const past = noteOf(answer, { lines: 1, all: 1 }, '', 'pod-a', true);
  expect(past).toBe(`${own}, live: not of the viewed time`);
});

test('a span of 24 h begins at a time that the server still answers for when the request arrives', () => {
  const arrivesMs = 10 * 86_400_000 + 30_000;
  expect(oldestAskedMs(10 * 86_400_000)).toBeGreaterThan(arrivesMs - MAX_PAST_MS);
});
