import type { Pod } from '../../server/protocol/pod.ts';
import type { GroupBy } from './address.ts';
import type { RingPod } from './ring-layout.ts';

/** A place on the ring. It keeps its name, which decides on its order, when another pod takes it. */
interface Slot extends RingPod {
  /** Uid of the pod that has it, or had it last. */
  pod: string;
}

interface Seats {
  slots: RingPod[];
  /** By pod: index in `slots`. */
  slotOf: number[];
  /** By pod: index of the pod that is drawn at this place. It is another one for gone pods that one has replaced. */
  shownAs: number[];
}

type SlotPod = Pick<Pod, 'uid' | 'namespace' | 'name' | 'node' | 'zone' | 'lifecycle' | 'sinceMs' | 'replacedBy'>;

/** If more than this share of the slots is empty, empty ones are given up. */
const MOST_EMPTY = 0.25;

/** Gives each pod a place that it keeps. A replacement takes its predecessor's, a new pod an empty one of its node. */
export class PodSlots {
  #slots: Slot[] = [];

  /** Assigns places to `pods`. With groups, a pod takes over only a place of its own node. */
  assign(pods: readonly SlotPod[], group: GroupBy): Seats {
    const shownAs = standIns(pods);
    const bySlotPod = new Map(this.#slots.map((slot) => [slot.pod, slot]));
    const slotOf = new Map<number, Slot>();
    const taken = new Set<Slot>();
    const isFree = (slot: Slot | undefined, { node, zone }: SlotPod): slot is Slot =>
      slot !== undefined && !taken.has(slot) && (group === 'none' || (slot.node === node && slot.zone === zone));
    const take = (index: number, slot: Slot) => {
      const { uid, node, zone } = pods[index] as SlotPod;
      Object.assign(slot, { pod: uid, node, zone });
      slotOf.set(index, slot);
      taken.add(slot);
    };
    const shown = [...pods.entries()].filter(([index]) => shownAs[index] === index);
    // First each pod keeps its own place.
    for (const [index, pod] of shown) {
      const own = bySlotPod.get(pod.uid);
      if (isFree(own, pod)) take(index, own);
    }
    // Then a successor without a place takes that of the pod that it is drawn for.
    for (const [index, pod] of pods.entries()) {
      const successor = shownAs[index] ?? index;
      const left = bySlotPod.get(pod.uid);
      if (!slotOf.has(successor) && isFree(left, pods[successor] as SlotPod)) take(successor, left);
    }
    // The rest get the places of pods that are no longer known, or new ones.
    const known = new Set(pods.map(({ uid }) => uid));
    const empty = this.#slots.filter((slot) => !taken.has(slot) && !known.has(slot.pod));
    for (const [index, pod] of shown) {
      if (slotOf.has(index)) continue;
      const { uid, name, node, zone } = pod;
      take(index, empty.find((other) => isFree(other, pod)) ?? { uid, name, node, zone, pod: uid });
    }
    const left = this.#slots.filter((slot) => !taken.has(slot));
    const kept = left.length > (taken.size + left.length) * MOST_EMPTY ? [] : left;
    this.#slots = [...taken, ...kept];
    const at = new Map(this.#slots.map((slot, place) => [slot, place]));
    return {
      slots: this.#slots.map(({ uid, name, node, zone }) => ({ uid, name, node, zone })),
      slotOf: pods.map((_, index) => at.get(slotOf.get(shownAs[index] ?? index) as Slot) ?? 0),
      shownAs,
    };
  }
}

/** By pod: the pod that is drawn in its place: its successor, or the last gone pod of its name, or itself. */
export function standIns(pods: readonly SlotPod[]): number[] {
  const byUid = new Map(pods.map(({ uid }, index) => [uid, index]));
  const namesakes = goneNamesakes(pods);
  const next = pods.map(({ lifecycle, replacedBy }, index) =>
    lifecycle === 'gone' ? (byUid.get(replacedBy) ?? namesakes.get(index) ?? index) : index,
  );
  return pods.map((_, index) => {
    let at = index;
    // Bounded, because data from other processes can name each other.
    for (let step = 0; step < 20 && next[at] !== at; step++) at = next[at] ?? at;
    return next[at] === at ? at : index;
  });
}

/**
 * Of several gone pods of one name the graph shows only the one that left last. Returns the index of that one by the index of each
 * of the others.
 */
export function goneNamesakes(
  pods: readonly Pick<Pod, 'namespace' | 'name' | 'lifecycle' | 'sinceMs'>[],
): Map<number, number> {
  const newest = new Map<string, number>();
  const gone = [...pods.entries()].filter(([, { lifecycle }]) => lifecycle === 'gone');
  gone.sort(([, a], [, b]) => b.sinceMs - a.sinceMs);
  const shownAs = new Map<number, number>();
  for (const [index, { namespace, name }] of gone) {
    const key = `${namespace}/${name}`;
    const last = newest.get(key);
    if (last === undefined) newest.set(key, index);
    else shownAs.set(index, last);
  }
  return shownAs;
}
