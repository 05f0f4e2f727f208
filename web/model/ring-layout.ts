import { bisect, cluster, cumsum, type HierarchyPointNode, hierarchy, range } from 'd3';
import type { Pod } from '../../server/protocol/pod.ts';
import type { GroupBy } from './address.ts';
import { compareNames } from './names.ts';

/** The properties of a pod that the layout uses. Pods without a known node or zone are in group ''. */
export type RingPod = Pick<Pod, 'uid' | 'name' | 'node' | 'zone'>;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The place of a pod, px, and the angle of this place on the ellipse in radians (see `pointOn`). */
interface Spot {
  x: number;
  y: number;
  angle: number;
}

/** A group of neighbours on the ring, from the angle of the first pod to that of the last (radians, clockwise). */
export interface RingArc {
  name: string;
  from: number;
  to: number;
  /** Indexes of its pods, in the order of the ring. */
  pods: number[];
}

/** The tree of zones, nodes and pods behind a ring. `x`: angle (radians) on the ellipse, `y`: 0 = centre, 1 = ring. */
export type RingNode = HierarchyPointNode<TreeItem>;

/** Pods on an ellipse. `spots` is in input order; `order` is the order around the ring. */
export interface Ring {
  cx: number;
  cy: number;
  rx: number;
  ry: number;
  spots: Spot[];
  order: number[];
  arcs: RingArc[];
  /** The zones, if there is more than one and `arcs` are nodes; otherwise empty. */
  zones: RingArc[];
  /** The leaf of each pod in the tree, by which links are bundled. */
  leaves: RingNode[];
}

/** A zone, a node or a pod. `pod`: index of the pod; -1 = a group. */
interface TreeItem {
  name: string;
  pod: number;
  children?: TreeItem[];
}

/** Gap between two groups, as a multiple of the distance between two pods. */
export const GAP_SLOTS = 1.6;

/** Zone, node, name, uid; with `none` name and uid. So new measurements move no pod, and a new pod changes no other's order. */
export function ringOrder(pods: readonly RingPod[], group: GroupBy): number[] {
  const byName = (a: RingPod, b: RingPod) => compareNames(a.name, b.name) || compareNames(a.uid, b.uid);
  const byPlace = (a: RingPod, b: RingPod) =>
    compareNames(a.zone, b.zone) || compareNames(a.node, b.node) || byName(a, b);
  const order = group === 'none' ? byName : byPlace;
  return pods.map((_, i) => i).sort((i, j) => order(pods[i] as RingPod, pods[j] as RingPod));
}

/**
 * Places pods on an ellipse inside `box`, clockwise in the order of `ringOrder`, at equal distances along it. Without
 * groups the first pod is left of the top, so that few pods read from left to right. With groups the first group starts at
 * the top. A single pod is in the centre.
 */
export function layoutRing(pods: readonly RingPod[], group: GroupBy, box: Box): Ring {
  const order = ringOrder(pods, group);
  const alone = order.length <= 1;
  const [rx, ry] = alone ? [0, 0] : [Math.max(0, box.width / 2), Math.max(0, box.height / 2)];
  const ellipse = { cx: box.x + box.width / 2, cy: box.y + box.height / 2, rx, ry };
  const tree = hierarchy(treeOf(pods, order, group));
  // Without a size all places are in the centre, at any angle.
  const angleAt = angles(rx || 1, ry || 1);
  // Each pod takes one slot, half of it on each side.
  const root = cluster<TreeItem>()
    .size([1, 1])
    .separation((a, b) => (a.parent === b.parent ? 1 : 1 + GAP_SLOTS))(tree);
  const turn = group === 'none' ? 1 / Math.max(1, order.length) : 0;
  root.each((item) => {
    item.x = angleAt(item.x - turn);
  });
  const leaves: RingNode[] = new Array(pods.length);
  const spots: Spot[] = new Array(pods.length);
  for (const leaf of root.leaves()) {
    leaves[leaf.data.pod] = leaf;
    spots[leaf.data.pod] = { ...pointOn(ellipse, leaf.x), angle: leaf.x };
  }
  const groups =
    group === 'none' ? [] : root.descendants().filter(({ children }) => (children?.[0]?.data.pod ?? -1) >= 0);
  const arcs = groups.map(arcOf);
  const zones = group === 'node' && (root.children?.length ?? 0) > 1 ? (root.children ?? []).map(arcOf) : [];
  return { ...ellipse, spots, order, arcs, zones, leaves };
}

