import { type Finding, type FindingKind, MAX_FINDING_PODS, MAX_FINDINGS } from '../../protocol/finding.ts';
import type { LatePhase } from '../../protocol/link-state.ts';
import { FLAG_NOT_YET } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import type { Outcome, Phase } from '../../protocol/sample.ts';
import { IPV4, IPV6, type MeshCounts, type PairCounts } from './counts.ts';
import { type BadPair, type CauseEvidence, Evidence } from './evidence.ts';

/*
 * The titles of findings about links have the form `subject: what, how: advice`, for example
 * `pod-a: unreachable from all 3 others, refused: nothing listens on its port`. The page shows the parts separately.
 */

/** Input of all functions here: the bad pairs of one severity (failed or slow), counted and sorted by cause. */
interface SeverityAnalysis {
  mesh: MeshCounts;
  counts: PairCounts;
  evidence: CauseEvidence;
  /** Whether pairs fail; else they are slow. */
  isFailed: boolean;
}

/** The findings about nodes and pods. Yields after each. */
export function* podFindings(analysis: SeverityAnalysis): Generator<void, Finding[]> {
  const { toNodes, fromNodes, destinations, sources } = analysis.evidence;
  const nodes = new Map([...fromNodes, ...toNodes]);
  // A pod that is bad in both directions is one finding.
  const onlySources = new Map([...sources].filter(([pod]) => !destinations.has(pod)));
  return [
    ...(yield* describeMostAffected(nodes, (node) => nodeFinding(analysis, node))),
    ...(yield* describeMostAffected(destinations, (pod, evidence) => destinationFinding(analysis, pod, evidence))),
    ...(yield* describeMostAffected(onlySources, (pod, evidence) => sourceFinding(analysis, pod, evidence))),
  ];
}

/** Describes the causes with the most evidence; further ones would not be shown anyway. */
function* describeMostAffected(
  causes: ReadonlyMap<number, Evidence>,
  describe: (key: number, evidence: Evidence) => Finding,
): Generator<void, Finding[]> {
  const mostAffected = [...causes].sort(([, a], [, b]) => b.affected - a.affected).slice(0, MAX_FINDINGS + 1);
  yield;
  const findings: Finding[] = [];
  for (const [key, evidence] of mostAffected) {
    findings.push(describe(key, evidence));
    yield;
  }
  return findings;
}

function nodeFinding(analysis: SeverityAnalysis, node: number): Finding {
  const { counts, mesh, isFailed } = analysis;
  const { nodes, nodeOf, judgedCount } = mesh.topology;
  const { name = '', pods = [] } = nodes[node] ?? {};
  const toNode = analysis.evidence.toNodes.get(node);
  const fromNode = analysis.evidence.fromNodes.get(node);
  const sum = (counters: Uint32Array) => pods.reduce((total, pod) => total + (counters[pod] ?? 0), 0);
  const judgedTo = sum(counts.judgedToAcrossNodes);
  const judgedFrom = sum(counts.judgedFromAcrossNodes);
  const isToBad = toNode !== undefined && toNode.affected * 2 > judgedTo;
  const isFromBad = fromNode !== undefined && fromNode.affected * 2 > judgedFrom;
  const evidence = (isToBad ? toNode : fromNode) ?? toNode ?? new Evidence();
  const of = isToBad ? judgedTo : judgedFrom;
  const reporting = [...mesh.reports.keys()].filter((pod) => nodeOf[pod] !== node).length;
  const who = sourcesText(evidence.fromCount, reporting, judgedCount - pods.length, 'that report');
  const its = `its ${pods.length} pods`;
  const what = isToBad
    ? `${its} are ${isFailed ? 'unreachable' : 'slow'} from ${who}`
    : `${its} reach ${isFailed ? 'no pod on other nodes' : 'pods on other nodes slowly'}`;
  const share = shareText(analysis, evidence.affected, of, `links ${isToBad ? 'into' : 'out of'} it`, evidence);
  return linkedFinding(analysis, 'node', `node ${name}`, evidence, {
    pods,
    of,
    what: `${what}, ${howText(analysis, evidence, 'check the node and its network', "the node's network")}`,
    detail: `${share} ${isToBad ? oppositeText(analysis, 'They', isFromBad, judgedFrom) : 'Other nodes reach them.'}`,
  });
}

