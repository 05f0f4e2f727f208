import { describe, expect, test } from 'vitest';
import { ciede2000, contrast, difference, VISIONS } from './colour-vision.ts';
import { THEMES } from './themes.ts';

const MEANINGS = ['good-cell', 'warning-cell', 'slow-cell', 'failed-cell', 'not-probed-cell', 'unknown-hatch'];

test('both themes have the same tokens', () => {
  expect([...THEMES.dark.keys()]).toEqual([...THEMES.light.keys()]);
  expect(THEMES.light.size).toBeGreaterThan(40);
});

test('CIEDE2000 gives the published figures (Sharma, Wu and Dalal 2005, table 1)', () => {
  expect(ciede2000([50, 2.6772, -79.7751], [50, 0, -82.7485])).toBeCloseTo(2.0425, 4);
  expect(ciede2000([50, -1.1848, -84.8006], [50, 0, -82.7485])).toBeCloseTo(1.0, 4);
  expect(ciede2000([50, 2.5, 0], [73, 25, -18])).toBeCloseTo(27.1492, 4);
  expect(ciede2000([2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514])).toBeCloseTo(0.9082, 4);
});

describe.each(Object.entries(THEMES))('%s', (_, tokens) => {
  const colour = (name: string) => tokens.get(name) ?? expect.fail(`no token ${name}`);
  const ratio = (a: string, b: string) => contrast(colour(a), colour(b));

  test('the two phases are told apart, and the first byte from the paper', () => {
    expect(ratio('connect', 'first-byte')).toBeGreaterThanOrEqual(3);
    expect(ratio('first-byte', 'surface')).toBeGreaterThanOrEqual(3);
  });

  test.each(Object.keys(VISIONS) as (keyof typeof VISIONS)[])('with %s vision states stay different', (vision) => {
    const apart = (a: string, b: string) => difference(colour(a), colour(b), vision);
    expect(apart('good-cell', 'slow-cell')).toBeGreaterThanOrEqual(20);
    expect(apart('slow-cell', 'failed-cell')).toBeGreaterThanOrEqual(20);
    for (const [i, a] of MEANINGS.entries()) {
      for (const b of MEANINGS.slice(i + 1)) expect(apart(a, b), `${a} and ${b}`).toBeGreaterThanOrEqual(10);
    }
  });
});
