import { group } from 'd3';
import { type Finding, isAboutLoss, isAboutNode, isAboutZones } from '../../server/protocol/finding.ts';
import { isJudged, type Lifecycle, type Pod } from '../../server/protocol/pod.ts';
import { countText, plural } from '../../server/runtime/count-text.ts';
import type { Level, Selection } from './address.ts';
import { totalsOf } from './cells.ts';
import { findingPlace, findingsByPod, podsOfFinding } from './findings.ts';
import { type Folding, foldCells, type Group, groupsOf, keyOf, sameFolding } from './fold.ts';
import { type LinkState, stateAt } from './links.ts';
import { type Fold, type Picture, type PodHealth, type PodView, podTallies } from './mesh-view.ts';
import { placeLabels, shownName } from './names.ts';

/** Up to this many pods, `auto` shows every pod. */
const FEW_PODS = 11;
/** The most rows that `auto` draws: with more, not every row has a readable name or group name. */
const MAX_ROWS = 160;

/**
 * The coarsest folding that still shows every failed and slow finding. A folded group shows a finding if the finding is about all
 * its pods. Groups of which it is about some pods only are unfolded: the groups of the most severe finding first, up to `MAX_ROWS`
 * rows. O(pods + findings). The level is:
 *
 * - pod, if there are few pods;
 * - zone, if all these findings are about connections between zones, if there are more than `MAX_ROWS` nodes, or if nodes would
 *   save less than half of the rows;
 * - otherwise node;
 * - but pod, if the chosen level, with what is unfolded, would save less than half of the rows.
 */
export function autoLevel({ mesh, n }: Pick<Picture, 'mesh' | 'n'>): Folding {
  const podLevel: Folding = { level: 'pod', unfolded: [] };
  if (n <= FEW_PODS) return podLevel;
  const { pods } = mesh;
  const members = (of: 'node' | 'zone') => group([...pods.keys()], (pod) => pods[pod]?.[of] ?? '');
  const membersOf = { node: members('node'), zone: members('zone') };
  const saves = (at: 'node' | 'zone') => membersOf[at].size > 1 && membersOf[at].size * 2 <= n;
  // Findings come in the order of severity.
  const bad = mesh.findings.filter(({ severity }) => severity === 'failed' || severity === 'slow');
  const isZonal = bad.length > 0 && bad.every(({ kind }) => isAboutZones(kind));
  const level = saves('zone') && (isZonal || membersOf.node.size > MAX_ROWS || !saves('node')) ? 'zone' : 'node';
  if (!saves(level)) return podLevel;
  const unfolded = new Set<string>();
  let rows = membersOf[level].size;
  for (const finding of bad) {
    const named = new Set(podsOfFinding(finding, pods).filter((pod) => pod < n));
    for (const index of named) {
      const { node, zone } = pods[index] as Pod;
      const onNode = membersOf.node.get(node) ?? [];
      const inZone = membersOf.zone.get(zone) ?? [];
      const isWhole = (group: readonly number[]) =>
        group.every((pod) => named.has(pod) || pods[pod]?.lifecycle === 'gone');
      const wanted: [key: string, rows: number][] = [];
      if (level === 'zone' && !isWhole(inZone)) {
        const nodes = new Set(inZone.map((pod) => pods[pod]?.node)).size;
        wanted.push([keyOf('zone', zone), nodes - 1]);
      }
      if (!isAboutZones(finding.kind) && !isWhole(onNode)) wanted.push([keyOf('node', node), onNode.length - 1]);
      for (const [key, more] of wanted) {
        if (unfolded.has(key)) continue;
        // No room. If this is the zone, its node can't be unfolded either.
        if (rows + more > MAX_ROWS) break;
        unfolded.add(key);
        rows += more;
      }
    }
  }
  return rows * 2 > n ? podLevel : { level, unfolded: [...unfolded].sort() };
}

/**
 * Folds the picture of the pods: each group is one "pod" of the result, with the worst health of its pods, and the link
 * between two groups shows the worst link between their pods (see `foldCells`). The result has no pod reports: `linkFacts` reads
 * those of the worst link. Returns the picture itself at pod level. O(n^2), or O(groups^2) if the worker has folded the cells.
 */