function destinationFinding(analysis: SeverityAnalysis, pod: number, evidence: Evidence): Finding {
  const { counts, mesh, isFailed } = analysis;
  const { explainedTo, sources } = analysis.evidence;
  const of = (counts.judgedTo[pod] ?? 0) - (explainedTo[pod] ?? 0);
  const who = sourcesText(evidence.affected, of, mesh.topology.judgedCount - 1, 'that probe it');
  const share = shareText(analysis, evidence.affected, of, 'links into it', evidence);
  const kind = isFailed ? 'pod-unreachable' : 'pod-slow';
  return linkedFinding(analysis, kind, mesh.topology.name(pod), evidence, {
    pods: [pod],
    of,
    what: `${isFailed ? 'unreachable' : 'slow'} from ${who}, ${howText(analysis, evidence, null, 'the network')}`,
    detail: `${share} ${oppositeText(analysis, 'It', sources.has(pod), counts.judgedFrom[pod] ?? 0)}`,
  });
}

function sourceFinding(analysis: SeverityAnalysis, pod: number, evidence: Evidence): Finding {
  const { counts, mesh, isFailed } = analysis;
  const of = (counts.judgedFrom[pod] ?? 0) - (analysis.evidence.explainedFrom[pod] ?? 0);
  const others = of === mesh.topology.judgedCount - 1 ? 'others' : 'pods that it probes';
  const isAll = evidence.affected === of;
  const reached = isAll ? `none of the ${of} ${others}` : `only ${of - evidence.affected} of ${of} ${others}`;
  const slowly = `${isAll ? `all ${of}` : `${evidence.affected} of ${of}`} ${others} slowly`;
  const share = shareText(analysis, evidence.affected, of, 'links out of it', evidence);
  const isProbed = (counts.judgedTo[pod] ?? 0) > 0;
  return linkedFinding(analysis, isFailed ? 'pod-reaches-nobody' : 'pod-slow-out', mesh.topology.name(pod), evidence, {
    pods: [pod],
    of,
    what: `reaches ${isFailed ? reached : slowly}, ${howText(analysis, evidence, 'check its own network', 'its own network')}`,
    detail: `${share} ${isProbed ? 'Other pods reach it.' : 'No report says whether other pods reach it.'}`,
  });
}

/**
 * Says whether a bad destination (`It`: a pod, `They`: the pods of a node) reaches others itself. `isBad`: its outbound links
 * are bad too. `judged`: the number of its judged outbound links; 0 = not known.
 */
function oppositeText({ isFailed }: SeverityAnalysis, who: 'It' | 'They', isBad: boolean, judged: number): string {
  const reach = who === 'It' ? 'reaches' : 'reach';
  if (judged === 0) return `What ${who.toLowerCase()} ${reach} is not known.`;
  if (!isBad) return `${who} ${reach} the others: only one direction is bad.`;
  return `${who} ${reach} ${isFailed ? 'no other pod either' : 'the others slowly too'}.`;
}

/**
 * The findings about pairs of zones. A zone that no other zone reaches is one finding, and so are both directions between
 * two zones.
 */
