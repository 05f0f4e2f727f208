import { describe, expect, test } from 'vitest';
import { wordTokens } from '../../../web/model/heat-colours.ts';
import { LINK_STATES } from '../../../web/model/links.ts';
import { changeColours } from '../../../web/views/compare/map-drawing.ts';
import { contrast, difference, THEMES, VISIONS } from './colour-vision.ts';

/** On which grounds words are written in a colour: 4.5 (WCAG 2, AA). That no other pair is used, axe checks in a browser. */
const PAPER = ['page', 'surface', 'sunken'];
const TINTS = ['accent-tint', 'failed-tint', 'warning-tint', 'suspect-tint'];
const WORDS: Record<string, string[]> = {
  text: [...PAPER, ...TINTS],
  'text-second': [...PAPER, ...TINTS, 'unknown-ground'],
  'text-third': PAPER,
  accent: [...PAPER, ...TINTS],
  'good-word': PAPER,
  'fair-word': PAPER,
  'warning-word': [...PAPER, 'warning-tint'],
  'slow-word': [...PAPER, 'slow-tint'],
  'failed-word': [...PAPER, 'failed-tint'],
  suspect: [...PAPER, 'suspect-tint'],
  'accent-ink': ['accent'],
  'good-ink': ['good-cell'],
  'fair-ink': ['fair-cell'],
  'warning-ink': ['warning-cell'],
  'slow-ink': ['slow-cell'],
  'failed-ink': ['failed-cell'],
  // The names of ranges, and what is said of a moment under the pointer.
  surface: ['text', 'text-second', 'accent', 'good-word'],
};

/** What is seen by its shape (lines, marks, edges of controls, focus rings) on which grounds: 3 (WCAG 2, AA). */
const SHAPES: Record<string, string[]> = {
  'good-link': PAPER,
  'fair-link': PAPER,
  'warning-link': PAPER,
  'slow-link': PAPER,
  'failed-link': PAPER,
  'not-probed-link': ['page', 'surface', 'not-probed-cell'],
  'unknown-link': PAPER,
  suspect: PAPER,
  accent: PAPER,
  'control-edge': PAPER,
  'text-third': ['sunken', 'not-probed-cell', 'surface'],
  text: ['unknown-ground', 'surface'],
  'first-byte': ['surface', 'sunken'],
  'slow-cell': ['page', 'surface'],
  'failed-cell': ['page', 'surface'],
  'failed-lattice': ['failed-cell'],
  page: ['suspect', 'accent', 'text'],
};

const MEANINGS = ['good-cell', 'warning-cell', 'slow-cell', 'failed-cell', 'not-probed-cell', 'unknown-hatch'];

test('both themes have the same tokens', () => {
  expect([...THEMES.dark.keys()]).toEqual([...THEMES.light.keys()]);
  expect(THEMES.light.size).toBeGreaterThan(40);
});

describe.each(Object.entries(THEMES))('%s', (_, tokens) => {
  const colour = (name: string) => tokens.get(name) ?? expect.fail(`no token ${name}`);
  const tooFaint = (pairs: Record<string, string[]>, least: number) =>
    Object.entries(pairs).flatMap(([ink, grounds]) =>
      grounds
        .map((ground) => ({ pair: `${ink} on ${ground}`, least: ratio(ink, ground) }))
        .filter((found) => found.least < least),
    );

  const ratio = (a: string, b: string) => contrast(colour(a), colour(b));

  test('the two phases are told apart, and the first byte from the paper', () => {
    expect(ratio('connect', 'first-byte')).toBeGreaterThanOrEqual(3);
    expect(ratio('first-byte', 'surface')).toBeGreaterThanOrEqual(3);
  });

  test.each(Object.keys(VISIONS) as (keyof typeof VISIONS)[])('with %s vision states stay different', (vision) => {
    const apart = (a: string, b: string) => difference(colour(a), colour(b), vision);
    expect(apart('good-cell', 'slow-cell')).toBeGreaterThanOrEqual(23);
    expect(apart('slow-cell', 'failed-cell')).toBeGreaterThanOrEqual(40);
    for (const [i, a] of MEANINGS.entries()) {
      for (const b of MEANINGS.slice(i + 1)) expect(apart(a, b), `${a} and ${b}`).toBeGreaterThanOrEqual(15);
    }
  });

  test('words can be read wherever they are written', () => {
    expect(tooFaint(WORDS, 4.5)).toEqual([]);
  });

  test('lines, marks, edges and focus rings stand out from what they lie on', () => {
    expect(tooFaint(SHAPES, 3)).toEqual([]);
  });

  test('words on a cell of the heatmap can be read, whatever its state', () => {
    const faint = LINK_STATES.filter((state) => {
      const { ground, ink } = wordTokens(state);
      return contrast(colour(ink.slice(2)), colour(ground.slice(2))) < 4.5;
    });
    expect(faint).toEqual([]);
  });

  test('figures on the map of what changed can be read, however much it is', () => {
    const colours = changeColours(colour('sunken'), colour('slow-cell'), colour('accent'), colour('text'));
    for (let share = -1; share <= 1; share += 1 / 64) {
      const { fill, ink } = colours(share);
      expect(contrast(ink, fill), `${share}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});
