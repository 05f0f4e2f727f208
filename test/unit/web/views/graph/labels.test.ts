import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../../../server/protocol/pod.ts';
import { textWidth } from '../../../../../web/model/label-layout.ts';
import { chooseLinks } from '../../../../../web/model/link-choice.ts';
import { layoutRing, seatPods } from '../../../../../web/model/ring-layout.ts';
import { PodSlots } from '../../../../../web/model/slots.ts';
import { overlap } from '../../../../../web/views/graph/geometry.ts';
import { type Line, labelsOf, linesIn, placedLabels, roomOf } from '../../../../../web/views/graph/labels.ts';
import { BOLD_13, frameOf, isTight, sceneLinks, withNameRoom } from '../../../../../web/views/graph/scene.ts';
import { tierOf } from '../../../../../web/views/graph/tier.ts';
import type { Graph } from '../../../../../web/views/graph/use-graph.ts';
import { podOf } from '../../../../support/mesh.ts';
import { pictureOf } from '../../pictures.ts';

/** Pods on `nodes` nodes in 3 zones. */
function podsOf(count: number, nodes: number): Pod[] {
  return Array.from({ length: count }, (_, i) =>
    podOf(i, { node: `worker-${i % nodes}`, zone: `zone-${(i % nodes) % 3}` }),
  );
}

/** A graph of which `most` pods have a label. */
function graphOf(given: Pick<Graph, 'tier' | 'narrow' | 'frame' | 'ring'> & Partial<Graph>, most = 40): Graph {
  const named = given.ring.spots.map((_, index) => ({ index, finding: null })).slice(0, most);
  return { spots: given.ring.spots, predecessors: new Map(), ...given, named } as Graph;
}

/** Any graph of up to 40 pods with any stage, of which pods can have been dragged anywhere. */
const anyGraph = fc
  .record({
    count: fc.integer({ min: 1, max: 40 }),
    nodes: fc.integer({ min: 1, max: 8 }),
    width: fc.integer({ min: 320, max: 2560 }),
    height: fc.integer({ min: 340, max: 1400 }),
    isPhone: fc.boolean(),
    externals: fc.nat(3),
    most: fc.integer({ min: 1, max: 12 }),
    dragged: fc.array(fc.tuple(fc.nat(39), fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 1400 })), {
      maxLength: 20,
    }),
  })
  .map(({ count, nodes, width, height, isPhone, externals, most, dragged }) => {
    const narrow = isPhone || isTight(width, count, externals);
    const tier = tierOf(count, narrow, height - 16);
    const frame = frameOf(width, height, tier, narrow, externals);
    const ring = layoutRing(podsOf(count, nodes), tier.bundled ? 'node' : 'none', frame.ring);
    const spots = ring.spots.map(({ x, y }) => ({ x, y }));
    for (const [index, x, y] of dragged) if (index < count) spots[index] = { x, y };
    return graphOf({ tier, narrow, frame, ring, spots }, tier.names === 'unhealthy' ? most : 40);
  });

describe('labels', () => {
  test('never overlap and never leave the stage, at any size and number, wherever pods are dragged', () => {
    fc.assert(
      fc.property(anyGraph, (graph) => {
        const labels = labelsOf(graph);
        const { tier, narrow, frame, named } = graph;
        const twoLines = named.length > 3 ? 38 : 56;
        const height = tier.names === 'full' ? 58 : tier.names === 'unhealthy' && !narrow ? twoLines : 20;
        for (const [i, a] of labels.entries()) {
          expect(a.y - height / 2).toBeGreaterThanOrEqual(frame.labels.y - 1e-6);
          expect(a.y + height / 2).toBeLessThanOrEqual(frame.labels.y + frame.labels.height + 1e-6);
          for (const b of labels.slice(i + 1)) {
            if (a.anchor === b.anchor) expect(Math.abs(a.y - b.y)).toBeGreaterThanOrEqual(height - 1e-6);
            // Words on the left end left of where those on the right start.
            else expect((a.anchor === 'end' ? 1 : -1) * (b.x - a.x)).toBeGreaterThanOrEqual(0);
          }
        }
      }),
    );
  });

  test('are all there where no pod is dragged and the stage has its least height', () => {
    for (const count of [1, 2, 4, 8, 12, 13, 20, 30]) {
      for (const width of [360, 720, 1050, 2200]) {
        const narrow = isTight(width, count, 0);
        const tier = tierOf(count, narrow, 340 - 16);
        const frame = frameOf(width, 340, tier, narrow, 0);
        const ring = layoutRing(podsOf(count, 3), tier.bundled ? 'node' : 'none', frame.ring);
        expect(labelsOf(graphOf({ tier, narrow, frame, ring }))).toHaveLength(count);
      }
    }
  });
});