export function foldPicture(picture: Picture, folding: Folding): Picture {
  if (folding.level === 'pod') return picture;
  const { open, ...grouping } = groupsOf(picture.mesh.pods, folding);
  const known = picture.folded;
  const cells = known !== null && sameFolding(known.folding, folding) ? known : foldCells(picture, grouping, folding);
  return pictureOfGroups({ level: folding.level, unfolded: open, pods: picture, ...grouping, ...cells });
}

function pictureOfGroups(fold: Fold): Picture {
  const { pods: base, groups, groupOf, worstLink, worstUs } = fold;
  const m = groups.length;
  const [state, unreliable, lossy] = [new Uint8Array(m * m), new Uint8Array(m * m), new Uint8Array(m * m)];
  for (let at = 0; at < m * m; at++) {
    const pair = worstLink[at] ?? -1;
    state[at] = base.state[pair] ?? 0;
    unreliable[at] = base.unreliable[pair] ?? 0;
    lossy[at] = (fold.lossy[at] ?? 0) > 0 ? 1 : 0;
  }
  const toGroups = (indexes: readonly number[]) => [...new Set(indexes.flatMap((index) => groupOf[index] ?? []))];
  const mesh = {
    ...base.mesh,
    pods: groups.map((group) => groupPod(group, base.mesh.pods)),
    reports: [],
    findings: base.mesh.findings.map((finding) => foldFinding(finding, base.mesh.pods, toGroups)),
  };
  const picture: Picture = {
    ...totalsOf({ n: m, state, unreliable, lossy }),
    n: m,
    figure: base.figure,
    state,
    unreliable,
    lossy,
    second: null,
    valueUs: worstUs,
    mesh,
    reportOf: new Int32Array(m).fill(-1),
    pods: [],
    targets: base.targets.map((target) => ({ ...target, failing: toGroups(target.failing) })),
    worst: base.worst === null ? null : { from: groupOf[base.worst.from] ?? 0, to: groupOf[base.worst.to] ?? 0 },
    fold,
    folded: null,
  };
  picture.pods = groupViews(picture, fold);
  return picture;
}

/** A finding about groups. One about whole pods names their groups; a finding about a node does not name its other nodes. */
function foldFinding(finding: Finding, all: Pod[], toGroups: (pods: readonly number[]) => number[]): Finding {
  const place = findingPlace(finding, all);
  const folded = { ...finding, pods: toGroups(place?.pods ?? finding.pods), from: toGroups(finding.from) };
  if (!isAboutNode(finding.kind)) return folded;
  const isOut = place?.axis === 'column';
  if (isAboutLoss(finding.kind)) return { ...folded, kind: isOut ? 'pod-lossy-out' : 'pod-lossy' };
  return { ...folded, kind: isOut ? 'pod-reaches-nobody' : 'pod-unreachable' };
}

/** Whether a finding of this picture is about all judged pods of `index`: always at pod level, not always of a group. */
export function isAboutWhole({ fold, mesh }: Picture, finding: Finding, index: number): boolean {
  const { pods = [], kind = 'pod' } = fold?.groups[index] ?? {};
  if (fold === null || kind === 'pod') return true;
  const base = fold.pods.mesh;
  const named = base.findings[mesh.findings.indexOf(finding)];
  const place = named === undefined ? null : findingPlace(named, base.pods);
  return pods.every((pod) => place?.pods.includes(pod) || !isJudged(base.pods[pod] as Pod));
}

/** From the worst health to the best. A gone pod says nothing about its group. */
const WORST_HEALTH: readonly PodHealth[] = [
  'failing',
  'unknown',
  'not-ready',
  'terminating',
  'starting',
  'healthy',
  'gone',
];

/** The stages of which one pod decides how its group looks, as in `WORST_HEALTH`. */
const PASSING: readonly Lifecycle[] = ['not-ready', 'terminating', 'starting'];

