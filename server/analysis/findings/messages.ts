import { type Finding, type FindingKind, MAX_FINDING_PODS, MAX_FINDINGS } from '../../protocol/finding.ts';
import type { LatePhase } from '../../protocol/link-state.ts';
import { FLAG_NOT_YET, FLAG_RECOVERED, NONE16, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import type { Outcome, Phase } from '../../protocol/sample.ts';
import { IPV4, IPV6, type MeshCounts, type PairCounts, type Severity } from './counts.ts';
import { type BadPair, type CauseEvidence, Evidence } from './evidence.ts';

/*
 * The titles of findings about links have the form `subject: what, how: advice`, for example
 * `pod-a: unreachable from all 3 others, refused: nothing listens on its port`. The page shows the parts separately.
 *
 * One function for each kind of cause (node, destination, ...) collects what is particular to it in a `Cause`.
 * `findingOf` then makes the finding: title, detail, figures.
 */

/** The bad pairs of one severity, counted and sorted by cause. */
export interface SeverityAnalysis {
  mesh: MeshCounts;
  counts: PairCounts;
  evidence: CauseEvidence;
}

/** The kind of a finding by its severity: about links into a pod, links out of a pod, and a single link. */
const KINDS: Record<Severity, { into: FindingKind; out: FindingKind; link: FindingKind }> = {
  failed: { into: 'pod-unreachable', out: 'pod-reaches-nobody', link: 'link' },
  intermittent: { into: 'pod-intermittent', out: 'pod-intermittent-out', link: 'link-intermittent' },
  slow: { into: 'pod-slow', out: 'pod-slow-out', link: 'link-slow' },
};

/** What bad links do: `3 of 4 links into it fail`. */
const VERBS: Record<Severity, string> = { failed: 'fail', intermittent: 'fail at times', slow: 'are slow' };

/** What is particular to one cause. */
interface Cause {
  kind: FindingKind;
  subject: string;
  pods: readonly number[];
  evidence: Evidence;
  /** The number of pairs that could show the cause. */
  of: number;
  /** Which links are bad: ` into it`, ` out of it`; '' = the subject says it. */
  direction: string;
  /** Which pods see it: `from all 3 others`; '' = the subject says it. Only used for intermittent links. */
  who: string;
  /** What is wrong, for failed and slow links: `unreachable from all 3 others`. */
  what: string;
  /** What to check if links fail; null = what the outcome suggests. */
  advice: string | null;
  /** What to check if links are slow because of the network. */
  network: string;
  /** What else is known. null = no counts either. */
  remark: string | null;
}

/** The findings about nodes. Yields after each, as all functions here do. */
export function* nodeFindings(analysis: SeverityAnalysis): Generator<void, Finding[]> {
  const { toNodes, fromNodes } = analysis.evidence;
  const nodes = mostAffected(new Map([...fromNodes, ...toNodes]));
  return yield* findingsOf(
    analysis,
    nodes.map(([node]) => nodeCause(analysis, node)),
  );
}

/** The findings about pods that are bad to reach; a pod that is bad in both directions is one of them. */
export function* destinationFindings(analysis: SeverityAnalysis): Generator<void, Finding[]> {
  const causes: Cause[] = [];
  for (const [pod, evidence] of mostAffected(analysis.evidence.destinations)) {
    causes.push(destinationCause(analysis, pod, evidence));
    yield;
  }
  return yield* findingsOf(analysis, mergedByOwner(analysis, causes));
}

/** The findings about pods that only reach others badly. */
export function* sourceFindings(analysis: SeverityAnalysis): Generator<void, Finding[]> {
  const { sources, destinations } = analysis.evidence;
  const onlySources = mostAffected(new Map([...sources].filter(([pod]) => !destinations.has(pod))));
  const causes = onlySources.map(([pod, evidence]) => sourceCause(analysis, pod, evidence));
  return yield* findingsOf(analysis, mergedByOwner(analysis, causes));
}

/** The causes with the most evidence; further ones would not be shown anyway. */
function mostAffected(causes: ReadonlyMap<number, Evidence>): [key: number, evidence: Evidence][] {
  return [...causes].sort(([, a], [, b]) => b.affected - a.affected).slice(0, MAX_FINDINGS + 1);
}

/** Describes causes in the order of their subjects, so that it does not change from one look to the next. */
function* findingsOf(analysis: SeverityAnalysis, causes: Cause[]): Generator<void, Finding[]> {
  const findings: Finding[] = [];
  for (const cause of causes.sort((a, b) => (a.subject < b.subject ? -1 : 1))) {
    findings.push(findingOf(analysis, cause));
    yield;
  }
  return findings;
}

function nodeCause({ counts, mesh, evidence: { toNodes, fromNodes } }: SeverityAnalysis, node: number): Cause {
  const { nodes, nodeOf, judgedCount } = mesh.topology;
  const { name = '', pods = [] } = nodes[node] ?? {};
  const sum = (counters: Int32Array) => pods.reduce((total, pod) => total + (counters[pod] ?? 0), 0);
  const into = { evidence: toNodes.get(node), of: sum(counts.judged.toAcrossNodes) };
  const out = { evidence: fromNodes.get(node), of: sum(counts.judged.fromAcrossNodes) };
  const isBad = ({ evidence, of }: typeof into) => evidence !== undefined && evidence.affected * 2 > of;
  const isInto = isBad(into) || out.evidence === undefined;
  const { evidence = new Evidence(), of } = isInto ? into : out;
  const isStarved = new Set(mesh.starved.map(({ pod }) => pod));
  const reporting = [...mesh.reports.keys()].filter((pod) => nodeOf[pod] !== node && !isStarved.has(pod)).length;
  const who = `from ${sourcesText(evidence.fromCount, reporting, judgedCount - pods.length, 'that report')}`;
  const its = `its ${pods.length} pods`;
  const isFailed = counts.severity === 'failed';
  return {
    kind: 'node',
    subject: `node ${name}`,
    pods,
    evidence,
    of,
    direction: isInto ? ' into it' : ' out of it',
    who: isInto ? who : 'to other nodes',
    what: isInto
      ? `${its} are ${isFailed ? 'unreachable' : 'slow'} ${who}`
      : `${its} reach ${isFailed ? 'no pod on other nodes' : 'pods on other nodes slowly'}`,
    advice: 'check the node and its network',
    network: "the node's network",
    remark: isInto ? oppositeText(mesh, counts, 'They', pods, isBad(out), evidence) : 'Other nodes reach them.',
  };
}

function destinationCause({ counts, mesh, evidence: all }: SeverityAnalysis, pod: number, evidence: Evidence): Cause {
  const of = (counts.judged.to[pod] ?? 0) - (all.explainedTo[pod] ?? 0);
  const who = `from ${sourcesText(evidence.affected, of, mesh.topology.judgedCount - 1, 'that probe it')}`;
  return {
    kind: KINDS[counts.severity].into,
    subject: mesh.topology.name(pod),
    pods: [pod],
    evidence,
    of,
    direction: ' into it',
    who,
    what: `${counts.severity === 'failed' ? 'unreachable' : 'slow'} ${who}`,
    advice: null,
    network: 'the network',
    remark: oppositeText(mesh, counts, 'It', [pod], all.sources.has(pod), evidence),
  };
}

function sourceCause({ counts, mesh, evidence: all }: SeverityAnalysis, pod: number, evidence: Evidence): Cause {
  const of = (counts.judged.from[pod] ?? 0) - (all.explainedFrom[pod] ?? 0);
  const others = of === mesh.topology.judgedCount - 1 ? 'others' : 'pods that it probes';
  const isAll = evidence.affected === of;
  const those = `${isAll ? `all ${of}` : `${evidence.affected} of ${of}`} ${others}`;
  const reached = isAll ? `none of the ${of} ${others}` : `only ${of - evidence.affected} of ${of} ${others}`;
  const isProbed = (counts.judged.to[pod] ?? 0) > 0;
  return {
    kind: KINDS[counts.severity].out,
    subject: mesh.topology.name(pod),
    pods: [pod],
    evidence,
    of,
    direction: ' out of it',
    who: `to ${those}`,
    what: `reaches ${counts.severity === 'failed' ? reached : `${those} slowly`}`,
    advice: 'check its own network',
    network: 'its own network',
    remark: isProbed ? 'Other pods reach it.' : 'No report says whether other pods reach it.',
  };
}

/** Joins the causes that are about pods with one owner and one symptom: two clones that refuse are one finding. */
function mergedByOwner({ mesh, counts }: SeverityAnalysis, causes: readonly Cause[]): Cause[] {
  const groups = new Map<string, Cause[]>();
  for (const cause of causes) {
    const owner = mesh.topology.pods[cause.pods[0] ?? -1]?.owner ?? '';
    const { outcome, phase } = cause.evidence.commonOutcome();
    const symptom = counts.severity === 'failed' ? `${outcome} ${phase}` : cause.evidence.latePhase();
    const key = owner === '' ? cause.subject : `${owner} ${symptom}`;
    const group = groups.get(key);
    if (group === undefined || group.length >= MAX_FINDING_PODS) groups.set(key, [cause]);
    else group.push(cause);
    if (group !== undefined && group.length >= MAX_FINDING_PODS) groups.set(`${key} ${cause.subject}`, group);
  }
  return [...groups.values()].map(mergedCause);
}

function mergedCause(causes: readonly Cause[]): Cause {
  const [first, ...others] = [...causes].sort((a, b) => (a.subject < b.subject ? -1 : 1));
  if (first === undefined) throw new RangeError('no cause');
  if (others.length === 0) return first;
  const evidence = new Evidence();
  for (const cause of [first, ...others]) evidence.addAll(cause.evidence);
  const pods = [first, ...others].flatMap((cause) => cause.pods);
  const named = [first, ...others].slice(0, 3).map(({ subject }) => subject);
  const more = pods.length - named.length;
  return {
    ...first,
    subject: more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', '),
    pods,
    evidence,
    of: [first, ...others].reduce((sum, { of }) => sum + of, 0),
    direction: first.direction.replace('it', 'them'),
    what: first.what.replace(/^reaches/, 'reach'),
    remark: '',
  };
}

