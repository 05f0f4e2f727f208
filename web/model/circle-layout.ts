/** How pods on a ring are grouped. Pods without a known node or zone are in group ''. */
export type RingGroup = 'none' | 'node' | 'zone';

/** The properties of a pod that the layout uses. */
export interface RingPod {
  uid: string;
  name: string;
  node: string;
  zone: string;
}

/** A rectangle in px, y downwards. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The place of a pod, px, and its direction from the centre in radians (0 = right, clockwise). */
export interface Spot {
  x: number;
  y: number;
  angle: number;
}

/** A group of neighbours on the ring, from the direction of the first pod to that of the last (radians, clockwise). */
export interface RingArc {
  name: string;
  from: number;
  to: number;
  /** Indexes of its pods, in the order of the ring. */
  pods: number[];
}

/** Pods on a circle. `spots` is in input order; `order` is the order around the ring. */
export interface Ring {
  cx: number;
  cy: number;
  radius: number;
  spots: Spot[];
  order: number[];
  arcs: RingArc[];
}

/** Gap between two groups, as a multiple of the distance between two pods. */
const GAP_SLOTS = 1.6;

const collator = new Intl.Collator('en', { numeric: true });

/**
 * The order of pods on the ring: zone, node, name, uid; with `none` name and uid only. It depends only on the set of
 * pods, so new measurements never move a pod, and a new pod never changes the order of the others.
 */
export function ringOrder(pods: readonly RingPod[], group: RingGroup): number[] {
  // The collator is slow, and most neighbours have the same zone and node.
  const compare = (a: string, b: string) => (a === b ? 0 : collator.compare(a, b) || (a < b ? -1 : 1));
  const byName = (a: RingPod, b: RingPod) => compare(a.name, b.name) || compare(a.uid, b.uid);
  const byPlace = (a: RingPod, b: RingPod) => compare(a.zone, b.zone) || compare(a.node, b.node) || byName(a, b);
  const order = group === 'none' ? byName : byPlace;
  return pods.map((_, i) => i).sort((i, j) => order(pods[i] as RingPod, pods[j] as RingPod));
}

/**
 * Places pods on a circle inside `box`, clockwise in the order of `ringOrder`. Without groups the first pod is left of
 * the top, so that few pods read from left to right. With groups the first group starts at the top. A single pod is in
 * the centre.
 */
export function layoutRing(pods: readonly RingPod[], group: RingGroup, box: Box): Ring {
  const order = ringOrder(pods, group);
  const cx = box.x + box.width / 2;
  const cy = box.y + box.height / 2;
  const radius = pods.length <= 1 ? 0 : Math.max(0, Math.min(box.width, box.height) / 2);
  const runs = group === 'none' ? [{ name: '', pods: order }] : runsOf(order, pods, group);
  const gap = runs.length > 1 ? GAP_SLOTS : 0;
  const slot = (2 * Math.PI) / Math.max(1, pods.length + runs.length * gap);
  const arcs: RingArc[] = [];
  const spots: Spot[] = new Array(pods.length);
  let angle = -Math.PI / 2 + (runs.length > 1 ? (slot * (gap + 1)) / 2 : -slot / 2);
  for (const run of runs) {
    const from = angle;
    for (const index of run.pods) {
      spots[index] = { x: cx + radius * Math.cos(angle), y: cy + radius * Math.sin(angle), angle };
      angle += slot;
    }
    if (group !== 'none') arcs.push({ name: run.name, from, to: angle - slot, pods: run.pods });
    angle += slot * gap;
  }
  return { cx, cy, radius, spots, order, arcs };
}

/** The place of an arc's label: at its middle, `distance` px from the centre, growing away from the ring. */
export function arcLabel(ring: Ring, arc: RingArc, distance: number): { x: number; y: number; anchor: Anchor } {
  const middle = (arc.from + arc.to) / 2;
  const across = Math.cos(middle);
  const anchor = across > 0.25 ? 'start' : across < -0.25 ? 'end' : 'middle';
  return { x: ring.cx + distance * across, y: ring.cy + distance * Math.sin(middle), anchor };
}

/** Alignment of a text relative to its x. */
export type Anchor = 'start' | 'middle' | 'end';

function runsOf(order: readonly number[], pods: readonly RingPod[], group: 'node' | 'zone') {
  const runs: { name: string; pods: number[] }[] = [];
  for (const index of order) {
    const pod = pods[index];
    const name = pod?.[group] ?? '';
    const last = runs.at(-1);
    const place = (i: number | undefined) => (i === undefined ? '' : `${pods[i]?.zone}\n${pods[i]?.node}`);
    const same = last?.name === name && (group === 'zone' || place(last.pods[0]) === place(index));
    if (last !== undefined && same) last.pods.push(index);
    else runs.push({ name, pods: [index] });
  }
  return runs;
}