/** From the stage that is most alive to the least. */
const LIVELIEST: readonly Lifecycle[] = ['ready', 'not-ready', 'terminating', 'starting', 'gone'];

/**
 * A group as a pod, with what its pods share; what is never shown of a group is that of its first pod. Its lifecycle is that of its
 * liveliest pod; see `LIVELIEST`.
 */
function groupPod({ key, kind, pods: indexes }: Group, all: readonly Pod[]): Pod {
  const own = indexes.map((index) => all[index] as Pod);
  const [first] = own as [Pod];
  if (kind === 'pod') return first;
  const shared = (of: 'namespace' | 'node' | 'zone') => (own.every((pod) => pod[of] === first[of]) ? first[of] : '');
  const name = kind === 'node' ? first.node : first.zone;
  const firstOf = (stages: readonly Lifecycle[]) => stages.find((stage) => own.some((pod) => pod.lifecycle === stage));
  const lifecycle = firstOf(LIVELIEST) ?? 'gone';
  // The words for a group that is starting say since when, not since when its other pods are ready.
  const told = firstOf(PASSING) ?? lifecycle;
  const staged = own.filter((pod) => pod.lifecycle === told);
  const since = staged.map(({ sinceMs }) => sinceMs);
  const reasons = new Set(staged.map(({ reason }) => reason));
  return {
    ...first,
    uid: key,
    name: name === '' ? `unknown ${kind}` : name,
    namespace: shared('namespace'),
    node: kind === 'node' ? first.node : shared('node'),
    zone: shared('zone'),
    podIPs: [],
    lifecycle,
    // A group is gone since its last pod left.
    sinceMs: told === 'gone' ? Math.max(...since) : Math.min(...since),
    reason: reasons.size === 1 ? [...reasons].join() : '',
    cordon: own.every(({ cordon }) => cordon === first.cordon) ? first.cordon : '',
    replacedBy: '',
  };
}

function groupViews(picture: Picture, { pods: base, groups }: Fold): PodView[] {
  const { mesh } = picture;
  const names = mesh.pods.map(({ name }) => shownName(name));
  const labels = placeLabels(mesh.pods.map(({ name }) => name));
  const found = findingsByPod(mesh);
  return groups.map(({ kind, pods: indexes }, index): PodView => {
    const own = indexes.flatMap((pod) => base.pods[pod] ?? []);
    const [only] = own;
    const tallies = podTallies(picture, index);
    if (kind === 'pod' && only !== undefined) return { ...only, ...tallies, index };
    return {
      pod: mesh.pods[index] as Pod,
      index,
      name: names[index] ?? '',
      label: labels[index] ?? '',
      health: WORST_HEALTH.find((health) => own.some((view) => view.health === health)) ?? 'gone',
      slowToReach: own.some((view) => view.slowToReach),
      starved: own.some((view) => view.starved),
      silent: own.every((view) => view.silent),
      passive: own.every((view) => view.passive),
      foundIn: found.into[index] ?? found.itself[index] ?? null,
      foundOut: found.outOf[index] ?? null,
      ...tallies,
    };
  });
}

/** How long `auto` keeps a group unfolded after its finding has ended, ms. */
const KEPT_MS = 60_000;

/** The folding for the reader's choice. It keeps what `auto` has unfolded, so that rows do not come and go with a flapping link. */
export class KeptFolding {
  /** When `auto` last unfolded a group, ms since the epoch by the time of the picture. */
  readonly #unfoldedMs = new Map<string, number>();
  #last: Folding = { level: 'pod', unfolded: [] };

