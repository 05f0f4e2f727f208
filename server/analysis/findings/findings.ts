import {
  FINDING_KINDS,
  type Finding,
  type FindingKind,
  MAX_FINDING_PODS,
  MAX_FINDINGS,
} from '../../protocol/finding.ts';
import { isSlow } from '../../protocol/link-state.ts';
import { FLAG_IPV6, FLAG_NOT_YET, FLAG_SUSPECT, NONE16, outcomeOf, phaseOf, unpack16 } from '../../protocol/links.ts';
import type { MergedReport, Mesh } from '../../protocol/mesh.ts';
import type { DiscoveryStatus, Pod } from '../../protocol/pod.ts';
import { causesOf, Explained, explainNodes, explainPods, explainZones } from './attribution.ts';
import { FRESH, IPV4, IPV6, Layer, Places, SPIKE, STANDS, type Told } from './counts.ts';
import { inMs, percent, podFindings, Scope, selfFindings, singleFindings, zoneFindings } from './messages.ts';

/** What findings need besides reports. */
interface FindingsHead {
  discovery: DiscoveryStatus;
  /** The pod that collected the mesh: index in `Mesh.pods`, -1 if it is not among them. */
  servedBy: number;
}

/**
 * Findings from what reports have told, the gravest first. First by failure, then by slowness: nodes, pairs of zones, pods,
 * single links; each step looks only at what the steps before do not explain. O(bad links) a step; yields after each few.
 */
function* findingsOf(told: Told, head: FindingsHead): Generator<void, Finding[]> {
  const failed = yield* explained(told, told.failed, null, head.servedBy);
  const slow = yield* explained(told, told.slow, failed, head.servedBy);
  // A pod that is slow to answer answers some too late: that is the same cause.
  const isTooLate = ({ pod, links }: MergedReport, to: number, link: number) =>
    slow.covers(pod, to) && outcomeOf(links, link) === 'timeout';
  const failures = new Scope(told, told.failed, yield* causesOf(told.failed, failed, told, isTooLate), 'failed');
  const delays = new Scope(told, told.slow, yield* causesOf(told.slow, slow, told, () => false), 'slow');
  const isSelfExplained = (pod: number) => failed.into[pod] === 1 || failed.isOnNode(pod);
  const single = yield* singleFindings(failures);
  const singleSlow = yield* singleFindings(delays);
  const own = yield* selfFindings(failures, (pod) => !isSelfExplained(pod));
  const pods = [...(yield* podFindings(failures)), ...(yield* podFindings(delays))];
  const findings = [
    ...apiFindings(told, head.discovery),
    ...[...pods, ...zoneFindings(failures), ...zoneFindings(delays)],
    ...[...single, ...own],
    ...singleSlow,
    ...starvedFindings(told),
    ...missingFindings(told, silenceExplained(head.servedBy, single, [failed, slow])),
  ];
  return cut(findings.sort(byGravity));
}

/** What general causes explain by one measure; `before`: those by a graver one. */
function* explained(told: Told, layer: Layer, before: Explained | null, servedBy: number): Generator<void, Explained> {
  const causes = new Explained(told.places, before);
  if (layer.reports.length > 0) {
    yield* explainNodes(layer, causes, servedBy);
    yield* explainZones(layer, causes);
    yield* explainPods(layer, causes, (pod) => told.reports.has(pod));
    if (before === null) explainPair(told, causes);
  }
  return causes;
}

/**
 * Of two pods that do not reach each other nobody can tell which one it is, unless something on the other side answered:
 * then the way there is fine and the other one is not.
 */
function explainPair(told: Told, explained: Explained): void {
  if (told.places.judgedCount !== 2) return;
  for (const { from, to, link } of told.failed.reports) {
    const links = told.reports.get(from)?.links;
    if (links === undefined) continue;
    const [outcome, phase] = [outcomeOf(links, link[0] ?? 0), phaseOf(links, link[0] ?? 0)];
    const isLate = outcome === 'timeout' && phase !== null && phase !== 'connect';
    const answered = isLate || ['refused', 'reset', 'http-status', 'malformed'].includes(outcome);
    if (answered) explained.into[to[0] ?? 0] = 1;
  }
}

