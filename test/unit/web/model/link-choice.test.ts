import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { STATES } from '../../../../web/model/cells.ts';
import { type ChoiceRequest, chooseLinks, countLinks } from '../../../../web/model/link-choice.ts';
import { shownLinks } from '../../../../web/model/link-filter.ts';
import { codeOf, countsByState, type LinkState, stateAt } from '../../../../web/model/links.ts';
import type { Picture } from '../../../../web/model/mesh-view.ts';
import { pictureOf } from '../pictures.ts';

const ALL: ChoiceRequest = { limit: 200, only: 'all', pod: -1, selfLinks: false };

/** A picture of `n` pods whose links have the states (and latencies, us) that `at` says. */
function pictureWith(n: number, at: (from: number, to: number) => [LinkState, number?]): Picture {
  const picture = pictureOf({ pods: n, scenario: 'healthy' });
  picture.into.fill(0);
  picture.outOf.fill(0);
  const tally = new Array<number>(STATES).fill(0);
  for (let from = 0; from < n; from++) {
    for (let to = 0; to < n; to++) {
      const [state, us] = at(from, to);
      picture.state[from * n + to] = codeOf(state);
      picture.valueUs[from * n + to] = us ?? Number.NaN;
      picture.into[to * STATES + codeOf(state)]! += 1;
      picture.outOf[from * STATES + codeOf(state)]! += 1;
      tally[codeOf(state)]! += 1;
    }
  }
  return { ...picture, counts: countsByState(tally) };
}

function inState({ state }: Picture, pairs: number[], wanted: LinkState): number {
  return pairs.filter((pair) => stateAt(state[pair]) === wanted).length;
}

describe('of too many links', () => {
  test('all failed come first, then the slowest', () => {
    const picture = pictureWith(40, (from, to) => (to === 7 ? ['failed'] : ['slow', 100_000 + from * 40 + to]));
    const { pairs, asked, slowFromUs } = chooseLinks(picture, { ...ALL, limit: 50 });
    expect([inState(picture, pairs, 'failed'), inState(picture, pairs, 'slow'), asked]).toEqual([39, 11, 40 * 39]);
    expect(pairs).toHaveLength(50);
    const slowest = pairs.filter((pair) => stateAt(picture.state[pair]) === 'slow');
    expect(slowest.every((pair) => (picture.valueUs[pair] ?? 0) >= slowFromUs)).toBe(true);
    expect(slowest.at(-1)).toBe(39 * 40 + 38);
  });

  test('failed ones are dealt out over their targets, so that one dead pod hides no second fault', () => {
    const picture = pictureWith(100, (from, to) => {
      if (to === 3) return ['failed'];
      return to === 50 && from < 5 ? ['failed'] : ['good', 500];
    });
    const { pairs, asked } = chooseLinks(picture, { ...ALL, limit: 20, onlyBad: true });
    expect([asked, inState(picture, pairs, 'failed')]).toEqual([104, 20]);
    const into = (to: number) => pairs.filter((pair) => pair % 100 === to).length;
    expect([into(3), into(50)]).toEqual([15, 5]);
  });

  test('failed ones of one target are taken from all around, not from its first pingers', () => {
    const picture = pictureWith(100, (_, to) => (to === 3 ? ['failed'] : ['good', 500]));
    const sources = chooseLinks(picture, { ...ALL, limit: 11 }).pairs.map((pair) => Math.floor(pair / 100));
    expect(Math.max(...sources)).toBeGreaterThan(80);
    expect(Math.min(...sources)).toBeLessThan(20);
  });
});