  /**
   * With `auto`, the groups that the reader unfolds (`unfolded`) are added to those of `autoLevel`. Returns the same object
   * until the folding changes.
   */
  choose(picture: Picture, level: Level, unfolded: readonly string[]): Folding {
    const folding = this.#chosen(picture, level, unfolded);
    if (!sameFolding(folding, this.#last)) this.#last = folding;
    return this.#last;
  }

  #chosen(picture: Picture, level: Level, unfolded: readonly string[]): Folding {
    if (level !== 'auto') return { level, unfolded };
    const auto = autoLevel(picture);
    const { atMs } = picture.mesh;
    for (const key of auto.unfolded) this.#unfoldedMs.set(key, atMs);
    for (const [key, ms] of this.#unfoldedMs) if (Math.abs(atMs - ms) > KEPT_MS) this.#unfoldedMs.delete(key);
    return { level: auto.level, unfolded: [...new Set([...this.#unfoldedMs.keys(), ...unfolded])].sort() };
  }
}

/** The selection in a picture: a selected pod that is folded is its group. */
export function foldSelection({ mesh, fold }: Picture, selection: Selection): Selection {
  if (fold === null || selection === null) return selection;
  const { pods } = fold.pods.mesh;
  const groupOf = (uid: string) => mesh.pods[fold.groupOf[pods.findIndex((pod) => pod.uid === uid)] ?? -1]?.uid ?? uid;
  if ('pod' in selection) return { pod: groupOf(selection.pod) };
  return { from: groupOf(selection.from), to: groupOf(selection.to) };
}

/** What a selection in a picture means for the pods: a link between groups selects their worst link, a group is to be unfolded. */
export function unfoldSelection(picture: Picture, selection: Selection): Selection | { unfold: string } {
  const { mesh, fold } = picture;
  if (fold === null || selection === null) return selection;
  const indexOf = (uid: string) => mesh.pods.findIndex((pod) => pod.uid === uid);
  if ('pod' in selection) {
    const group = fold.groups[indexOf(selection.pod)];
    return group === undefined || group.kind === 'pod' ? selection : { unfold: group.key };
  }
  const [from, to] = [indexOf(selection.from), indexOf(selection.to)];
  // A list in a view can name a link between pods.
  if (from < 0 || to < 0) return selection;
  const link = podLink(picture, from, to);
  const uidOf = (pod: number) => fold.pods.mesh.pods[pod]?.uid ?? '';
  return { from: uidOf(link.from), to: uidOf(link.to) };
}

/** The worst link of a folded link, as pods (indexes in the pods' picture). At pod level the link itself. */
export function podLink({ n, fold }: Picture, from: number, to: number): { from: number; to: number } {
  const worst = fold?.worstLink[from * n + to] ?? -1;
  if (fold === null || worst < 0) return { from, to };
  return { from: Math.floor(worst / fold.pods.n), to: worst % fold.pods.n };
}

const COUNT_WORDS: Partial<Record<LinkState, string>> = {
  failed: 'fail',
  slow: 'are slow',
  warning: 'are late',
  unknown: 'are unknown',
};

const FIGURE_COUNT_WORDS: typeof COUNT_WORDS = { failed: 'fail', slow: 'are high', warning: 'are raised' };

/** How many links a folded link stands for: "9 of 9 fail", "9 links, 2 lose datagrams"; '' at pod level and for a single link. */
export function foldWords({ state, n, fold, figure }: Picture, from: number, to: number): string {
  const at = from * n + to;
  const [all, same] = [fold?.links[at] ?? 0, fold?.inState[at] ?? 0];
  if (all < 2) return '';
  const verb = (figure === null ? COUNT_WORDS : FIGURE_COUNT_WORDS)[stateAt(state[at])];
  const words = verb === undefined ? plural(all, 'link') : `${countText(same)} of ${countText(all)} ${verb}`;
  const lossy = fold?.lossy[at] ?? 0;
  return lossy === 0 ? words : `${words}, ${countText(lossy)} ${lossy === 1 ? 'loses' : 'lose'} datagrams`;
}

/** How many pods a group has: "10 pods"; '' for a pod. */
export function groupWords({ fold }: Pick<Picture, 'fold'>, index: number): string {
  const group = fold?.groups[index];
  return group === undefined || group.kind === 'pod' ? '' : plural(group.pods.length, 'pod');
}

/** What is below a name: how many pods a group has, or the node of a pod. */
export function noteOf(picture: Picture, index: number): string {
  return groupWords(picture, index) || shownName(picture.pods[index]?.pod.node ?? '');
}
