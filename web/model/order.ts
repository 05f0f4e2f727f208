import type { Pod } from '../../server/protocol/pod.ts';
import type { GroupBy, OrderBy } from './address.ts';
import { badness } from './axis-states.ts';
import type { Picture, PodView } from './mesh-view.ts';
import { compareNames } from './names.ts';
import { standIns } from './slots.ts';

export interface AxisGroup {
  /** Name of the node or zone; '' = unknown. */
  name: string;
  start: number;
  length: number;
}

export interface Arrangement {
  /** Index in `Picture.pods` by position. */
  pods: Int32Array;
  /** Position by index in `Picture.pods`; -1 = filtered out. */
  positionOf: Int32Array;
  /** In order, without gaps; empty = not grouped. */
  groups: AxisGroup[];
}

export interface ArrangeOptions {
  order: OrderBy;
  group: GroupBy;
  /** When it changes, `shown` has changed for the reader. */
  filter: string;
  /** By pod: 1 = it has a place. Without it all have one. */
  shown?: Uint8Array | null;
}

/**
 * Sorts the pods: groups by name, pods within a group by `order`, then by name. In a folded picture, the order by name is that
 * of its nodes or zones, and the pods of an unfolded one stand together in its place. O(n log n).
 */
export function arrange(picture: Picture, options: ArrangeOptions): Arrangement {
  const shown = picture.pods.filter(({ index }) => options.shown?.[index] !== 0);
  const inOrder = comparator(picture, options.order);
  const key = groupKey(options.group);
  shown.sort((a, b) => compareNames(key(a), key(b)) || inOrder(a, b));
  return arrangementOf(shown, picture.n, options.group);
}

function arrangementOf(shown: readonly PodView[], n: number, group: GroupBy): Arrangement {
  const pods = Int32Array.from(shown, (view) => view.index);
  const positionOf = new Int32Array(n).fill(-1);
  pods.forEach((pod, position) => {
    positionOf[pod] = position;
  });
  return { pods, positionOf, groups: group === 'none' ? [] : groupsOf(shown, groupKey(group)) };
}

/**
 * Whether a word (in lower case) occurs in the pod's name, namespace, node, zone or addresses. `node:worker-1`, `zone:a`
 * and `pod:name` or `pod:namespace/name` match only this node, zone or pod; the plain word worker-1 also matches worker-10.
 * `is:failing` matches the pods in this state: see `PodHealth`, or `slow` (to reach), `starved`, `silent` (no report),
 * `passive`, `cordoned`, `passing` (starting, not ready, terminating or gone).
 */
export function matchesWord(view: PodView, word: string): boolean {
  const { pod } = view;
  const [, of, wanted = ''] = /^(node|zone|pod|is):(.+)$/.exec(word) ?? [];
  if (of === 'is') return isInState(view, wanted);
  const fullName = `${pod.namespace}/${pod.name}`;
  if (of === 'pod') return (wanted.includes('/') ? fullName : pod.name).toLowerCase() === wanted;
  if (of === 'node' || of === 'zone') return pod[of].toLowerCase() === wanted;
  const text = [fullName, pod.node, pod.zone, ...pod.podIPs].join('\n').toLowerCase();
  return text.includes(word);
}

/** Whether a pod is in the state of the filter `is:STATE`; the summary counts pods by it. See `matchesWord`. */
export function isInState({ health, slowToReach, starved, silent, passive, pod }: PodView, state: string): boolean {
  const isGone = pod.lifecycle === 'gone';
  switch (state) {
    case 'slow':
      return slowToReach;
    case 'starved':
      return starved;
    case 'cordoned':
      return pod.cordon !== '' && !isGone;
    case 'passive':
      return passive && !isGone;
    case 'passing':
      return health !== 'healthy' && health !== 'failing' && health !== 'unknown';
    case 'silent':
      // A starting pod is not expected to report.
      return silent && !isGone && pod.lifecycle !== 'starting';
    default:
      return health === state;
  }
}

/** The filter that matches only the pods of a node. A name with a blank, which Kubernetes does not allow, can match more. */
export function nodeFilter(node: string): string {
  return /\s/.test(node) ? node : `node:${node}`;
}

/** The grouping to use: if names do not fit and none is chosen, node or else zone, provided that groups have two pods on average. */
export function effectiveGroup(picture: Picture, order: OrderBy, group: GroupBy, namesFit: boolean): GroupBy {
  if (group !== 'none' || namesFit || order === 'worst-row' || order === 'worst-column') return group;
  const bundles = (of: GroupBy) => {
    const names = new Set(picture.pods.map(groupKey(of)));
    return names.size > 1 && names.size * 2 <= picture.n;
  };
  if (order !== 'zone' && bundles('node')) return 'node';
  return bundles('zone') ? 'zone' : 'none';
}

function groupKey(group: GroupBy): (view: PodView) => string {
  return ({ pod }) => (group === 'none' ? '' : pod[group]);
}