test.each([2, 3, 4, 5, 6, 7, 8, 9, 10])('labels of %i pods cover no arrow', (count) => {
  const picture = pictureOf({ pods: count, scenario: 'healthy' });
  for (const [width, height] of [
    [990, 600],
    [2200, 1000],
  ] as const) {
    const tier = tierOf(count, false, height - 16);
    const frame = frameOf(width, height, tier, false, 0);
    const ring = layoutRing(picture.mesh.pods, 'none', frame.ring);
    const { pairs } = chooseLinks(picture, { limit: 200, only: 'all', pod: -1, selfLinks: true });
    const arrows = sceneLinks(picture, pairs, ring, ring.spots, () => tier.disc, tier).flatMap(({ arrow }) => arrow);
    const graph = graphOf({ tier, narrow: false, frame, ring });
    const boxes = placedLabels(graph, picture, picture.mesh.atMs).map(({ box }) => box);
    expect(boxes).toHaveLength(count);
    expect(arrows.filter((corner) => boxes.some((box) => overlap(box, { ...corner, width: 0, height: 0 })))).toEqual(
      [],
    );
  }
});

test.each([2, 3, 6, 12])('on a phone the names of %i nodes are whole at the sides of the ring', (count) => {
  const tier = tierOf(count, true);
  const widest = textWidth('worker-01', BOLD_13);
  const usual = frameOf(390, 420, tier, true, 0);
  const by = tier.bundled ? 'node' : 'none';
  const { spots } = layoutRing(podsOf(count, count), by, usual.ring);
  const frame = withNameRoom(usual, spots, tier, widest);
  const ring = layoutRing(podsOf(count, count), by, frame.ring);
  const graph = graphOf({ tier, narrow: true, frame, ring });
  const rooms = labelsOf(graph).map((label) => roomOf(label, graph));
  expect(Math.min(...rooms)).toBeGreaterThanOrEqual(widest);
  expect(frame.ring.width).toBeGreaterThan(usual.ring.width / 2);
  // Short names change nothing.
  expect(withNameRoom(usual, spots, tier, 20)).toBe(usual);
});

const HEALTHY: Line[] = [
  { text: 'pod', className: 'label-name' },
  { text: 'worker-01 · 10.244.1.5', className: 'label-address' },
  { text: 'Healthy', className: 'label-state tone-good', more: { text: 'slow from all 3 others', tone: 'slow' } },
];
const UNREACHABLE: Line[] = [
  { text: 'pod', className: 'label-name' },
  { text: 'node', className: 'label-place', more: { text: 'unreachable from all 59 others', tone: 'failed' } },
];

test.each([
  [
    'healthy and slow to reach, says both in one line',
    HEALTHY,
    320,
    true,
    'worker-01 · 10.244.1.5|Healthy · slow from all 3 others',
  ],
  [
    'but in two lines, without its address, where there is less room',
    HEALTHY,
    230,
    true,
    'Healthy|slow from all 3 others',
  ],
  ['with a long note, has it beside its node', UNREACHABLE, 320, true, 'node · unreachable from all 59 others'],
  ['but in the next line where there is less room', UNREACHABLE, 220, true, 'node|unreachable from all 59 others'],
  ['or in two without the node', UNREACHABLE, 150, true, 'unreachable from all|59 others'],
  ['but not where labels are many', UNREACHABLE, 150, false, 'node · unreachable from all 59 others'],
])('a pod, %s', (_, lines, room, roomy, texts) => {
  const all = linesIn(room, lines, roomy).map(({ text, more }) => [text, more?.text].filter(Boolean).join(' · '));
  expect(all).toEqual(['pod', ...texts.split('|')]);
});

test('a pod keeps its place while others come and go, as long as there is a place for each', () => {
  const all = podsOf(24, 6);
  const BOX = { x: 0, y: 0, width: 600, height: 400 };
  const someOf = fc.array(fc.array(fc.boolean(), { minLength: 24, maxLength: 24 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(someOf, (rounds) => {
      const slots = new PodSlots();
      const placesOf = (pods: Pod[]) => {
        const seats = slots.assign(pods, 'node');
        const ring = seatPods(layoutRing(seats.slots, 'node', BOX), seats.slotOf, (i) => seats.shownAs[i] === i);
        return new Map(pods.map(({ uid }, i) => [uid, ring.spots[i]]));
      };
      const first = placesOf(all);
      for (const round of rounds) {
        // At most a quarter is away: with more empty places, they are given up.
        let away = 0;
        const here = all.filter((_, i) => round[i] || ++away > 6);
        for (const [uid, place] of placesOf(here)) expect(place).toEqual(first.get(uid));
      }
      expect(placesOf(all)).toEqual(first);
    }),
  );
});