/** Tells of a pod whether another finding says why its report is missing: we that ask do not reach it, or it is slow. */
function silenceExplained(servedBy: number, links: readonly Finding[], explained: Explained[]) {
  const unreached = new Set(links.flatMap(({ from, pods }) => (from.includes(servedBy) ? pods : [])));
  return (pod: number) => unreached.has(pod) || explained.some((one) => one.covers(servedBy, pod));
}

function byGravity(a: Finding, b: Finding): number {
  return rank(a) - rank(b) || b.affected - a.affected || (a.subject < b.subject ? -1 : 1);
}

/** Kinds in their order; a node or a zone that is only slow comes with the slow pods. */
function rank({ kind, severity }: Finding): number {
  const isGeneral = kind === 'node' || kind === 'zone-block';
  if (isGeneral && severity === 'slow') return FINDING_KINDS.indexOf('pod-slow') - 0.5;
  return FINDING_KINDS.indexOf(kind);
}

function cut(findings: Finding[]): Finding[] {
  const kept = findings.slice(0, MAX_FINDINGS);
  const last = kept.at(-1);
  const more = findings.length - kept.length;
  if (last === undefined || more === 0) return kept;
  const detail = `${last.detail.slice(0, 500)} ${more} more are left out.`;
  return [...kept.slice(0, -1), { ...last, detail: detail.trim() }];
}

/** Findings for readers that have no mesh: pods by name, durations in ms. */
export function namedFindings(mesh: Pick<Mesh, 'atMs' | 'servedBy' | 'findings' | 'pods'>) {
  return {
    generated_at: new Date(Math.round(mesh.atMs)).toISOString(),
    served_by: mesh.servedBy.name,
    findings: mesh.findings.map((finding) => named(finding, mesh.pods)),
  };
}

function named(finding: Finding, pods: Mesh['pods']) {
  const names = (list: readonly number[]) => list.map((pod) => pods[pod]?.name ?? '');
  return {
    ...{ kind: finding.kind, severity: finding.severity, subject: finding.subject },
    ...{ title: finding.title, detail: finding.detail },
    ...{ pods: names(finding.pods), from: names(finding.from), affected: finding.affected, of: finding.of },
    ...{ outcome: finding.outcome, phase: finding.phase },
    connect_ms: roundedMs(finding.connectUs),
    first_byte_ms: roundedMs(finding.firstByteUs),
    total_ms: roundedMs(finding.totalUs),
    since: finding.sinceMs === 0 ? null : new Date(finding.sinceMs).toISOString(),
  };
}

function roundedMs(us: number): number | null {
  return us < 0 ? null : us / 1000;
}

/** More reports than this of one kind are one finding. */
const MAX_ALONE = 3;

/** What every finding has that is not about links. */
function finding(kind: FindingKind, subject: string, pods: number[], words: Partial<Finding>): Finding {
  const severity = kind === 'cpu-starved' ? 'suspect' : 'unknown';
  return {
    ...{ kind, severity, subject, pods: pods.slice(0, MAX_FINDING_PODS), from: [] },
    ...{ affected: pods.length, of: pods.length, outcome: null, phase: null },
    ...{ connectUs: -1, firstByteUs: -1, totalUs: -1, sinceMs: 0, title: subject, detail: '' },
    ...words,
  };
}