/** The ring of pods that have the places of another ring (`placeOf`, by pod). Of several at a place, `isShown` is drawn. */
export function seatPods(ring: Ring, placeOf: readonly number[], isShown: (index: number) => boolean): Ring {
  const podAt = new Map<number, number>();
  for (const [index, place] of placeOf.entries()) if (isShown(index)) podAt.set(place, index);
  const seat = (places: readonly number[]) => places.flatMap((place) => podAt.get(place) ?? []);
  const seatArcs = (arcs: readonly RingArc[]) =>
    arcs.map((arc) => ({ ...arc, pods: seat(arc.pods) })).filter(({ pods }) => pods.length > 0);
  return {
    ...ring,
    spots: placeOf.map((place) => ring.spots[place] as Spot),
    leaves: placeOf.map((place) => ring.leaves[place] as RingNode),
    order: seat(ring.order),
    arcs: seatArcs(ring.arcs),
    zones: seatArcs(ring.zones),
  };
}

/** The point of an ellipse at an angle (radians, 0 = right, clockwise), `distance` px outside it. */
export function pointOn({ cx, cy, rx, ry }: Pick<Ring, 'cx' | 'cy' | 'rx' | 'ry'>, angle: number, distance = 0) {
  return { x: cx + (rx + distance) * Math.cos(angle), y: cy + (ry + distance) * Math.sin(angle) };
}

/** The place of an arc's label: at its middle, `distance` px outside the ring, growing away from it. */
export function arcLabel(ring: Ring, arc: RingArc, distance: number): { x: number; y: number; anchor: Anchor } {
  const middle = (arc.from + arc.to) / 2;
  const across = Math.cos(middle);
  const anchor = across > 0.25 ? 'start' : across < -0.25 ? 'end' : 'middle';
  return { ...pointOn(ring, middle, distance), anchor };
}

export type Anchor = 'start' | 'middle' | 'end';

/** Converts a share of the ellipse's length, clockwise from the top, to the angle at which it ends. */
function angles(rx: number, ry: number): (share: number) => number {
  const turns = range(-90, 271).map((degrees) => (degrees * Math.PI) / 180);
  const lengths = cumsum(turns, (angle, i) =>
    i === 0 ? 0 : Math.hypot(rx * Math.sin(angle - Math.PI / 360), ry * Math.cos(angle - Math.PI / 360)),
  );
  const whole = lengths.at(-1) ?? 0;
  // Not `scaleLinear`, which would bring 9 kB of scales to the first visit.
  const scale = (share: number) => {
    const length = share * whole;
    const i = bisect(lengths, length, 1, lengths.length - 1);
    const [from = 0, to = 1, low = 0, high = 0] = [lengths[i - 1], lengths[i], turns[i - 1], turns[i]];
    return low + ((length - from) / (to - from)) * (high - low);
  };
  return (share) => (share < 0 ? scale(share + 1) - 2 * Math.PI : scale(share));
}

/** Zones, nodes and pods in the order of the ring. Nodes of one name in two zones are two groups. */
function treeOf(pods: readonly RingPod[], order: readonly number[], group: GroupBy): TreeItem {
  const root = { name: '', pod: -1, children: [] as TreeItem[] };
  const into = (parent: TreeItem, name: string): TreeItem => {
    const last = parent.children?.at(-1);
    if (last !== undefined && last.name === name) return last;
    const item = { name, pod: -1, children: [] };
    parent.children?.push(item);
    return item;
  };
  for (const index of order) {
    const { name = '', zone = '', node = '' } = pods[index] ?? {};
    let parent: TreeItem = root;
    if (group !== 'none') parent = into(parent, zone);
    if (group === 'node') parent = into(parent, node);
    parent.children?.push({ name, pod: index });
  }
  return root;
}

function arcOf(item: RingNode): RingArc {
  const pods = item.leaves();
  return {
    name: item.data.name,
    from: pods[0]?.x ?? 0,
    to: pods.at(-1)?.x ?? 0,
    pods: pods.map(({ data }) => data.pod),
  };
}