export function zoneFindings(analysis: SeverityAnalysis): Finding[] {
  const { zones } = analysis.mesh.topology;
  const { judgedZonePairs } = analysis.counts;
  const left = new Map(analysis.evidence.zonePairs);
  const findings: Finding[] = [];
  for (let to = 0; to < zones.length; to++) {
    const pairTo = (from: number) => from * zones.length + to;
    const blocked = [...zones.keys()].filter((from) => left.has(pairTo(from)));
    const judged = [...zones.keys()].filter((from) => from !== to && (judgedZonePairs[pairTo(from)] ?? 0) > 0);
    if (blocked.length < 2 || blocked.length < judged.length) continue;
    findings.push(zoneFinding(analysis, `zone ${zones[to]?.name}`, blocked.map(pairTo), left));
  }
  for (const pair of [...left.keys()]) {
    if (!left.has(pair)) continue;
    const from = Math.floor(pair / zones.length);
    const to = pair % zones.length;
    const opposite = to * zones.length + from;
    const isMutual = left.has(opposite);
    const subject = `zone ${zones[from]?.name} ${isMutual ? '⇄' : '→'} zone ${zones[to]?.name}`;
    findings.push(zoneFinding(analysis, subject, isMutual ? [pair, opposite] : [pair], left));
  }
  return findings;
}

/** One finding about several pairs of zones, which are removed from `left`. */
function zoneFinding(
  analysis: SeverityAnalysis,
  subject: string,
  zonePairs: readonly number[],
  left: Map<number, Evidence>,
): Finding {
  const { zones } = analysis.mesh.topology;
  const evidence = new Evidence();
  let of = 0;
  for (const pair of zonePairs) {
    const found = left.get(pair);
    if (found !== undefined) evidence.addAll(found);
    left.delete(pair);
    of += analysis.counts.judgedZonePairs[pair] ?? 0;
  }
  const targets = [...new Set(zonePairs.map((pair) => pair % zones.length))];
  const who = targets.length < zonePairs.length ? ' from all other zones' : '';
  const what = `${percent(evidence.affected, of)} of the links${who} ${analysis.isFailed ? 'fail' : 'are slow'}`;
  const advice = 'check the network between the zones and network policies';
  return linkedFinding(analysis, 'zone-block', subject, evidence, {
    pods: targets.flatMap((zone) => zones[zone]?.pods ?? []),
    of,
    what: `${what}, ${howText(analysis, evidence, advice, 'the network')}`,
    detail: `${shareText(analysis, evidence.affected, of, 'links', evidence)} Most links within these zones are fine.`,
  });
}

/** At most this many findings about single links are described. */
const MAX_LINK_FINDINGS = 60;
/** `linkFindings` yields after this many pairs. */
const SLICE_PAIRS = 64;

/** The findings about links that no general cause explains. Both directions of a pair are one finding. */
export function* linkFindings(analysis: SeverityAnalysis): Generator<void, Finding[]> {
  const pairs = analysis.evidence.unexplained.notByChance(analysis.counts.judged);
  const keyOf = (from: number, to: number) => from * 65_536 + to;
  const byKey = new Map<number, BadPair>();
  for (const [i, pair] of pairs.entries()) {
    if (i % SLICE_PAIRS === SLICE_PAIRS - 1) yield;
    byKey.set(keyOf(pair.from, pair.to), pair);
  }
  const findings: Finding[] = [];
  for (const pair of pairs) {
    if (findings.length >= MAX_LINK_FINDINGS) break;
    if (!byKey.has(keyOf(pair.from, pair.to))) continue;
    const opposite = byKey.get(keyOf(pair.to, pair.from));
    byKey.delete(keyOf(pair.to, pair.from));
    findings.push(linkFinding(analysis, pair, opposite));
    yield;
  }
  return findings;
}

