import { describe, expect, test } from 'vitest';
import { chooseLinks } from '../../../../../web/model/link-choice.ts';
import { LINK_STATES } from '../../../../../web/model/links.ts';
import { linkMark } from '../../../../../web/model/marks.ts';
import { type Box, layoutRing } from '../../../../../web/model/ring-layout.ts';
import { overlap, type Point } from '../../../../../web/views/graph/geometry.ts';
import {
  frameOf,
  hitGraph,
  isTight,
  LINK_STYLES,
  placePills,
  sceneLinks,
} from '../../../../../web/views/graph/scene.ts';
import { tierOf } from '../../../../../web/views/graph/tier.ts';
import type { Scenario } from '../../../../support/feed/plan.ts';
import { pictureOf } from '../../pictures.ts';

function sceneOf(pods: number, scenario: Scenario) {
  const picture = pictureOf({ pods, scenario });
  const tier = tierOf(pods, false);
  const frame = frameOf(990, 600, tier, false, 0);
  const ring = layoutRing(picture.mesh.pods, 'none', frame.ring);
  const request = { limit: 200, only: 'all', pod: -1, selfLinks: tier.allLinks } as const;
  const { pairs } = chooseLinks(picture, request);
  const radii = () => tier.disc;
  return { picture, tier, frame, ring, radii, links: sceneLinks(picture, pairs, ring, ring.spots, radii, tier) };
}

describe('the frame', () => {
  test('leaves room for words beside the ring and for external targets on its right', () => {
    const { ring, external } = frameOf(1000, 600, tierOf(4, false), false, 1);
    expect(ring.width).toBe(ring.height);
    expect(ring.x).toBeGreaterThanOrEqual(200);
    expect(external).toMatchObject({ x: 810, width: 182 });
    expect(ring.x + ring.width + 200).toBeLessThanOrEqual(810);
  });

  test('puts external targets below on a narrow screen', () => {
    const { ring, external } = frameOf(390, 400, tierOf(4, true), true, 1);
    expect(external?.y).toBeGreaterThan(ring.y + ring.height);
  });

  test('is as on a phone where words and targets beside the ring would leave it no room', () => {
    expect([isTight(700, 4, 1), isTight(700, 120, 3)]).toEqual([true, true]);
    expect([isTight(830, 4, 1), isTight(700, 4, 0), isTight(700, 30, 0)]).toEqual([false, false, false]);
  });
});

test('the scene has every link of four pods: arrows at the pods that answer, loops above and below', () => {
  const { links, ring } = sceneOf(4, 'slow-pod');
  expect(links).toHaveLength(16);
  for (const { curve, loop, arrow, from, to } of links) {
    if (from === to) {
      expect(curve).toBeNull();
      expect(Math.sign(loop!.y - ring.spots[from]!.y)).toBe(ring.spots[from]!.y < ring.cy ? -1 : 1);
    } else {
      expect(arrow).toHaveLength(3);
      const { x, y } = ring.spots[to]!;
      expect(Math.hypot(arrow[0]!.x - x, arrow[0]!.y - y)).toBeCloseTo(30);
    }
  }
});

test('states of links differ by more than colour: width, dash or mark; only fair is a mere shade of good', () => {
  const drawn = LINK_STATES.filter((state) => !['fair', 'not-yet', 'gone'].includes(state));
  const looks = drawn.map((state) => {
    const { width, dash, marked } = LINK_STYLES[state];
    return `${width} px, dash ${dash.join(' ')}, mark ${marked ? linkMark(state) : 'none'}`;
  });
  expect(new Set(looks).size).toBe(drawn.length);
  // Not even width tells these from a good one alone.
  for (const state of ['failed', 'unknown'] as const) {
    expect(LINK_STYLES[state].dash.length).toBeGreaterThan(1);
    expect(linkMark(state)).not.toBe('');
  }
  expect(LINK_STYLES.slow.width).toBeGreaterThanOrEqual(2 * LINK_STYLES.good.width);
});

test('figures on links never lie over each other, a pod or a name', () => {
  const { links, ring } = sceneOf(8, 'slow-pod');
  const between = links.filter(({ curve }) => curve !== null);
  const boxOf = ({ x, y }: Point, width: number, height: number) => {
    return { x: x - width / 2, y: y - height / 2, width, height };
  };
  const discs = ring.spots.map((spot) => boxOf(spot, 52, 52));
  const boxesBeside = (words: Box[]) =>
    placePills(between, () => '252 ms', ring.spots, 26, words).map((pill) => boxOf(pill, pill.width, 22));
  const expectFree = (boxes: Box[], words: Box[]) => {
    expect(boxes.length).toBeGreaterThan(7);
    for (const [i, box] of boxes.entries()) {
      expect([...boxes.slice(i + 1), ...discs, ...words].filter((other) => overlap(box, other))).toEqual([]);
    }
  };
  const boxes = boxesBeside([]);
  expectFree(boxes, []);
  const [{ x, y } = expect.fail()] = boxes;
  const name = { x: x + 10, y: y + 6, width: 90, height: 18 };
  expectFree(boxesBeside([name]), [name]);
});

describe('what lies under the pointer', () => {
  const { links, ring, radii } = sceneOf(4, 'slow-pod');
  const graph = { glyphs: [0, 1], dots: [2, 3], spots: ring.spots, radii, links };
  const hit = (x: number, y: number) => hitGraph({ x, y }, graph, 7);

  test('is the pod, also just beside its edge, and nothing far from everything', () => {
    expect(hit(5, 5)).toBeNull();
    const { x, y } = ring.spots[2]!;
    expect(hit(x, y)).toEqual({ pod: 2 });
    expect(hit(x + 30, y)).toEqual({ pod: 2 });
  });

  test('is the link of the right direction', () => {
    for (const { middle, pair, curve } of links)
      if (curve !== null && pair === 1) expect(hit(middle.x, middle.y)).toEqual({ pair: 1 });
    const loop = links.find(({ pair }) => pair === 0)!;
    expect(hit(loop.middle.x, loop.middle.y)).toEqual({ pair: 0 });
  });
});

test('a link that loses datagrams has a drop, away from that of the opposite link', () => {
  const { links } = sceneOf(4, 'lossy');
  const lossy = links.filter(({ drop }) => drop !== null);
  expect(lossy.map(({ from, to }) => [from, to].includes(3) && from !== to)).toEqual(new Array(6).fill(true));
  const [a, b] = [lossy.find(({ from }) => from === 3)!, lossy.find(({ from, to }) => from === 0 && to === 3)!];
  const there = links.find(({ from, to }) => from === 3 && to === 0)!;
  expect(Math.hypot(there.drop!.x - b.drop!.x, there.drop!.y - b.drop!.y)).toBeGreaterThan(15);
  expect(a.state).toBe('good');
});

test('pods shrink, names go and links are chosen as their number grows', () => {
  const tiers = [1, 12, 13, 30, 31, 160, 161, 400, 401].map((n) => tierOf(n, false));
  expect(tiers.map(({ disc }) => disc)).toEqual([26, 26, 14, 14, 5, 5, 3, 3, 3]);
  expect(tiers.map(({ allLinks }) => allLinks)).toEqual([true, true, true, true, false, false, false, false, false]);
  expect(tiers.map(({ names }) => names[0]).join('')).toBe('ffssuuuuu');
  expect(tiers.map(({ stateOnArcs }) => stateOnArcs).indexOf(true)).toBe(8);
});