/** That the list of pods may be out of date, or was never had. */
function apiFindings({ places }: Told, discovery: DiscoveryStatus): Finding[] {
  if (discovery.phase === 'synced') return [];
  const because = discovery.lastError === null ? '' : `, ${discovery.lastError.fault}`;
  const known = places.pods.filter(({ lifecycle }) => lifecycle !== 'gone').length;
  const still = known === 1 ? 'the one known pod is' : `the ${known} known pods are`;
  const never = `no list of pods since start${because}`;
  const stale = `away${because}, ${still} still pinged, the list may be out of date`;
  return [
    finding('api-away', 'Kubernetes API', [], {
      sinceMs: discovery.sinceMs,
      title: `Kubernetes API: ${discovery.phase === 'waiting' ? never : stale}`,
      detail: discovery.lastError?.message.slice(0, 300) ?? '',
    }),
  ];
}

/** Reports that are not to be trusted: each alone, or all as one if they are many. */
function starvedFindings({ starved, places }: Told): Finding[] {
  const pods = starved.map(({ pod }) => pod);
  if (pods.length > MAX_ALONE) {
    const title = `${pods.length} of ${places.judgedCount} pods: starved, their own measurements are not to be trusted`;
    return [
      finding('cpu-starved', `${pods.length} pods`, pods, {
        of: places.judgedCount,
        title,
        detail: namesOf(pods, (pod) => places.name(pod)),
      }),
    ];
  }
  return starved.map(({ pod, starvation }) => {
    const late = starvation === null ? '' : `Its event loop is ${inMs(starvation.loopDelayP99Us)} late (p99), `;
    const share = starvation === null ? '' : `${percent(starvation.suspectShare, 1)} of its samples are suspect.`;
    return finding('cpu-starved', places.name(pod), [pod], {
      ...{ affected: 1, of: 1, sinceMs: starvation?.sinceMs ?? 0 },
      title: `${places.name(pod)}: starved, its own measurements are not to be trusted`,
      detail: `${late}${share} It accuses nobody here.`,
    });
  });
}

/** Reports that are missing though `isExplained` gives no reason for it: each alone, or all as one if they are many. */
function missingFindings({ missing, places }: Told, isExplained: (pod: number) => boolean): Finding[] {
  const reports = missing.filter(({ pod }) => !isExplained(pod));
  if (reports.length <= MAX_ALONE) {
    return reports.map((report) =>
      finding('report-missing', places.name(report.pod), [report.pod], {
        title: `${places.name(report.pod)}: did not report, ${report.missing}: what it reaches is not known`,
        detail: report.missingDetail.slice(0, 400),
      }),
    );
  }
  const pods = reports.map(({ pod }) => pod);
  return [
    finding('report-missing', `${pods.length} pods`, pods, {
      of: places.judgedCount,
      title: `${pods.length} of ${places.judgedCount} pods: did not report, ${mostly(reports)}: what they reach is not known`,
      detail: namesOf(pods, (pod) => places.name(pod)),
    }),
  ];
}

function namesOf(pods: readonly number[], name: (pod: number) => string): string {
  const first = pods.slice(0, 4).map(name).join(', ');
  return pods.length > 4 ? `${first} and ${pods.length - 4} more.` : `${first}.`;
}

/** The commonest reason. */
function mostly(reports: readonly MergedReport[]): string {
  const counts = new Map<string, number>();
  for (const { missing } of reports) counts.set(missing, (counts.get(missing) ?? 0) + 1);
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return most === undefined ? '' : counts.size === 1 ? most[0] : `mostly ${most[0]}`;
}

/** How a pair of pods is, the worse the higher. */
const UNJUDGED = 0;
const OK = 1;
const SLOW = 2;
const FAILED = 3;

/** `sinceMs` is packed with an error of 1 in 8192, and so is `ageMs`. */
const PACKING_ERROR = 1.001;

/**
 * Counts while reports come in, so that no single turn looks at a million links; what was bad is kept by report.
 * Reports of pods that come or go, did not report or are starved accuse nobody.
 */
export class FindingTally {
  readonly #told: Told;
  readonly #state: Uint8Array;
  readonly #link: Uint16Array;
  readonly #families: Uint8Array;