describe('a choice', () => {
  test('has no self-links, gone pods or unprobed pairs among all links', () => {
    const picture = pictureOf({ pods: 40, scenario: 'lifecycles', pingNumber: 5 });
    for (const pair of chooseLinks(picture, { ...ALL, limit: 5000 }).pairs) {
      expect(pair % 40).not.toBe(Math.floor(pair / 40));
      expect(['good', 'fair', 'warning', 'slow', 'failed', 'unknown']).toContain(stateAt(picture.state[pair]));
    }
  });

  test('of one pod has its unprobed pairs too, and nothing of others', () => {
    const picture = pictureOf({ pods: 20, scenario: 'healthy', pingNumber: 5 });
    const { pairs } = chooseLinks(picture, { ...ALL, pod: 4, selfLinks: true, limit: 1000 });
    expect(pairs).toHaveLength(39);
    expect(pairs.every((pair) => pair % 20 === 4 || Math.floor(pair / 20) === 4)).toBe(true);
    expect(inState(picture, pairs, 'not-probed')).toBeGreaterThan(0);
  });

  test.each(['failed', 'slow', 'good', 'not-probed'] as const)('of %s ones only has no others', (only) => {
    const states = ['good', 'failed', 'slow', 'not-probed'] as const;
    const picture = pictureWith(40, (_, to) => [states[to] ?? 'warning', 1000]);
    const { pairs, asked } = chooseLinks(picture, { ...ALL, only });
    expect([inState(picture, pairs, only), pairs.length, asked]).toEqual([39, 39, 39]);
    expect(chooseLinks(picture, { ...ALL, only, limit: 30 })).toMatchObject({ asked: 39, pairs: { length: 30 } });
  });

  test('of the links that a filter shows has no others, in both directions or in one', () => {
    const picture = pictureOf({ pods: 20, scenario: 'healthy' });
    const { name } = picture.pods[6]!;
    const either = chooseLinks(shownLinks(picture, name), ALL);
    expect([either.pairs.length, either.asked]).toEqual([38, 38]);
    expect(either.pairs.every((pair) => pair % 20 === 6 || Math.floor(pair / 20) === 6)).toBe(true);
    const into = chooseLinks(shownLinks(picture, `to:pod:${name}`), ALL);
    expect([into.pairs.length, into.asked]).toEqual([19, 19]);
    expect(into.pairs.every((pair) => pair % 20 === 6)).toBe(true);
  });

  test('draws the worst last, so that it lies on top', () => {
    const order: LinkState[] = ['good', 'unknown', 'warning', 'slow', 'failed'];
    const picture = pictureWith(5, (_, to) => [order[(to + 2) % 5]!, 1000]);
    const states = chooseLinks(picture, ALL).pairs.map((pair) => order.indexOf(stateAt(picture.state[pair])));
    expect(states).toEqual([...states].sort((a, b) => a - b));
  });
});

test('never exceeds the limit, takes every failed link it can, and is as a slow twin says', () => {
  const states = fc.array(
    fc.tuple(fc.constantFrom<LinkState>('good', 'warning', 'slow', 'failed'), fc.integer({ min: 1, max: 99 })),
    {
      minLength: 64,
      maxLength: 64,
    },
  );
  fc.assert(
    fc.property(states, fc.integer({ min: 1, max: 70 }), (cells, limit) => {
      const picture = pictureWith(8, (from, to) => cells[from * 8 + to]!);
      const { pairs } = chooseLinks(picture, { ...ALL, limit });
      const failed = countLinks(picture, false).byState.failed;
      expect(pairs).toHaveLength(Math.min(limit, 56));
      expect(new Set(pairs).size).toBe(pairs.length);
      expect(inState(picture, pairs, 'failed')).toBe(Math.min(limit, failed));
      const rank = (pair: number) => ['good', 'warning', 'slow'].indexOf(cells[pair]![0]) * 1000 + cells[pair]![1];
      const every = Array.from({ length: 64 }, (_, pair) => pair).filter((pair) => pair % 9 !== 0);
      const others = every.filter((pair) => cells[pair]![0] !== 'failed').sort((a, b) => rank(b) - rank(a) || a - b);
      const wanted = others.slice(0, Math.max(0, limit - failed));
      const got = pairs.filter((pair) => cells[pair]![0] !== 'failed');
      expect(got.map(rank).sort()).toEqual(wanted.map(rank).sort());
    }),
  );
});