/**
 * Says whether a bad destination (`It`: a pod, `They`: the pods of a node) reaches others itself. `isBad`: its outbound links
 * are bad too. A direction is claimed only if its links were pinged since the other direction became bad.
 */
function oppositeText(
  { reports }: MeshCounts,
  { severity, judged }: PairCounts,
  who: 'It' | 'They',
  pods: readonly number[],
  isBad: boolean,
  evidence: Evidence,
): string {
  const reach = who === 'It' ? 'reaches' : 'reach';
  if (pods.every((pod) => (judged.from[pod] ?? 0) === 0)) return `What ${who.toLowerCase()} ${reach} is not known.`;
  if (isBad && severity === 'failed') return `${who} ${reach} no other pod either.`;
  if (isBad) return `${who} ${reach} the others ${severity === 'slow' ? 'slowly' : 'only at times'} too.`;
  const sinceMs = severity === 'failed' ? evidence.sinceMs() : 0;
  if (pods.some((pod) => !reachesMost(reports.get(pod), sinceMs)))
    return `Whether ${who.toLowerCase()} ${reach} the others is not known yet.`;
  return `${who} ${reach} the others: only one direction is bad.`;
}

/** Whether most links of a report have been ok in a ping since a moment (ms since the epoch). */
function reachesMost(report: MergedReport | undefined, sinceMs: number): boolean {
  if (report === undefined) return false;
  let [reached, probed] = [0, 0];
  for (let i = 0; i < report.links.length; i++) {
    if (((report.links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
    probed += 1;
    if (isOkSince(report, i, sinceMs)) reached += 1;
  }
  return reached * 2 > probed;
}

/** The clocks of two reports may differ by this much, because their answers took time to arrive. */
const CLOCK_ERROR_MS = 100;

/**
 * Whether the newest sample of a link is ok and from after a moment (ms since the epoch). A suspect sample counts too: a
 * shortage of CPU makes no answer come that would not come otherwise.
 */
function isOkSince({ links, atMs }: MergedReport, i: number, sinceMs: number): boolean {
  if (links.outcome[i] !== 0) return false;
  return atMs - unpack16(links.ageMs[i] ?? NONE16) >= sinceMs - CLOCK_ERROR_MS;
}

/** The finding about the pods that report, if they reach none of the silent ones; see `silentSide`. */
export function cutOffFindings(analysis: SeverityAnalysis, silent: ReadonlySet<number>): Finding[] {
  const { counts, mesh, evidence: all } = analysis;
  const { topology } = mesh;
  if (silent.size === 0) return [];
  const pods = [...mesh.reports.keys()].sort((a, b) => a - b);
  const evidence = all.silent;
  const node = topology.nodeOf[pods[0] ?? -1] ?? -1;
  const isMinority = pods.length < silent.size;
  const isNode = isMinority && node >= 0 && pods.every((pod) => topology.nodeOf[pod] === node);
  const others = `none of the ${silent.size} others`;
  const [kind, subject, what]: [FindingKind, string, string] =
    pods.length === 1
      ? ['pod-reaches-nobody', topology.name(pods[0] ?? -1), `reaches ${others}`]
      : isNode
        ? ['node', `node ${topology.nodes[node]?.name}`, `its ${pods.length} pods reach no pod on other nodes`]
        : ['cut-off', `${pods.length} of ${topology.judgedCount} pods`, `reach ${others}`];
  const advice = {
    'pod-reaches-nobody': 'check its own network',
    node: 'check the node and its network',
    'cut-off': 'this side cannot tell which of the two is cut off',
  }[kind as 'node'];
  const of = [...silent].reduce((sum, pod) => sum + (counts.judged.to[pod] ?? 0), 0);
  const remark = 'No report says whether other pods reach it.'.replace('it.', pods.length === 1 ? 'it.' : 'them.');
  const direction = pods.length === 1 ? ' out of it' : ' out of them';
  const cause = { kind, subject, pods, evidence, of, direction, who: '', what, advice, network: '', remark };
  const finding = findingOf(analysis, cause);
  if (evidence.affected > 0) return [finding];
  // The reports are missing already, and no link has been pinged since.
  const severity = 'failed';
  return [
    {
      ...finding,
      severity,
      outcome: 'timeout',
      from: pods,
      title: `${subject}: ${what}, no answer: ${advice}`,
      detail: remark,
    },
  ];
}

/**
 * The findings about pairs of zones. A zone that no other zone reaches is one finding, and so are both directions between
 * two zones.
 */
export function* zoneFindings(analysis: SeverityAnalysis): Generator<void, Finding[]> {
  const { zones } = analysis.mesh.topology;
  const { zonePairs: judged } = analysis.counts.judged;
  const left = new Map(analysis.evidence.zonePairs);
  const causes: Cause[] = [];
  for (let to = 0; to < zones.length; to++) {
    const pairTo = (from: number) => from * zones.length + to;
    const blocked = [...zones.keys()].filter((from) => left.has(pairTo(from)));
    const probing = [...zones.keys()].filter((from) => from !== to && (judged[pairTo(from)] ?? 0) > 0);
    if (blocked.length < 2 || blocked.length < probing.length) continue;
    causes.push(zoneCause(analysis, `zone ${zones[to]?.name}`, blocked.map(pairTo), left));
  }
  for (const pair of [...left.keys()].sort((a, b) => a - b)) {
    if (!left.has(pair)) continue;
    const from = Math.floor(pair / zones.length);
    const to = pair % zones.length;
    const opposite = to * zones.length + from;
    const isMutual = left.has(opposite);
    const subject = `zone ${zones[from]?.name} ${isMutual ? '⇄' : '→'} zone ${zones[to]?.name}`;
    causes.push(zoneCause(analysis, subject, isMutual ? [pair, opposite] : [pair], left));
  }
  return yield* findingsOf(analysis, causes);
}

/** One cause about several pairs of zones, which are removed from `left`. */
function zoneCause(
  { counts, mesh }: SeverityAnalysis,
  subject: string,
  zonePairs: readonly number[],
  left: Map<number, Evidence>,
): Cause {
  const { zones } = mesh.topology;
  const evidence = new Evidence();
  let of = 0;
  for (const pair of zonePairs) {
    const found = left.get(pair);
    if (found !== undefined) evidence.addAll(found);
    left.delete(pair);
    of += counts.judged.zonePairs[pair] ?? 0;
  }
  const targets = [...new Set(zonePairs.map((pair) => pair % zones.length))];
  const who = targets.length < zonePairs.length ? 'from all other zones' : '';
  return {
    kind: 'zone-block',
    subject,
    pods: targets.flatMap((zone) => zones[zone]?.pods ?? []),
    evidence,
    of,
    direction: '',
    who,
    what: `${percent(evidence.affected, of)} of the links${who === '' ? '' : ` ${who}`} ${VERBS[counts.severity]}`,
    advice: 'check the network between the zones and network policies',
    network: 'the network',
    remark: 'Most links within these zones are fine.',
  };
}

/** At most this many findings about single links are described. */
const MAX_LINK_FINDINGS = 60;
/** `linkFindings` yields after this many pairs. */
const SLICE_PAIRS = 64;

/** The findings about links that no general cause explains. Both directions of a pair are one finding. */
export function* linkFindings(analysis: SeverityAnalysis): Generator<void, Finding[]> {
  const { pairs, byChance } = analysis.evidence.unexplained.found(analysis.counts.judged.all);
  const keyOf = (from: number, to: number) => from * 65_536 + to;
  const byKey = new Map<number, BadPair>();
  for (const [i, pair] of pairs.entries()) {
    if (i % SLICE_PAIRS === SLICE_PAIRS - 1) yield;
    byKey.set(keyOf(pair.from, pair.to), pair);
  }
  const causes: Cause[] = [];
  for (const pair of pairs) {
    if (causes.length >= MAX_LINK_FINDINGS) break;
    if (!byKey.has(keyOf(pair.from, pair.to))) continue;
    const opposite = byKey.get(keyOf(pair.to, pair.from));
    byKey.delete(keyOf(pair.to, pair.from));
    causes.push(linkCause(analysis, pair, opposite));
    yield;
  }
  const findings = yield* findingsOf(analysis, causes);
  // One late answer is no fault, but health counts every link that fails.
  if (byChance.length > 0 && analysis.counts.severity === 'failed') findings.push(chanceFinding(analysis, byChance));
  return findings;
}

/** One finding about many links without a common cause, each of which failed in its newest ping only. */
function chanceFinding(analysis: SeverityAnalysis, pairs: readonly BadPair[]): Finding {
  const { mesh, counts } = analysis;
  const evidence = new Evidence();
  for (const { from, link, families } of pairs) {
    const report = mesh.reports.get(from);
    if (report !== undefined) evidence.add(report, link, families);
  }
  return findingOf(analysis, {
    kind: 'link',
    subject: `${pairs.length} links`,
    pods: [],
    evidence,
    of: counts.judged.all,
    direction: ' of the mesh',
    who: '',
    what: 'fail in their newest ping and have nothing in common',
    advice: 'their next ping tells whether that was chance',
    network: '',
    remark: '',
  });
}

/** A cause about one link, or about both directions of a pair of pods if `opposite` is bad too. */
function linkCause(analysis: SeverityAnalysis, pair: BadPair, opposite: BadPair | undefined): Cause {
  const { mesh, counts } = analysis;
  const evidence = new Evidence();
  for (const one of opposite === undefined ? [pair] : [pair, opposite]) {
    const report = mesh.reports.get(one.from);
    if (report !== undefined) evidence.add(report, one.link, one.families);
  }
  const isFailed = counts.severity === 'failed';
  const way = opposite !== undefined ? 'both' : isFailed ? oppositeOf(mesh, pair, evidence.sinceMs()) : 'unknown';
  const isMutual = way === 'both' || way === 'mended';
  const [source, destination] = [mesh.topology.name(pair.from), mesh.topology.name(pair.to)];
  const [first, second] = isMutual && pair.from > pair.to ? [destination, source] : [source, destination];
  const directions = way === 'ok' ? ' in this direction only' : way === 'both' ? ' in both directions' : '';
  const remark = {
    ok: `${destination} → ${source} is ok.`,
    mended: `${destination} → ${source} works again, and this link has not been pinged since.`,
    stale: `Whether ${destination} reaches ${source} is not known yet.`,
    both: '',
    unknown: '',
  }[way];
  return {
    kind: way === 'ok' ? 'one-way' : KINDS[counts.severity].link,
    subject: `${first} ${isMutual ? '⇄' : '→'} ${second}`,
    pods: opposite === undefined ? [pair.to] : [pair.to, pair.from],
    evidence,
    of: isMutual ? 2 : 1,
    direction: '',
    who: '',
    what: `${isFailed ? 'fails' : 'slow'}${directions}`,
    advice: way === 'ok' ? 'check network policies, firewalls and routes' : linkAdvice(analysis, pair),
    network: 'the network',
    remark: `${isFailed ? errorText(evidence) : ''}${remark}`,
  };
}

/**
 * The opposite direction of a pair that has failed since a moment (ms since the epoch). `ok`: pinged since, while this one went
 * on failing. `mended`: it failed too and is ok again, and this one was not pinged since. `stale`: it was ok, but was not pinged since.
 * `unknown`: no report says anything.
 */
function oppositeOf({ reports }: MeshCounts, pair: BadPair, sinceMs: number): 'ok' | 'mended' | 'stale' | 'unknown' {
  const [report, own] = [reports.get(pair.to), reports.get(pair.from)];
  if (report === undefined || own === undefined) return 'unknown';
  const { links, atMs } = report;
  const pingedMs = own.atMs - unpack16(own.links.ageMs[pair.link] ?? NONE16);
  let way: 'ok' | 'mended' | 'stale' | 'unknown' = 'unknown';
  for (let i = 0; i < links.length; i++) {
    if (links.to[i] !== pair.from || ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
    if (links.outcome[i] !== 0) return 'unknown';
    const isMended = ((links.flags[i] ?? 0) & FLAG_RECOVERED) !== 0;
    const mendedMs = atMs - unpack16(links.sinceMs[i] ?? NONE16);
    if (isMended && mendedMs + CLOCK_ERROR_MS > pingedMs) return 'mended';
    if (!isOkSince(report, i, sinceMs)) way = 'stale';
    else if (way === 'unknown') way = 'ok';
  }
  return way;
}

/** Where to look, depending on the other links of the two pods. */
function linkAdvice({ mesh, counts, evidence }: SeverityAnalysis, { from, to }: BadPair): string {
  if (mesh.topology.judgedCount === 2) return 'with only two pods, either of them can be the cause';
  const { explainedTo, explainedFrom, unexplained } = evidence;
  const fineTo = (counts.judged.to[to] ?? 0) - (explainedTo[to] ?? 0) - (unexplained.to[to] ?? 0);
  const fineFrom = (counts.judged.from[from] ?? 0) - (explainedFrom[from] ?? 0) - (unexplained.from[from] ?? 0);
  if (fineTo <= 0) return 'check the probed pod and the path';
  if (fineFrom <= 0) return 'others reach the probed pod, check the probing pod and the path';
  return 'their other links are fine, check the path between the two and network policies';
}

/** The findings about pods that do not reach themselves, without those that `isExplained`. */
export function* selfFindings(
  analysis: SeverityAnalysis,
  isExplained: (pod: number) => boolean,
): Generator<void, Finding[]> {
  const { selfFailed, reports, topology } = analysis.mesh;
  const causes = selfFailed
    .filter(({ pod }) => !isExplained(pod))
    .slice(0, MAX_LINK_FINDINGS)
    .map(({ pod, link }): Cause => {
      const evidence = new Evidence();
      const report = reports.get(pod);
      if (report !== undefined) evidence.add(report, link, 0);
      const subject = `${topology.name(pod)} → ${topology.name(pod)}`;
      const what = 'does not reach itself';
      const remark = errorText(evidence);
      return {
        kind: 'link',
        subject,
        pods: [pod],
        evidence,
        of: 1,
        direction: '',
        who: '',
        what,
        advice: null,
        network: '',
        remark,
      };
    });
  return (yield* findingsOf(analysis, causes)).map((finding) => {
    // The pod itself is the subject of the title.
    return { ...finding, title: finding.title.replace(/^.*? → .*?: /, `${topology.name(finding.pods[0] ?? -1)}: `) };
  });
}

/** A finding about links, with the figures of its evidence. */
function findingOf({ counts, mesh }: SeverityAnalysis, cause: Cause): Finding {
  const { kind, subject, pods, evidence, of } = cause;
  const { severity } = counts;
  const isSlow = severity === 'slow';
  const { outcome, phase } = evidence.commonOutcome();
  const counted = cause.direction === '' && kind !== 'zone-block' ? '' : shareText(severity, cause);
  return {
    kind,
    // An intermittent link is as bad as its newest ping, and so it counts in health.
    severity: isSlow || evidence.failing === 0 ? 'slow' : 'failed',
    subject,
    pods: pods.slice(0, MAX_FINDING_PODS),
    from: evidence.from,
    affected: evidence.affected,
    of,
    outcome: isSlow || outcome === 'ok' ? null : outcome,
    phase: isSlow ? onlyPhase(evidence) : phase,
    ...evidence.medians(),
    sinceMs: severity === 'intermittent' ? 0 : evidence.sinceMs(isSlow),
    title: `${subject}: ${titleText(severity, cause, familyText(mesh, evidence))}`.slice(0, 400),
    detail: [counted, isSlow ? medianText(evidence) : '', cause.remark ?? '']
      .filter(Boolean)
      .join(' ')
      .trim()
      .slice(0, 600),
  };
}

/** `what, how: advice`. */
function titleText(
  severity: Severity,
  { evidence, direction, who, what, advice, network }: Cause,
  family: string,
): string {
  if (severity === 'intermittent') {
    const how = who === '' ? 'intermittent: check for lost packets' : `${who}: intermittent`;
    return `${aboutShare(evidence.failedShare())} of pings${direction} fail${family}, ${how}`;
  }
  if (severity === 'failed') {
    const { outcome, phase } = evidence.commonOutcome();
    // Which family the pod lacks is told with the link.
    const where = outcome === 'no-address' ? '' : family;
    return `${what}, ${outcomeText(outcome, phase)}${where}: ${advice ?? adviceFor(outcome, phase)}`;
  }
  const phase = evidence.latePhase();
  return `${what}, ${LATE_TEXT[phase]}${family}: ${lateAdvice(phase, network)}`;
}

/** The only late phase; null if two are late or if phases are not measured. */
function onlyPhase(evidence: Evidence): Phase | null {
  const phase = evidence.latePhase();
  return phase === 'connect' || phase === 'first-byte' || phase === 'body' ? phase : null;
}

/** ` over IPv6 only`; '' if both families are bad, or if only one is probed. */
function familyText({ bothFamilies }: MeshCounts, { families }: Evidence): string {
  if (!bothFamilies || families === (IPV4 | IPV6)) return '';
  return ` over ${families === IPV6 ? 'IPv6' : 'IPv4'} only`;
}

/** `timeout in connect`, `timeout waiting for the first byte`, `refused`. */
function outcomeText(outcome: Outcome, phase: Phase | null): string {
  if (outcome !== 'timeout' || phase === null) return outcome;
  if (phase === 'connect') return 'timeout in connect';
  return phase === 'first-byte' ? 'timeout waiting for the first byte' : 'timeout within the response';
}

function adviceFor(outcome: Outcome, phase: Phase | null): string {
  if (outcome === 'refused') return 'nothing listens on its port';
  if (outcome === 'http-status' || outcome === 'malformed') return 'something else answers on its port';
  if (outcome === 'no-address') return 'it has no address of the wanted IP family that may be called';
  const isConnected = outcome === 'timeout' && phase !== 'connect' && phase !== null;
  if (outcome === 'reset' || isConnected) return 'check the process or a proxy, not the network';
  return 'check its network and whether it still runs';
}

const LATE_TEXT: Record<LatePhase, string> = {
  connect: 'only connecting is late',
  'first-byte': 'only the first byte is late',
  body: 'only the rest of the response is late',
  response: 'the first byte and the rest of the response are late',
  both: 'connecting and the first byte are late',
  unmeasured: 'its phases are not measured',
};

function lateAdvice(phase: LatePhase, network: string): string {
  if (phase === 'unmeasured') return `check the process and ${network}`;
  if (phase === 'connect') return `check ${network} for lost packets, or a full listen backlog`;
  if (phase === 'body' || phase === 'response') return `check the bandwidth of ${network} or a proxy`;
  return phase === 'both' ? `check ${network}` : 'check the process or a proxy, not the network';
}

/** `3 of 4 links into it fail (75 %).` */
function shareText(severity: Severity, { evidence, of, direction }: Cause): string {
  return `${evidence.affected} of ${of} links${direction} ${VERBS[severity]} (${percent(evidence.affected, of)}).`;
}

/** `about 30 %`, in steps of ten, so that it is the same from one look to the next; -1 = not known. */
function aboutShare(share: number): string {
  return share < 0 ? 'some' : `about ${Math.max(5, Math.round(share * 10) * 10)} %`;
}

/** `all 3 others`, `2 of 3 others`; if not all others can tell: `all 3 pods that probe it`. */
function sourcesText(affected: number, of: number, others: number, who: string): string {
  if (of === 1) return others === 1 ? 'the only other pod' : `the only pod ${who}`;
  const all = of === others ? `${of} others` : `${of} pods ${who}`;
  if (affected === of) return `all ${all}`;
  return of === others ? `${affected} of ${all}` : `${affected} of the ${all}`;
}

/** `Median 252 ms: connect 0.2 ms, first byte 251 ms.`; the rest of the response only if it took time. */
function medianText(evidence: Evidence): string {
  const { connectUs, firstByteUs, totalUs } = evidence.medians();
  if (totalUs < 0) return '';
  if (connectUs < 0 || firstByteUs < 0) return `Median ${milliseconds(totalUs)}.`;
  const restUs = totalUs - connectUs - firstByteUs;
  const rest = restUs >= totalUs * 0.05 ? `, rest of the response ${milliseconds(restUs)}` : '';
  return `Median ${milliseconds(totalUs)}: connect ${milliseconds(connectUs)}, first byte ${milliseconds(firstByteUs)}${rest}.`;
}

/** The error text of the first link as a sentence; '' = none. */
function errorText(evidence: Evidence): string {
  const text = evidence.firstErrorText();
  return text === '' ? '' : `${text}. `;
}

/** Microseconds as milliseconds with two significant digits: `0.24 ms`, `7.1 ms`, `252 ms`. */
export function milliseconds(us: number): string {
  const ms = us / 1000;
  return `${ms < 1 ? ms.toFixed(2) : ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** `98 %`; 100 % only if it is all. */
export function percent(part: number, of: number): string {
  const share = of === 0 ? 0 : (part / of) * 100;
  return `${part === of ? 100 : Math.min(99, Math.round(share))} %`;
}
