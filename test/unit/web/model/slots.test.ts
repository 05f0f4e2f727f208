import { expect, test } from 'vitest';
import { layoutRing } from '../../../../web/model/ring-layout.ts';
import { goneNamesakes, PodSlots } from '../../../../web/model/slots.ts';
import { podOf } from '../../../support/mesh.ts';

type SlotPod = Parameters<PodSlots['assign']>[0][number];

function pod(name: string, change: Partial<SlotPod> = {}): SlotPod {
  const base = { uid: `uid-${name}`, namespace: 'default', name, node: 'n1', zone: '', sinceMs: 0, replacedBy: '' };
  return { ...base, lifecycle: 'ready', ...change };
}

/** Places in px by pod name. */
function placesOf(slots: PodSlots, pods: SlotPod[], group: 'none' | 'node' = 'none'): Record<string, string> {
  const { slots: all, slotOf } = slots.assign(pods, group);
  const { spots } = layoutRing(all, group, { x: 0, y: 0, width: 400, height: 400 });
  return Object.fromEntries(
    pods.map(({ name }, i) => [name, `${spots[slotOf[i]!]!.x.toFixed()},${spots[slotOf[i]!]!.y.toFixed()}`]),
  );
}

const FOUR = ['a', 'b', 'c', 'd'].map((name) => pod(name));

test('a replacement takes the place of its predecessor, and keeps it when that is forgotten', () => {
  const slots = new PodSlots();
  const before = placesOf(slots, FOUR);
  const gone = pod('a', { lifecycle: 'gone', replacedBy: 'uid-z' });
  const others = FOUR.slice(1);
  const during = placesOf(slots, [gone, ...others, pod('z')]);
  expect(during).toEqual({ ...before, z: before['a'] });
  expect(placesOf(slots, [...others, pod('z')])).toEqual({
    b: before['b'],
    c: before['c'],
    d: before['d'],
    z: before['a'],
  });
});

test('a place that is left stays empty until a new pod takes it', () => {
  const slots = new PodSlots();
  const before = placesOf(slots, FOUR);
  const { b: left, ...rest } = before;
  const others = FOUR.filter(({ name }) => name !== 'b');
  expect(placesOf(slots, others)).toEqual(rest);
  expect(placesOf(slots, [...others, pod('new')])).toEqual({ ...rest, new: left });
});

test('with groups, a replacement on another node is placed on that node, and an empty place is for pods of its node', () => {
  const slots = new PodSlots();
  const pods = [...FOUR, pod('e', { node: 'n2' }), pod('f', { node: 'n2' })];
  const { slots: all } = slots.assign(pods, 'node');
  expect(all).toHaveLength(6);
  const gone = pod('a', { lifecycle: 'gone', replacedBy: 'uid-z' });
  const z = pod('z', { node: 'n2' });
  const after = slots.assign([gone, ...pods.slice(1), z], 'node');
  expect(after.slots[after.slotOf[6]!]).toMatchObject({ node: 'n2' });
  expect(after.slotOf[0]).toBe(after.slotOf[6]);
});

test('if more than a quarter of the places is empty, they are given up', () => {
  const slots = new PodSlots();
  slots.assign(FOUR, 'none');
  expect(slots.assign(FOUR.slice(2), 'none').slots).toHaveLength(2);
});

test('gone pods of one name share a place, and pods that name each other as successors keep their own', () => {
  const slots = new PodSlots();
  const gone = (uid: string, sinceMs: number, replacedBy = '') =>
    pod('x', { uid, sinceMs, replacedBy, lifecycle: 'gone' });
  expect(slots.assign([gone('1', 10), gone('2', 20), gone('3', 5)], 'none').shownAs).toEqual([1, 1, 1]);
  expect(slots.assign([gone('1', 10, '2'), gone('2', 20, '1')], 'none').shownAs).toEqual([0, 1]);
});

test('gone namesakes are shown as the one that left last; pods that are there are shown themselves', () => {
  const slo = (sinceMs: number, lifecycle: 'gone' | 'ready' = 'gone') =>
    podOf(sinceMs, { name: 'slo', sinceMs, lifecycle });
  const pods = [slo(1), slo(3), podOf(7, { lifecycle: 'gone' }), slo(2), slo(4, 'ready')];
  expect([...goneNamesakes(pods)]).toEqual([
    [3, 1],
    [0, 1],
  ]);
});