/** A finding about one link, or about both directions of a pair of pods if `opposite` is bad too. */
function linkFinding(analysis: SeverityAnalysis, pair: BadPair, opposite: BadPair | undefined): Finding {
  const { mesh, isFailed } = analysis;
  const { from, to } = pair;
  const evidence = new Evidence();
  for (const one of opposite === undefined ? [pair] : [pair, opposite]) {
    const report = mesh.reports.get(one.from);
    if (report !== undefined) evidence.add(report, one.link, one.families);
  }
  const source = mesh.topology.name(from);
  const destination = mesh.topology.name(to);
  const isOneWay = isFailed && opposite === undefined && isOk(mesh.reports.get(to), from);
  const kind = isOneWay ? 'one-way' : isFailed ? 'link' : 'link-slow';
  const directions = isOneWay ? ' in this direction only' : opposite === undefined ? '' : ' in both directions';
  const advice = isOneWay ? 'check network policies, firewalls and routes' : linkAdvice(analysis, pair);
  const opposedBy = isOneWay ? `${destination} → ${source} is ok.` : '';
  return linkedFinding(analysis, kind, `${source} ${opposite === undefined ? '→' : '⇄'} ${destination}`, evidence, {
    pods: opposite === undefined ? [to] : [to, from],
    of: opposite === undefined ? 1 : 2,
    what: `${isFailed ? 'fails' : 'slow'}${directions}, ${howText(analysis, evidence, advice, 'the network')}`,
    detail: isFailed ? `${errorText(evidence)}${opposedBy}` : medianText(evidence),
  });
}

/** Where to look, depending on the other links of the two pods. */
function linkAdvice({ mesh, counts, evidence }: SeverityAnalysis, { from, to }: BadPair): string {
  if (mesh.topology.judgedCount === 2) return 'with only two pods, either of them can be the cause';
  const { explainedTo, explainedFrom, unexplained } = evidence;
  const fineTo = (counts.judgedTo[to] ?? 0) - (explainedTo[to] ?? 0) - (unexplained.to[to] ?? 0);
  const fineFrom = (counts.judgedFrom[from] ?? 0) - (explainedFrom[from] ?? 0) - (unexplained.from[from] ?? 0);
  if (fineTo <= 0) return 'check the probed pod and the path';
  if (fineFrom <= 0) return 'others reach the probed pod, check the probing pod and the path';
  return 'their other links are fine, check the path between the two and network policies';
}

