import { expect, test } from 'vitest';
import { STATES } from '../../../../../web/model/cells.ts';
import { codeOf } from '../../../../../web/model/links.ts';
import { layoutRing } from '../../../../../web/model/ring-layout.ts';
import { arcNames, arcStates } from '../../../../../web/views/graph/ring-arcs.tsx';
import type { Scenario } from '../../../../support/feed/plan.ts';
import { pictureOf } from '../../pictures.ts';

const BOX = { x: 300, y: 50, width: 460, height: 460 };

function ringOf(pods: number, scenario: Scenario) {
  const picture = pictureOf({ pods, scenario });
  return { picture, ring: layoutRing(picture.mesh.pods, 'node', BOX) };
}

test('names of arcs never lie over each other nor over the words of a pod', () => {
  const { ring } = ringOf(1000, 'healthy');
  const label = { index: 0, x: 780, y: 280, anchor: 'start' as const, leader: [] };
  const names = arcNames(ring, 260, [label], 200, [0, 1060]).filter(({ text }) => text !== '');
  expect(names.length).toBeGreaterThan(20);
  expect(names.length).toBeLessThan(ring.arcs.length);
  const boxes = names.map(({ text, x, y, anchor }) => {
    const width = text.length * 6.5;
    return { left: anchor === 'end' ? x - width : anchor === 'start' ? x : x - width / 2, width, y };
  });
  for (const [i, a] of boxes.entries()) {
    for (const b of boxes.slice(i + 1)) {
      expect(a.left + a.width < b.left || b.left + b.width < a.left || Math.abs(a.y - b.y) >= 16).toBe(true);
    }
    expect(a.left > 980 || a.left + a.width < 780 || Math.abs(a.y - 280) >= 22).toBe(true);
  }
});

test('an arc carries failed where a pod of it fails, and the others stay good', () => {
  const { picture, ring } = ringOf(60, 'dead-pod');
  const dead = picture.pods.find(({ health }) => health === 'failing')!.index;
  const states = arcStates(picture, ring, () => false);
  ring.arcs.forEach((arc, i) => {
    expect(states[i]).toBe(arc.pods.includes(dead) ? 'failed' : 'good');
  });
});

test('an arc does not carry what is drawn link by link, unless nothing else reaches its pods', () => {
  const { picture, ring } = ringOf(60, 'one-way');
  const failed = picture.state.indexOf(codeOf('failed'));
  const [from, to] = [Math.floor(failed / 60), failed % 60];
  const arcs = ring.arcs.filter(({ pods }) => pods.includes(to));
  const states = (drawn: number[]) => arcStates(picture, { ...ring, arcs }, () => false, drawn);
  expect([states([]), states([failed]), states([failed + 1])]).toEqual([['failed'], ['good'], ['failed']]);
  const alone = { ...ring, arcs: [{ ...arcs[0]!, pods: [to] }] };
  expect(arcStates(picture, alone, (pod) => pod !== from, [failed])).toEqual(['failed']);
});

test('what a pod sees that fails to reach everybody does not colour the arcs of the others', () => {
  const { picture, ring } = ringOf(60, 'cut-off');
  const cut = picture.pods.find(({ outOf }) => outOf.failed === outOf.probed)!.index;
  expect(new Set(arcStates(picture, ring, () => false))).toEqual(new Set(['failed']));
  expect(arcStates(picture, ring, (from) => from === cut)).toContain('good');
});

test.each([
  [12, 'good'],
  [13, 'warning'],
])('an arc with %i late links of 120 is %s: more than a tenth counts', (late, state) => {
  const { picture, ring } = ringOf(60, 'healthy');
  const into = new Uint32Array(picture.into.length);
  const [arc] = ring.arcs;
  const [pod] = arc!.pods;
  into[pod! * STATES + codeOf('good')] = 120 - late;
  into[pod! * STATES + codeOf('warning')] = late;
  expect(arcStates({ ...picture, into }, ring, () => false)[0]).toBe(state);
});
