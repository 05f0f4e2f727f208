import { expect, test } from 'vitest';
import { shownLinks } from '../../../../../web/model/link-filter.ts';
import { layoutRing } from '../../../../../web/model/ring-layout.ts';
import { groupsAround, quietPairs, wayOf } from '../../../../../web/views/graph/bundles.ts';
import { pictureOf } from '../../pictures.ts';

test('a line stands for both directions of each pair of pods; one that fails both ways has none', () => {
  expect(quietPairs(pictureOf({ pods: 30, scenario: 'healthy' })).pairs).toHaveLength((30 * 29) / 2);
  // The dead pod does not report, so its outbound links are unknown.
  expect(quietPairs(pictureOf({ pods: 30, scenario: 'dead-pod' })).pairs).toHaveLength((29 * 28) / 2);
});

test('a filter keeps the lines of its pods; too many pods have none', () => {
  const picture = pictureOf({ pods: 30, scenario: 'healthy' });
  const name = picture.pods[3]!.name;
  expect(quietPairs(shownLinks(picture, name)).pairs).toHaveLength(29);
  expect(quietPairs(shownLinks(picture, `from:${name} to:pod:nobody`)).pairs).toEqual([]);
  expect(quietPairs(pictureOf({ pods: 161, scenario: 'healthy' })).pairs).toEqual([]);
});

test('a line leads from pod to pod by way of their nodes and zones', () => {
  const pod = (name: string, node: string, zone: string) => ({ uid: name, name, node, zone });
  const pods = [pod('a', 'n1', 'z1'), pod('b', 'n1', 'z1'), pod('c', 'n2', 'z1'), pod('d', 'n3', 'z2')];
  const ring = layoutRing(pods, 'node', { x: 0, y: 0, width: 600, height: 400 });
  // A worker receives a copy.
  const around = structuredClone(groupsAround(ring));
  const points = (a: number, b: number) => wayOf(around, ring.spots, a, b);
  expect(points(0, 1)).toHaveLength(3);
  expect(points(0, 2)).toHaveLength(5);
  const far = points(0, 3);
  expect(far).toHaveLength(7);
  expect([far[0], far.at(-1)]).toEqual(
    [ring.spots[0], ring.spots[3]].map((spot) => expect.objectContaining({ x: spot!.x, y: spot!.y })),
  );
  expect(far[3]!.x).toBeCloseTo(300);
  expect(far[3]!.y).toBeCloseTo(200);
});