/** Whether a report says that the links to `to` are ok. O(links). */
function isOk(report: MergedReport | undefined, to: number): boolean {
  if (report === undefined) return false;
  const { links } = report;
  let isOk = false;
  for (let i = 0; i < links.length; i++) {
    if (links.to[i] !== to || ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
    if (links.outcome[i] !== 0) return false;
    isOk = true;
  }
  return isOk;
}

/** The findings about pods that do not reach themselves, without those that `isExplained`. Yields after each. */
export function* selfFindings(
  analysis: SeverityAnalysis,
  isExplained: (pod: number) => boolean,
): Generator<void, Finding[]> {
  const { selfFailed, reports, topology } = analysis.mesh;
  const findings: Finding[] = [];
  for (const { pod, link } of selfFailed.filter((self) => !isExplained(self.pod)).slice(0, MAX_LINK_FINDINGS)) {
    const evidence = new Evidence();
    const report = reports.get(pod);
    if (report !== undefined) evidence.add(report, link, 0);
    const name = topology.name(pod);
    const how = howText(analysis, evidence, null, 'the network');
    const title = `${name}: does not reach itself, ${how}`;
    const detail = errorText(evidence);
    const parts = { pods: [pod], of: 1, what: '', detail };
    findings.push({ ...linkedFinding(analysis, 'link', `${name} → ${name}`, evidence, parts), title });
    yield;
  }
  return findings;
}

/** A finding about links, with the figures of its evidence. The title is `subject: what`. */
function linkedFinding(
  { isFailed }: SeverityAnalysis,
  kind: FindingKind,
  subject: string,
  evidence: Evidence,
  { pods, of, what, detail }: { pods: readonly number[]; of: number; what: string; detail: string },
): Finding {
  const { outcome, phase } = isFailed ? evidence.commonOutcome() : { outcome: null, phase: onlyPhase(evidence) };
  return {
    kind,
    severity: isFailed ? 'failed' : 'slow',
    subject,
    pods: pods.slice(0, MAX_FINDING_PODS),
    from: evidence.from,
    affected: evidence.affected,
    of,
    outcome,
    phase,
    ...evidence.medians(),
    sinceMs: evidence.sinceMs(isFailed),
    title: `${subject}: ${what}`.slice(0, 400),
    detail: detail.trim().slice(0, 600),
  };
}

/** The only late phase; null if two are late or if phases are not measured. */
function onlyPhase(evidence: Evidence): Phase | null {
  const phase = evidence.latePhase();
  return phase === 'both' || phase === 'unmeasured' ? null : phase;
}

/**
 * How links are bad, and what to check. `failedAdvice`: what to check if they fail; null = what the outcome suggests.
 * `network`: what to check if they are slow because of the network.
 */
function howText(
  { isFailed, mesh }: SeverityAnalysis,
  evidence: Evidence,
  failedAdvice: string | null,
  network: string,
): string {
  const isOneFamily = mesh.bothFamilies && evidence.families !== (IPV4 | IPV6);
  const family = isOneFamily ? ` over ${evidence.families === IPV6 ? 'IPv6' : 'IPv4'} only` : '';
  if (isFailed) {
    const { outcome, phase } = evidence.commonOutcome();
    return `${outcomeText(outcome, phase)}${family}: ${failedAdvice ?? adviceFor(outcome, phase)}`;
  }
  const phase = evidence.latePhase();
  return `${LATE_TEXT[phase]}${family}: ${lateAdvice(phase, network)}`;
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
  if (outcome === 'no-address') return 'it has no address of the wanted IP family';
  const isConnected = outcome === 'timeout' && phase !== 'connect' && phase !== null;
  if (outcome === 'reset' || isConnected) return 'check the process or a proxy, not the network';
  return 'check its network and whether it still runs';
}

const LATE_TEXT: Record<LatePhase, string> = {
  connect: 'only connecting is late',
  'first-byte': 'only the first byte is late',
  body: 'only the rest of the response is late',
  both: 'connecting and the first byte are late',
  unmeasured: 'its phases are not measured',
};

function lateAdvice(phase: LatePhase, network: string): string {
  if (phase === 'unmeasured') return `check the process and ${network}`;
  if (phase === 'connect') return `check ${network} for lost packets, or a full listen backlog`;
  return phase === 'both' ? `check ${network}` : 'check the process or a proxy, not the network';
}

/** `3 of 4 links into it fail (75 %).` */
function shareText(
  { isFailed }: SeverityAnalysis,
  affected: number,
  of: number,
  links: string,
  evidence: Evidence,
): string {
  const verb = isFailed ? 'fail' : 'are slow';
  return `${affected} of ${of} ${links} ${verb} (${percent(affected, of)}).${isFailed ? '' : ` ${medianText(evidence)}`}`;
}

/** `all 3 others`, `2 of 3 others`; if not all others can tell: `all 3 pods that probe it`. */
function sourcesText(affected: number, of: number, others: number, who: string): string {
  if (of === 1) return others === 1 ? 'the only other pod' : `the only pod ${who}`;
  const all = of === others ? `${of} others` : `${of} pods ${who}`;
  if (affected === of) return `all ${all}`;
  return of === others ? `${affected} of ${all}` : `${affected} of the ${all}`;
}

/** `Median 252 ms: connect 0.2 ms, first byte 251 ms.` */
function medianText(evidence: Evidence): string {
  const { connectUs, firstByteUs, totalUs } = evidence.medians();
  if (totalUs < 0) return '';
  const isMeasured = connectUs >= 0 && firstByteUs >= 0;
  const phases = isMeasured ? `: connect ${milliseconds(connectUs)}, first byte ${milliseconds(firstByteUs)}` : '';
  return `Median ${milliseconds(totalUs)}${phases}.`;
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