  /** `slowLinkMs`: from this on a link is slow (SLOW_LINK). */
  constructor(pods: readonly Pod[], slowLinkMs: number) {
    const places = new Places(pods);
    const layers = { failed: new Layer(places), slow: new Layer(places) };
    const lists = { reports: new Map(), missing: [], starved: [], selfFailed: [] };
    this.#told = { places, ...layers, ...lists, slowUs: slowLinkMs * 1000, bothFamilies: false };
    this.#state = new Uint8Array(pods.length);
    this.#link = new Uint16Array(pods.length);
    this.#families = new Uint8Array(pods.length);
  }

  /** Takes one report into account. O(links + pods). */
  add(report: MergedReport): void {
    const { places, missing, starved, reports } = this.#told;
    if (places.judged[report.pod] !== 1) return;
    if (report.missing !== '') missing.push(report);
    else if (report.starvation?.unreliable === true) starved.push(report);
    else {
      reports.set(report.pod, report);
      this.#judge(report);
      this.#count(report);
    }
  }

  /** What stands out in everything added. Yields after each small part of the work; see `inSlices`. */
  findings(head: FindingsHead): Generator<void, Finding[]> {
    return findingsOf(this.#told, head);
  }

  /** Judges pairs: of the two links of a pair in both IP families the worse counts. */
  #judge({ links }: MergedReport): void {
    const { places, slowUs } = this.#told;
    const [states, judged, families] = [this.#state, places.judged, this.#families];
    states.fill(UNJUDGED);
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      const flags = links.flags[i] ?? 0;
      if ((flags & FLAG_NOT_YET) !== 0 || judged[to] !== 1) continue;
      const isSlowNow = isSlow(unpack16(links.totalUs[i] ?? NONE16), slowUs);
      const state = links.outcome[i] !== 0 ? FAILED : isSlowNow ? SLOW : OK;
      const family = (flags & FLAG_IPV6) !== 0 ? IPV6 : IPV4;
      const before = states[to] ?? UNJUDGED;
      if (before !== UNJUDGED) this.#told.bothFamilies = true;
      if (state < before) continue;
      families[to] = state === before ? (families[to] ?? 0) | family : family;
      if (state > before) this.#link[to] = i;
      states[to] = state;
    }
  }

  #count(report: MergedReport): void {
    const { failed, slow, selfFailed, slowUs } = this.#told;
    const states = this.#state;
    failed.begin(report.pod);
    slow.begin(report.pod);
    failed.judge(states, FAILED);
    slow.judge(states, SLOW);
    for (let to = 0; to < states.length; to++) {
      const state = states[to] ?? UNJUDGED;
      if (state <= OK) continue;
      const link = this.#link[to] ?? 0;
      const families = this.#families[to] ?? 0;
      if (to === report.pod) {
        if (state === FAILED) selfFailed.push({ pod: to, link });
      } else if (state === SLOW) slow.keep(to, link, slowWeight(report, link, slowUs), families);
      else failed.keep(to, link, hasFailedTwice(report, link) ? STANDS : FRESH, families);
    }
    failed.end();
    slow.end();
  }
}

/** Whether the link had been failing for longer than since its newest sample. */
function hasFailedTwice({ links }: MergedReport, i: number): boolean {
  const [since, age] = [unpack16(links.sinceMs[i] ?? NONE16), unpack16(links.ageMs[i] ?? NONE16)];
  return age >= 0 && since > age * PACKING_ERROR + 1 && ((links.flags[i] ?? 0) & FLAG_SUSPECT) === 0;
}

/** What the window, if there is one, says of a link whose newest sample was slow. */
function slowWeight({ stats }: MergedReport, i: number, slowUs: number): number {
  const samples = stats?.samples[i] ?? 0;
  const isSlowOver = isSlow(unpack16(stats?.p50Us[i] ?? NONE16), slowUs);
  if (isSlowOver && samples >= 2) return STANDS;
  return !isSlowOver && samples >= 3 ? SPIKE : FRESH;
}
