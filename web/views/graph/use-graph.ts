import { useMemo, useState } from 'react';
import type { Pod } from '../../../server/protocol/pod.ts';
import type { ViewProps } from '../../components/view-props.ts';
import type { ExternalTarget } from '../../model/external-targets.ts';
import { textWidth } from '../../model/label-layout.ts';
import { chooseLinks, countLinks, type LinkChoice, type LinkCounts } from '../../model/link-choice.ts';
import { podsOfFilter, shownLinks, statesOf } from '../../model/link-filter.ts';
import type { Picture, PodView } from '../../model/mesh-view.ts';
import { effectiveGroup } from '../../model/order.ts';
import { GAP_SLOTS, layoutRing, type Ring, seatPods } from '../../model/ring-layout.ts';
import { PodSlots } from '../../model/slots.ts';
import { type Bundles, NO_BUNDLES, quietPairs } from './bundles.ts';
import { type FindingLabel, findingLabels, isUnhealthy } from './finding-labels.ts';
import type { Point } from './geometry.ts';
import { BOLD_13, type Frame, frameOf, LINK_STYLES, type SceneLink, sceneLinks, withNameRoom } from './scene.ts';
import { type Tier, tierOf } from './tier.ts';
import { type Moved, placesOf } from './use-moved.ts';
import { useSame } from './use-same.ts';

/** The links that a graph shows, before layout. */
export interface GraphLinks {
  choice: LinkChoice;
  /** All links that the filter shows, whatever `only` is; of a folded picture those between pods. */
  counts: LinkCounts;
  /** Links in drawing order: the choice, then links of the selected pod, then the selected link. */
  pairs: number[];
  limit: number;
  /** Whether only bad links are drawn one by one, because healthy ones are in the bundles. */
  onlyBad: boolean;
  bundles: Bundles;
  /** Index in `Mesh.pods` of the selected pod, and the selected link; -1 = none. */
  pod: number;
  pair: number;
  /** By pod index, 1 = the filter names it, see `podsOfFilter`; null = no pod is named. */
  matching: Uint8Array | null;
  targets: ExternalTarget[];
  findingLabels: FindingLabel[];
}

export interface Graph extends GraphLinks {
  tier: Tier;
  narrow: boolean;
  frame: Frame;
  ring: Ring;
  grouped: boolean;
  spots: Point[];
  radii: (index: number) => number;
  /** Pods that are drawn as focusable glyphs, in ring order. */
  glyphs: number[];
  /** Pods that are drawn as dots: all others, but if arcs show states, only those with a shown link. */
  dots: number[];
  /** Pods with a label. The label of a finding stands for all its pods. */
  named: { index: number; finding: FindingLabel | null }[];
  /** By pod: the gone pod that it replaced (of a chain the last one), as long as that is known. */
  predecessors: ReadonlyMap<number, PodView>;
  links: SceneLink[];
  /** Whether links show the marks of their states, and lossy ones their drops. With many, dashes and the tables say it. */
  marked: boolean;
  dropped: boolean;
}

/** Maximum number of pods with a label if not all labels fit. */
const MAX_NAMED = 12;
/** Maximum number of pods that are drawn as glyphs if not all labels fit. */
const MAX_MARKED = 60;
/** Maximum number of marks on links, and of drops. */
const MAX_MARKS = 60;
/** With at most this many shown links, both ends of each have a label. */
const MAX_NAMED_LINKS = 3;
/** Of a selected pod or the one at the keyboard cursor, at least this many links are drawn if it has them. */
const LEAST_OWN = 200;

type LinkProps = Pick<ViewProps, 'picture' | 'selection' | 'filter' | 'narrow' | 'only' | 'limit' | 'asTable'>;

export function useGraphLinks(props: ViewProps, focused: number): GraphLinks {
  const { picture, selection, filter, narrow, only, limit, asTable } = props;
  return useMemo(
    () => graphLinksOf({ picture, selection, filter, narrow, only, limit, asTable }, focused),
    [picture, selection, filter, narrow, only, limit, asTable, focused],
  );
}

/**
 * Chooses the links to draw: those that the filter shows (see `shownLinks`), and those of the selected pod. `focused`: index of the
 * pod under the keyboard cursor, whose links can be walked; -1 = none. O(n^2).
 */
