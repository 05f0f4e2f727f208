import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../../../server/protocol/link-state.ts';
import { STATES } from '../../../../web/model/cells.ts';
import { type ChoiceRequest, chooseLinks } from '../../../../web/model/link-choice.ts';
import { codeOf, type LinkState, stateAt } from '../../../../web/model/links.ts';
import { buildPicture, type Picture } from '../../../../web/model/mesh-view.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';

const ALL: ChoiceRequest = { limit: 200, only: 'all', pod: -1, selfLinks: false, touching: null };

function pictureOf(...[options]: Parameters<typeof meshOf>): Picture {
  return buildPicture(meshOf(options), { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total' });
}

/** A picture of `n` pods whose links have the states (and latencies, us) that `at` says. */
function pictureWith(n: number, at: (from: number, to: number) => [LinkState, number?]): Picture {
  const picture = pictureOf({ pods: n, scenario: 'healthy' });
  picture.into.fill(0);
  picture.outOf.fill(0);
  for (let from = 0; from < n; from++) {
    for (let to = 0; to < n; to++) {
      const [state, us] = at(from, to);
      picture.state[from * n + to] = codeOf(state);
      picture.valueUs[from * n + to] = us ?? Number.NaN;
      picture.into[to * STATES + codeOf(state)]! += 1;
      picture.outOf[from * STATES + codeOf(state)]! += 1;
    }
  }
  return picture;
}

describe('of too many links', () => {
  test('all failed come first, then the slowest', () => {
    const picture = pictureWith(40, (from, to) => (to === 7 ? ['failed'] : ['slow', 100_000 + from * 40 + to]));
    const { pairs, shown, total, all, slowFromUs } = chooseLinks(picture, { ...ALL, limit: 50 });
    expect([shown.failed, shown.slow]).toEqual([39, 11]);
    expect([total.failed, total.slow, all]).toEqual([39, 40 * 39 - 39, 40 * 39]);
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
    const { pairs, shown, total } = chooseLinks(picture, { ...ALL, limit: 20 });
    expect(total.failed).toBe(104);
    expect(shown.failed).toBe(20);
    const into = (to: number) => pairs.filter((pair) => pair % 100 === to).length;
    expect([into(3), into(50)]).toEqual([15, 5]);
  });

  test('failed ones of one target are taken from all around, not from its first pingers', () => {
    const picture = pictureWith(100, (_, to) => (to === 3 ? ['failed'] : ['good', 500]));
    const sources = chooseLinks(picture, { ...ALL, limit: 11 }).pairs.map((pair) => Math.floor(pair / 100));
    expect(Math.max(...sources)).toBeGreaterThan(80);
    expect(Math.min(...sources)).toBeLessThan(20);
  });

  test('none is hidden when the limit is the count', () => {
    const picture = pictureWith(5, () => ['failed']);
    expect(chooseLinks(picture, { ...ALL, limit: 20 }).pairs).toHaveLength(20);
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
    const { pairs, shown } = chooseLinks(picture, { ...ALL, pod: 4, selfLinks: true, limit: 1000 });
    expect(pairs).toHaveLength(39);
    expect(pairs.every((pair) => pair % 20 === 4 || Math.floor(pair / 20) === 4)).toBe(true);
    expect(shown['not-probed']).toBeGreaterThan(0);
  });

  test('of failed or slow ones only has no others, but counts them', () => {
    const picture = pictureWith(40, (_, to) => (to === 1 ? ['failed'] : to === 2 ? ['slow', 250_000] : ['good', 500]));
    const failed = chooseLinks(picture, { ...ALL, only: 'failed' });
    const slow = chooseLinks(picture, { ...ALL, only: 'slow' });
    expect([failed.shown.failed, failed.pairs.length]).toEqual([39, 39]);
    expect([slow.shown.slow, slow.pairs.length]).toEqual([39, 39]);
    expect([failed.all, slow.all]).toEqual([1560, 1560]);
  });

  test('of a filter touches what the filter found', () => {
    const touching = new Uint8Array(20);
    touching[6] = 1;
    const picture = pictureOf({ pods: 20, scenario: 'healthy' });
    const { pairs } = chooseLinks(picture, { ...ALL, touching });
    expect(pairs).toHaveLength(38);
    expect(pairs.every((pair) => pair % 20 === 6 || Math.floor(pair / 20) === 6)).toBe(true);
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
      const { pairs, total, shown } = chooseLinks(picture, { ...ALL, limit });
      expect(pairs).toHaveLength(Math.min(limit, 56));
      expect(new Set(pairs).size).toBe(pairs.length);
      expect(shown.failed).toBe(Math.min(limit, total.failed));
      const rank = (pair: number) => ['good', 'warning', 'slow'].indexOf(cells[pair]![0]) * 1000 + cells[pair]![1];
      const every = Array.from({ length: 64 }, (_, pair) => pair).filter((pair) => pair % 9 !== 0);
      const others = every.filter((pair) => cells[pair]![0] !== 'failed').sort((a, b) => rank(b) - rank(a) || a - b);
      const wanted = others.slice(0, Math.max(0, limit - total.failed));
      const got = pairs.filter((pair) => cells[pair]![0] !== 'failed');
      expect(got.map(rank).sort()).toEqual(wanted.map(rank).sort());
    }),
  );
});
