import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { beginningOf, fitText, placeLabels, spread, textWidth } from '../../../../web/model/label-layout.ts';
import { layoutRing } from '../../../../web/model/ring-layout.ts';

describe('spreading', () => {
  test('leaves the names of ranges where these begin, or moves them away from the end of the track', () => {
    expect(spread([10, 200, 500], 82, 0, 818)).toEqual([10, 200, 500]);
    expect(spread([700, 760, 770], 82, 0, 718)).toEqual([554, 636, 718]);
  });

  test('moves neighbours equally far from where they want to be', () => {
    expect(spread([50, 50], 20, 0, 100)).toEqual([40, 60]);
    expect(spread([40, 50, 54], 20, 0, 100)).toEqual([28, 48, 68]);
  });

  test('keeps order, distance and limits for any wishes', () => {
    const wishes = fc.array(fc.integer({ min: -50, max: 500 }), { maxLength: 20 });
    fc.assert(
      fc.property(wishes, fc.integer({ min: 1, max: 30 }), (unsorted, gap) => {
        const wanted = unsorted.sort((a, b) => a - b);
        const placed = spread(wanted, gap, 0, 400);
        const step = Math.min(gap, 400 / Math.max(1, wanted.length - 1));
        placed.forEach((y, i) => {
          expect(y).toBeGreaterThanOrEqual(-1e-6);
          expect(y).toBeLessThanOrEqual(400 + 1e-6);
          if (i > 0) expect(y - placed[i - 1]!).toBeGreaterThanOrEqual(step - 1e-6);
        });
      }),
    );
  });
});

describe('labels', () => {
  const box = { x: 0, y: 0, width: 900, height: 600 };
  const ringOf = (count: number) => {
    const pods = Array.from({ length: count }, (_, i) => ({ uid: `${i}`, name: `p${i}`, node: '', zone: '' }));
    return layoutRing(pods, 'none', { x: 250, y: 100, width: 400, height: 400 });
  };
  const requestOf = (count: number, height: number) => ({
    ring: ringOf(count),
    indexes: Array.from({ length: count }, (_, i) => i),
    height,
    reach: 26,
    rise: 10,
    lift: 0,
    box,
  });

  test('of four pods stand beside them, on the outer side, without a leader', () => {
    const [first, second] = placeLabels(requestOf(4, 58));
    expect(first).toMatchObject({ index: 0, anchor: 'end', leader: [] });
    expect([Math.round(first!.x), Math.round(first!.y)]).toEqual([273, 159]);
    expect(second).toMatchObject({ index: 1, anchor: 'start', leader: [] });
    expect([Math.round(second!.x), Math.round(second!.y)]).toEqual([627, 159]);
  });

  test('have leaders that go around the labels between them and their pods', () => {
    const ring = ringOf(4);
    // A pod far out at the right pushes the label of the first pod outwards, past the label of the second.
    const spots = [
      { x: 560, y: 380 },
      { x: 530, y: 395 },
      { x: 640, y: 330 },
    ].map((spot) => ({ ...spot, angle: 0 }));
    const request = { ...requestOf(3, 19), ring: { ...ring, spots }, reach: 14 };
    const [first, second] = placeLabels({ ...request, box: { ...box, height: 386 } });
    expect(first!.y).toBeLessThan(second!.y);
    expect(first!.leader[1]![0]).toBeLessThan(second!.x);
  });

  test('never lie over each other nor over a pod, at any number that has room', () => {
    for (const [count, height] of [
      [3, 58],
      [8, 58],
      [12, 58],
      [13, 20],
      [30, 20],
    ] as const) {
      const request = requestOf(count, height);
      const labels = placeLabels(request);
      expect(labels).toHaveLength(count);
      for (const a of labels) {
        const outer = Math.sign(a.x - request.ring.cx);
        expect(a.anchor).toBe(outer < 0 ? 'end' : 'start');
        for (const spot of request.ring.spots) {
          const isLevel = Math.abs(spot.y - a.y) < height / 2 + 26;
          if (isLevel) expect((a.x - spot.x) * outer).toBeGreaterThanOrEqual(26);
        }
        for (const b of labels) {
          if (a.index < b.index && a.anchor === b.anchor)
            expect(Math.abs(a.y - b.y)).toBeGreaterThanOrEqual(height - 1e-6);
        }
      }
    }
  });

  test('that had to move away are led back to their pod', () => {
    const [label] = placeLabels({ ...requestOf(30, 20), indexes: [0] });
    const { x, y } = requestOf(30, 20).ring.spots[0]!;
    expect(label!.leader).toHaveLength(3);
    expect(label!.leader[2]).toEqual([x - 13, y]);
  });
});

describe('a text that does not fit', () => {
  test.each([
    ['loses its middle, because the ends of pod names tell them apart', 'goldpinger-7c9f4-x2k8p', 100, 'goldpi…x2k8p'],
    ['stays whole where there is room', 'goldpinger-001', 200, 'goldpinger-001'],
  ])('%s', (_rule, text, width, fitted) => expect(fitText(text, width, 14)).toBe(fitted));

  test('takes no more room than there is, whatever script it is in, but for its ends', () => {
    const ems = (text: string) => [...text].reduce((sum, char) => sum + (char < '\u0250' ? 0.54 : 1.05), 0);
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 300 }),
        fc.integer({ min: -10, max: 400 }),
        (text, width) => {
          const fitted = fitText(text, width, 13);
          expect(ems(fitted)).toBeLessThanOrEqual(Math.max(3 * 1.05, width / 13) + 1e-9);
          if (fitted !== text) expect(fitted).toContain('…');
        },
      ),
    );
  });

  test('is wide where its letters are', () => {
    expect([...fitText('容器'.repeat(40), 130, 13)].length).toBeLessThanOrEqual(10);
  });
});

test('of a sentence that does not fit the first words are shown, and not its end', () => {
  const words = 'its 10 pods are unreachable, all of them';
  expect(beginningOf(words, 1000, 13)).toBe(words);
  expect(beginningOf(words, textWidth('its 10 pods are unreachable,…', 13), 13)).toBe('its 10 pods are unreachable…');
  expect(beginningOf('unreachable', 30, 13)).toContain('…');
  // A long reason says something even if it does not fit.
  const reason = 'for 6 s (CreateContainerConfigError)';
  expect(beginningOf(reason, textWidth('for 6 s (Create…rror)', 13), 13)).toBe('for 6 s (Creat…rror)');
  expect(beginningOf(reason, textWidth('for 6 s (Cre', 13), 13)).toBe('for 6 s…');
});