export function graphLinksOf(props: LinkProps, focused: number): GraphLinks {
  const { picture, selection, filter, narrow, only, limit, asTable } = props;
  const tier = tierOf(picture.n, narrow);
  const indexOf = (uid: string) => picture.mesh.pods.findIndex((pod) => pod.uid === uid);
  const shown = shownLinks(picture, filter);
  const { fold } = picture;
  const most = tier.allLinks ? picture.n * picture.n : limit;
  const isBundled = tier.bundled && !asTable;
  const request = { limit: most, only, selfLinks: tier.allLinks };
  // Links in states that the reader asks for are drawn one by one, as with `only`.
  const unmeasured = statesOf(filter).length > 0;
  const onlyBad = isBundled && only === 'all' && !unmeasured;
  const choice = chooseLinks(shown, { ...request, pod: -1, onlyBad, unmeasured });
  const pod = selection !== null && 'pod' in selection ? indexOf(selection.pod) : -1;
  const pair =
    selection !== null && 'from' in selection ? pairOf(picture, indexOf(selection.from), indexOf(selection.to)) : -1;
  const ownOf = (index: number) =>
    index < 0 ? [] : chooseLinks(picture, { ...request, limit: Math.max(most, LEAST_OWN), pod: index }).pairs;
  const own = [...new Set([...(isBundled ? ownOf(focused) : []), ...ownOf(pod)])];
  const known = new Set(own);
  const pairs = [...choice.pairs.filter((other) => !known.has(other)), ...own];
  if (pair >= 0 && !pairs.includes(pair)) pairs.push(pair);
  return {
    choice,
    counts: fold === null ? countLinks(shown, tier.allLinks) : countLinks(shownLinks(fold.pods, filter), true),
    pairs,
    limit: most,
    onlyBad,
    bundles: onlyBad ? quietPairs(shown) : NO_BUNDLES,
    pod,
    pair,
    matching: podsOfFilter(picture, filter),
    targets: picture.targets,
    findingLabels: findingLabels(picture),
  };
}

function pairOf(picture: Picture, from: number, to: number): number {
  return from < 0 || to < 0 ? -1 : from * picture.n + to;
}

/** Computes the places of pods and links in a stage of `width` x `height` px. */
export function useGraph(
  props: ViewProps,
  chosen: GraphLinks,
  size: { width: number; height: number },
  moved: Moved,
): Graph {
  const { picture, narrow, group, order } = props;
  const { width, height } = size;
  const usual = useMemo(() => tierOf(picture.n, narrow, height - 16), [picture.n, narrow, height]);
  const by = effectiveGroup(picture, order, group, !usual.bundled);
  // The ring depends only on the set of pods, so that new measurements move nothing.
  const { pods } = picture.mesh;
  const ringPods = useMemo(() => pods.map(ringPodOf), [pods]);
  const keptPods = useSame(ringPods);
  const [podSlots] = useState(() => new PodSlots());
  const seats = useMemo(() => podSlots.assign(keptPods, by), [podSlots, keptPods, by]);
  const externals = chosen.targets.length > 0 ? 1 : 0;
  const widest = Math.max(0, ...picture.pods.map(({ label }) => textWidth(label, BOLD_13)));
  const { frame, ring } = useMemo(() => {
    const usualFrame = frameOf(width, height, usual, narrow, externals);
    const { spots } = layoutRing(seats.slots, by, usualFrame.ring);
    const frame = usual.names === 'short' ? withNameRoom(usualFrame, spots, usual, widest) : usualFrame;
    const ring = layoutRing(seats.slots, by, frame.ring);
    return { frame, ring: seatPods(ring, seats.slotOf, (index) => seats.shownAs[index] === index) };
  }, [seats, by, width, height, usual, narrow, externals, widest]);
  // The worker draws the bundles again if they change.
  const spots = useMemo(() => placesOf(keptPods, ring, moved), [keptPods, ring, moved]);
  return useMemo(() => {
    const tier = { ...usual, disc: Math.min(usual.disc, Math.max(3, slotOf(ring) / 2 - 6)) };
    const named = namedPods(picture, tier, chosen).filter(({ index }) => seats.shownAs[index] === index);
    const marked = markedPods(picture, tier, named);
    const large = unhealthyRadius(ring, tier, marked);
    const isMarked = new Set(marked);
    const radii = (index: number) => (tier.names === 'unhealthy' && isMarked.has(index) ? large(index) : tier.disc);
    const links = sceneLinks(picture, chosen.pairs, ring, spots, radii, tier);
    const touched = new Set(links.flatMap(({ from, to }) => [from, to]));
    return {
      ...chosen,
      tier,
      narrow,
      frame,
      ring,
      grouped: by !== 'none' && tier.bundled,
      spots,
      radii,
      glyphs: ring.order.filter((index) => isMarked.has(index)),
      dots: ring.order.filter((index) => !isMarked.has(index) && (!tier.stateOnArcs || touched.has(index))),
      named,
      predecessors: predecessorsOf(picture, seats.shownAs),
      links,
      marked: links.filter(({ state }) => LINK_STYLES[state].marked).length <= MAX_MARKS,
      dropped: links.filter(({ drop }) => drop !== null).length <= MAX_MARKS,
    };
  }, [picture, chosen, usual, narrow, frame, ring, by, spots, seats]);
}