function comparator({ pods, into, outOf, fold }: Picture, order: OrderBy): (a: PodView, b: PodView) => number {
  const byPodName = (a: PodView, b: PodView) =>
    compareNames(a.pod.name, b.pod.name) || compareNames(a.pod.namespace, b.pod.namespace) || a.index - b.index;
  const byNode = (a: PodView, b: PodView) => compareNames(a.pod.node, b.pod.node) || byPodName(a, b);
  const byZone = (a: PodView, b: PodView) => compareNames(a.pod.zone, b.pod.zone) || byNode(a, b);
  const byName = fold === null ? byPodName : { zone: byZone, node: byNode, pod: byPodName }[fold.level];
  if (order === 'name') return byName;
  if (order === 'node') return byNode;
  if (order === 'zone') return byZone;
  const counts = order === 'worst-row' ? into : outOf;
  const score = pods.map((_, pod) => badness(counts, pod));
  return (a, b) => (score[b.index] ?? 0) - (score[a.index] ?? 0) || byName(a, b);
}

function groupsOf(shown: readonly PodView[], key: (view: PodView) => string): AxisGroup[] {
  const groups: AxisGroup[] = [];
  for (const [position, view] of shown.entries()) {
    const last = groups.at(-1);
    if (last !== undefined && last.name === key(view)) last.length++;
    else groups.push({ name: key(view), start: position, length: 1 });
  }
  return groups;
}

/**
 * Keeps the order until the reader's choices change, so that new data never moves a row. A new pod comes last (in its
 * group), as does one that the filter shows from now on; when a pod is no longer known, its successor takes its place.
 */
export class KeptOrder {
  #pods: readonly Pod[] | null = null;
  #podKey = '';
  #key = '';
  #kept: Arrangement | null = null;
  /** Uids by position, and the successor of each pod, when the pods changed last. */
  #uids: string[] = [];
  #successors = new Map<string, string>();
  isOutdated = false;

  arrange(picture: Picture, options: ArrangeOptions): Arrangement {
    const { pods } = picture.mesh;
    const before = this.#podKey;
    // Most updates have the same list, so a thousand pods are not compared each time.
    if (pods !== this.#pods) this.#podKey = pods.map(({ uid, node, zone }) => `${uid}@${node}@${zone}`).join();
    // The pods of a node that is unfolded come in its place, not last like new ones.
    const { level = 'pod', unfolded = [] } = picture.fold ?? {};
    const key = [options.order, options.group, options.filter, level, ...unfolded].join('\n');
    const isFresh = this.#kept === null || key !== this.#key;
    const isSameList = !isFresh && before === this.#podKey;
    const shown = isSameList ? this.#withNewlyShown(options.shown ?? null) : null;
    const isMoved = !isSameList || shown !== null;
    const isSorted =
      options.order === 'worst-row' || options.order === 'worst-column' || options.shown instanceof Uint8Array;
    if (isMoved || isSorted || this.#kept === null) {
      const now = arrange(picture, options);
      if (isFresh || this.#kept === null) this.#kept = now;
      else if (isMoved) {
        const wanted = shown === null ? now : arrange(picture, { ...options, shown });
        this.#kept = this.#withPlaces(picture, wanted, options.group);
      }
      const { pods: kept } = this.#kept;
      this.isOutdated = now.pods.length !== kept.length || now.pods.some((pod, position) => pod !== kept[position]);
    }
    this.#key = key;
    if (isMoved) this.#uids = Array.from(this.#kept.pods, (pod) => pods[pod]?.uid ?? '');
    // A pod is gone for minutes before it is forgotten, and its successor is known by then.
    if (pods !== this.#pods) this.#successors = successorsOf(pods);
    this.#pods = pods;
    return this.#kept;
  }

  /** Makes the next `arrange` sort again. */
  resort(): void {
    this.#kept = null;
  }

  /** The pods that have a place or are shown from now on (1), if there are any of the latter; otherwise null. */
  #withNewlyShown(shown: Uint8Array | null): Uint8Array | null {
    const places = this.#kept?.positionOf;
    if (shown === null || places === undefined) return null;
    if (!shown.some((one, pod) => one === 1 && places[pod] === -1)) return null;
    return shown.map((one, pod) => ((places[pod] ?? -1) >= 0 ? 1 : one));
  }

  /** The pods of `now`: first those that have a place or whose predecessor had one, in the old order, then the others. */
  #withPlaces({ pods, n }: Picture, now: Arrangement, group: GroupBy): Arrangement {
    const known = new Set(pods.map(({ pod }) => pod.uid));
    const heirOf = (uid: string) => (known.has(uid) ? undefined : this.#successors.get(uid));
    // An heir may have a place of its own: it leaves it for that of its predecessor.
    const moved = new Set(this.#uids.map(heirOf));
    const kept = this.#uids.filter((uid) => !moved.has(uid)).map((uid) => heirOf(uid) ?? uid);
    const views = new Map(Array.from(now.pods, (pod) => [pods[pod]?.pod.uid ?? '', pods[pod] as PodView]));
    const ordered = [...new Set([...kept, ...views.keys()])].flatMap((uid) => views.get(uid) ?? []);
    const key = groupKey(group);
    ordered.sort((a, b) => compareNames(key(a), key(b)));
    return arrangementOf(ordered, n, group);
  }
}

function successorsOf(pods: readonly Pod[]): Map<string, string> {
  const successors = new Map<string, string>();
  for (const [index, heir] of standIns(pods).entries()) {
    if (heir !== index) successors.set(pods[index]?.uid ?? '', pods[heir]?.uid ?? '');
  }
  return successors;
}