/** What the ring needs to know of a pod. Of its lifecycle that is only whether it is gone, and since when. */
function ringPodOf({ uid, namespace, name, node, zone, lifecycle, sinceMs, replacedBy }: Pod) {
  const stage = lifecycle === 'gone' ? { lifecycle, sinceMs } : { lifecycle: 'ready' as const, sinceMs: 0 };
  return { uid, namespace, name, node, zone, replacedBy, ...stage };
}

/** By pod: of the gone pods in whose place it is drawn, the one that it replaced itself, otherwise the one that left last. */
function predecessorsOf({ pods }: Picture, shownAs: readonly number[]): Map<number, PodView> {
  const heirOf = ({ index }: PodView) => pods[shownAs[index] ?? index];
  const isOwn = (gone: PodView) => Number(gone.pod.replacedBy === heirOf(gone)?.pod.uid);
  const replaced = pods.filter((view) => view.health === 'gone' && heirOf(view)?.health !== 'gone');
  // The last one of a pod counts.
  replaced.sort((a, b) => isOwn(a) - isOwn(b) || a.pod.sinceMs - b.pod.sinceMs);
  return new Map(replaced.map((gone) => [shownAs[gone.index] ?? gone.index, gone]));
}

/** All pods if their labels fit; otherwise those that are selected or match the filter, ends of few bad links, worst findings. */
function namedPods(picture: Picture, tier: Tier, graph: GraphLinks): Graph['named'] {
  const { pod, pair, matching, findingLabels, choice } = graph;
  if (tier.names !== 'unhealthy') {
    const [bad, good] = [picture.pods.filter(isUnhealthy), picture.pods.filter((view) => !isUnhealthy(view))];
    return [...bad, ...good].map(({ index }) => ({ index, finding: null }));
  }
  const links = [...(pair < 0 ? [] : [pair]), ...(choice.pairs.length <= MAX_NAMED_LINKS ? choice.pairs : [])];
  const chosen = new Set([pod, ...links.flatMap((link) => [Math.floor(link / picture.n), link % picture.n])]);
  chosen.delete(-1);
  if (matching !== null) {
    for (const { index } of picture.pods) if (matching[index] === 1 && chosen.size < MAX_NAMED) chosen.add(index);
  }
  const named: Graph['named'] = [...chosen].map((index) => ({ index, finding: null }));
  for (const finding of findingLabels) {
    if (named.length < MAX_NAMED && !chosen.has(finding.anchor)) named.push({ index: finding.anchor, finding });
  }
  return named;
}

function markedPods(picture: Picture, tier: Tier, named: Graph['named']): number[] {
  if (tier.names !== 'unhealthy') return [...picture.pods.keys()];
  const marked = new Set(named.map(({ index }) => index));
  for (const view of picture.pods) if (isUnhealthy(view) && marked.size < MAX_MARKED) marked.add(view.index);
  return [...marked];
}

/** About the distance between two neighbours on the ring, px; a lone pod has no neighbour. */
function slotOf({ rx, ry, order, arcs }: Ring): number {
  if (order.length <= 1) return Number.POSITIVE_INFINITY;
  return (2 * Math.PI * Math.hypot(rx, ry) * Math.SQRT1_2) / (order.length + arcs.length * GAP_SLOTS);
}

/** Radius of a marked pod, px: large, but small enough not to overlap the nearest marked pod on the ring. */
function unhealthyRadius(ring: Ring, tier: Tier, marked: readonly number[]): (index: number) => number {
  const { order } = ring;
  const place = new Map(order.map((index, at) => [index, at]));
  const isMarked = new Set(marked);
  // The last pod on the ring is beside the first one.
  const isFree = (at: number) => !isMarked.has(order.at(at % order.length) ?? -1);
  const slot = slotOf(ring);
  return (index) => {
    const here = place.get(index) ?? 0;
    let room = 0;
    while (room < 4 && isFree(here - room - 1) && isFree(here + room + 1)) room++;
    const apart = room === 4 ? tier.unhealthyDisc : (slot * (room + 1)) / 2 - 0.5;
    return Math.max(tier.disc, Math.min(tier.unhealthyDisc, apart));
  };
}
