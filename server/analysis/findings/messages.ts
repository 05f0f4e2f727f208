import { type Finding, type FindingKind, MAX_FINDING_PODS, MAX_FINDINGS } from '../../protocol/finding.ts';
import { FLAG_NOT_YET } from '../../protocol/links.ts';
import type { Outcome, Phase } from '../../protocol/sample.ts';
import type { Causes, Single } from './attribution.ts';
import { Evidence, IPV4, IPV6, type Layer, type Told } from './counts.ts';

/** What is measured: whether links fail, or whether they are slow. */
type Measure = 'failed' | 'slow';

/** `timeout in connect`, `refused`, `timeout waiting for the first byte`. */
function endingWords({ outcome, phase }: { outcome: Outcome; phase: Phase | null }): string {
  if (outcome !== 'timeout' || phase === null) return outcome;
  if (phase === 'connect') return 'timeout in connect';
  return phase === 'first-byte' ? 'timeout waiting for the first byte' : 'timeout within the answer';
}

/** Where to look when a whole pod fails in this way. */
function whereOfFailure({ outcome, phase }: { outcome: Outcome; phase: Phase | null }): string {
  if (outcome === 'refused') return 'nothing listens on its port';
  if (outcome === 'http-status' || outcome === 'malformed') return 'something else answers in its place';
  if (outcome === 'no-address') return 'it has no address of the wanted IP family';
  if (outcome === 'reset' || (outcome === 'timeout' && phase !== 'connect' && phase !== null)) {
    return 'process or proxy, not the network';
  }
  return 'its network, or it is away';
}

/** `first byte only: process or proxy, not the network`; `whose` is put before "network". */
function lateWords(evidence: Evidence, whose: string): string {
  if (!evidence.knowsPhases) return 'in which phase is not known';
  const phase = evidence.latePhase();
  if (phase === null) return `in connect too: ${whose}network`;
  if (phase === 'connect') return `connect only: ${whose}network loses packets, or a full backlog`;
  return `${phase === 'body' ? 'the rest of the answer' : 'first byte'} only: process or proxy, not the network`;
}

/** `all 3 others`, `2 of 3 others`, or of fewer than there are: `all 3 pods that probe it`. */
function countOf(affected: number, of: number, others: number, who: string): string {
  if (of === 1) return others === 1 ? 'the only other pod' : `the only pod ${who}`;
  const all = of === others ? `${of} others` : `${of} pods ${who}`;
  if (affected === of) return `all ${all}`;
  return of === others ? `${affected} of ${all}` : `${affected} of the ${all}`;
}

/** ` over IPv6` where the other family is fine though it is probed. */
function familyWords(evidence: Evidence, bothProbed: boolean): string {
  if (!bothProbed || evidence.families === (IPV4 | IPV6)) return '';
  return evidence.families === IPV6 ? ' over IPv6 only' : ' over IPv4 only';
}

/** `Median 252 ms: connect 0.2 ms, first byte 251 ms.` */
function medianWords(evidence: Evidence): string {
  const { connectUs, firstByteUs, totalUs } = evidence.medians();
  if (totalUs < 0) return '';
  const phases =
    connectUs < 0 || firstByteUs < 0 ? '' : `: connect ${inMs(connectUs)}, first byte ${inMs(firstByteUs)}`;
  return `Median ${inMs(totalUs)}${phases}.`;
}

/** Microseconds as milliseconds with two figures that mean something: `0.24 ms`, `7.1 ms`, `252 ms`. */
export function inMs(us: number): string {
  const ms = us / 1000;
  return `${ms < 1 ? ms.toFixed(2) : ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** `98 %`; 100 only where it is all. */
export function percent(part: number, of: number): string {
  const share = of === 0 ? 0 : (part / of) * 100;
  return `${part === of ? 100 : Math.min(99, Math.round(share))} %`;
}

/** One measure, what was told by it and what it came to: what every finding of it is worded from. */
export class Scope {
  readonly told: Told;
  readonly layer: Layer;
  readonly causes: Causes;
  readonly isFailed: boolean;

  constructor(told: Told, layer: Layer, causes: Causes, measure: Measure) {
    this.told = told;
    this.layer = layer;
    this.causes = causes;
    this.isFailed = measure === 'failed';
  }

  /** The finding, with the figures that its evidence gives. */
  finding(
    kind: FindingKind,
    subject: string,
    evidence: Evidence,
    words: Pick<Finding, 'pods' | 'of' | 'title' | 'detail'>,
  ): Finding {
    const ending = this.isFailed ? evidence.ending() : { outcome: null, phase: evidence.latePhase() };
    return {
      ...{ kind, severity: this.isFailed ? 'failed' : 'slow', subject },
      ...{ pods: words.pods.slice(0, MAX_FINDING_PODS), from: evidence.from },
      ...{ affected: evidence.affected, of: words.of },
      ...ending,
      ...evidence.medians(),
      sinceMs: evidence.sinceMs(this.isFailed),
      ...{ title: words.title.slice(0, 400), detail: words.detail.trim().slice(0, 600) },
    };
  }

  /** How it shows and where to look; `where` null: what the outcome itself suggests. */
  how(evidence: Evidence, where: string | null, whose: string): string {
    const family = familyWords(evidence, this.told.bothFamilies);
    if (!this.isFailed) return `${lateWords(evidence, whose)}${family}`;
    const ending = evidence.ending();
    return `${endingWords(ending)}${family}: ${where ?? whereOfFailure(ending)}`;
  }

  /** `3 of 4 links into it fail (75 %).` */
  share(affected: number, of: number, links: string, evidence: Evidence): string {
    const verb = this.isFailed ? 'fail' : 'are slow';
    const median = this.isFailed ? '' : ` ${medianWords(evidence)}`;
    return `${affected} of ${of} ${links} ${verb} (${percent(affected, of)}).${median}`;
  }
}

/** The findings that nodes and pods give rise to, of each kind the gravest; yields after each. */
export function* podFindings(scope: Scope): Generator<void, Finding[]> {
  const { nodesIn, nodesOut, into, outOf } = scope.causes;
  const nodes = new Map([...nodesOut, ...nodesIn]);
  const alone = new Map([...outOf].filter(([pod]) => !into.has(pod)));
  return [
    ...(yield* worded(nodes, (node) => ofNode(scope, node))),
    ...(yield* worded(into, (pod, evidence) => ofPod(scope, pod, evidence))),
    ...(yield* worded(alone, (pod, evidence) => ofPodOut(scope, pod, evidence))),
  ];
}

/** Words those with the most evidence: more than that could never be told. */
function* worded(
  causes: ReadonlyMap<number, Evidence>,
  word: (key: number, evidence: Evidence) => Finding,
): Generator<void, Finding[]> {
  const gravest = [...causes].sort(([, a], [, b]) => b.affected - a.affected).slice(0, MAX_FINDINGS + 1);
  yield;
  const findings: Finding[] = [];
  for (const [key, evidence] of gravest) {
    findings.push(word(key, evidence));
    yield;
  }
  return findings;
}

function ofNode(scope: Scope, node: number): Finding {
  const { layer, causes, told, isFailed } = scope;
  const { places } = told;
  const pods = places.nodes[node]?.pods ?? [];
  const [into, out] = [causes.nodesIn.get(node), causes.nodesOut.get(node)];
  const sum = (counts: Uint32Array) => pods.reduce((total, pod) => total + (counts[pod] ?? 0), 0);
  const [ofIn, ofOut] = [sum(layer.crossIn), sum(layer.crossOut)];
  const isIn = into !== undefined && into.affected * 2 > ofIn;
  const isOut = out !== undefined && out.affected * 2 > ofOut;
  const evidence = (isIn ? into : out) ?? into ?? new Evidence();
  const of = isIn ? ofIn : ofOut;
  const elsewhere = [...told.reports.keys()].filter((pod) => places.nodeOf[pod] !== node).length;
  const who = countOf(evidence.fromCount, elsewhere, places.judgedCount - pods.length, 'that report');
  const whatIn = `its ${pods.length} pods are ${isFailed ? 'unreachable' : 'slow'} from ${who}`;
  const whatOut = `its ${pods.length} pods reach ${isFailed ? 'nobody elsewhere' : 'all others slowly'}`;
  const how = scope.how(evidence, 'the node or its network', "the node's ");
  const subject = `node ${places.nodes[node]?.name ?? ''}`;
  const back = isIn ? backWords(scope, 'They', isOut, ofOut) : 'They are reached.';
  return scope.finding('node', subject, evidence, {
    ...{ pods, of, title: `${subject}: ${isIn ? whatIn : whatOut}, ${how}` },
    detail: `${scope.share(evidence.affected, of, `links ${isIn ? 'into' : 'out of'} it`, evidence)} ${back}`,
  });
}

function ofPod(scope: Scope, pod: number, evidence: Evidence): Finding {
  const { layer, causes, told, isFailed } = scope;
  const of = (layer.probedIn[pod] ?? 0) - (causes.excusedIn[pod] ?? 0);
  const who = countOf(evidence.affected, of, told.places.judgedCount - 1, 'that probe it');
  const name = told.places.name(pod);
  const back = backWords(scope, 'It', causes.outOf.has(pod), layer.probedOut[pod] ?? 0);
  return scope.finding(isFailed ? 'pod-unreachable' : 'pod-slow', name, evidence, {
    ...{ pods: [pod], of },
    title: `${name}: ${isFailed ? 'unreachable' : 'slow'} from ${who}, ${scope.how(evidence, null, '')}`,
    detail: `${scope.share(evidence.affected, of, 'links into it', evidence)} ${back}`,
  });
}

function ofPodOut(scope: Scope, pod: number, evidence: Evidence): Finding {
  const { layer, causes, told, isFailed } = scope;
  const of = (layer.probedOut[pod] ?? 0) - (causes.excusedOut[pod] ?? 0);
  const others = of === told.places.judgedCount - 1 ? 'others' : 'pods that it probes';
  const isAll = evidence.affected === of;
  const reached = isAll ? `none of the ${of} ${others}` : `only ${of - evidence.affected} of ${of} ${others}`;
  const slowly = `${isAll ? `all ${of}` : `${evidence.affected} of ${of}`} ${others} slowly`;
  const name = told.places.name(pod);
  const back = (layer.probedIn[pod] ?? 0) > 0 ? 'Others reach it.' : 'Nobody else could say whether it is reached.';
  return scope.finding(isFailed ? 'pod-reaches-nobody' : 'pod-slow-out', name, evidence, {
    ...{ pods: [pod], of },
    title: `${name}: reaches ${isFailed ? reached : slowly}, ${scope.how(evidence, 'its own network', 'its own ')}`,
    detail: `${scope.share(evidence.affected, of, 'links out of it', evidence)} ${back}`,
  });
}

function backWords({ isFailed }: Scope, who: 'It' | 'They', isBad: boolean, judged: number): string {
  const reach = who === 'It' ? 'reaches' : 'reach';
  if (judged === 0) return `What ${who.toLowerCase()} ${reach} is not known.`;
  if (!isBad) return `${who} ${reach} the others: one direction only.`;
  return `${who} ${reach} ${isFailed ? 'nobody either' : 'the others slowly too'}.`;
}

/** The findings that pairs of zones give rise to: one for a zone that no other reaches, one for both directions. */
export function zoneFindings(scope: Scope): Finding[] {
  const { zones } = scope.told.places;
  const left = new Map(scope.causes.zonePairs);
  const findings: Finding[] = [];
  for (let to = 0; to < zones.length; to++) {
    const from = zones.flatMap((_, zone) => (left.has(zone * zones.length + to) ? [zone] : []));
    const asked = zones.filter((_, zone) => zone !== to && pairsOf(scope, zone, to) > 0);
    if (from.length < 2 || from.length < asked.length) continue;
    const pairs = from.map((zone): [number, number] => [zone, to]);
    findings.push(ofPairs(scope, `zone ${zones[to]?.name}`, pairs, left));
  }
  for (const pair of [...left.keys()]) {
    if (!left.has(pair)) continue;
    const [from, to] = [Math.floor(pair / zones.length), pair % zones.length];
    const isMutual = left.has(to * zones.length + from);
    const subject = `zone ${zones[from]?.name} ${isMutual ? '⇄' : '→'} zone ${zones[to]?.name}`;
    const back: [number, number][] = isMutual ? [[to, from]] : [];
    findings.push(ofPairs(scope, subject, [[from, to], ...back], left));
  }
  return findings;
}

/** One finding of several pairs, which are taken out of `left`. */
function ofPairs(scope: Scope, subject: string, pairs: [number, number][], left: Map<number, Evidence>): Finding {
  const { zones } = scope.told.places;
  const evidence = new Evidence();
  let of = 0;
  for (const [from, to] of pairs) {
    const key = from * zones.length + to;
    const found = left.get(key);
    if (found !== undefined) evidence.absorb(found);
    left.delete(key);
    of += pairsOf(scope, from, to);
  }
  const targets = [...new Set(pairs.map(([, to]) => to))];
  const who = targets.length < pairs.length ? ' from all other zones' : '';
  const what = `${percent(evidence.affected, of)} of the links${who} ${scope.isFailed ? 'fail' : 'are slow'}`;
  const how = scope.how(evidence, 'the network between the zones, or a policy', '');
  return scope.finding('zone-block', subject, evidence, {
    ...{ pods: targets.flatMap((zone) => zones[zone]?.pods ?? []), of, title: `${subject}: ${what}, ${how}` },
    detail: `${scope.share(evidence.affected, of, 'links', evidence)} Within the zones nothing of the kind.`,
  });
}

/** Judged pairs of pods from zone to zone. */
function pairsOf({ told, layer }: Scope, from: number, to: number): number {
  return layer.zonePairs[from * told.places.zones.length + to] ?? 0;
}

/** The most links that are worded. */
const MAX_WORDED = 60;
/** So many links are looked at between two looks at the clock. */
const SLICE = 64;

/** Findings of links that no general cause explains. Yields after each, and after each few links. */
export function* singleFindings(scope: Scope): Generator<void, Finding[]> {
  const told = scope.causes.singles.worthTelling(scope.layer.judged);
  const byPair = new Map<number, Single>();
  for (const [i, single] of told.entries()) {
    if (i % SLICE === SLICE - 1) yield;
    byPair.set(key(single.from, single.to), single);
  }
  const findings: Finding[] = [];
  for (const single of told) {
    if (findings.length >= MAX_WORDED) break;
    if (!byPair.has(key(single.from, single.to))) continue;
    const back = byPair.get(key(single.to, single.from));
    byPair.delete(key(single.to, single.from));
    const pairs: [Single, ...Single[]] = back === undefined ? [single] : [single, back];
    findings.push(ofPair(scope, pairs));
    yield;
  }
  return findings;
}

function key(from: number, to: number): number {
  return from * 65_536 + to;
}

/** One link, or both directions of one pair. */
function ofPair(scope: Scope, pairs: [Single, ...Single[]]): Finding {
  const { told, isFailed } = scope;
  const [{ from, to }] = pairs;
  const evidence = new Evidence();
  for (const single of pairs) {
    const report = told.reports.get(single.from);
    if (report !== undefined) evidence.add(report, single.link, single.families);
  }
  const [a, b] = [told.places.name(from), told.places.name(to)];
  const isOneWay = isFailed && pairs.length === 1 && reaches(scope, to, from);
  const subject = `${a} ${pairs.length > 1 ? '⇄' : '→'} ${b}`;
  const where = whereOf(scope, pairs, isOneWay);
  const how = scope.how(evidence, where, '');
  const slowly = isFailed ? '' : 'slow, ';
  return scope.finding(isOneWay ? 'one-way' : isFailed ? 'link' : 'link-slow', subject, evidence, {
    ...{ pods: pairs.length > 1 ? [to, from] : [to], of: pairs.length, title: `${subject}: ${slowly}${how}` },
    detail: detailOf(scope, evidence, isOneWay ? `${b} → ${a} is ok.` : ''),
  });
}

/** Where to look, by what else the two do. */
function whereOf(scope: Scope, pairs: [Single, ...Single[]], isOneWay: boolean): string {
  const [{ from, to }] = pairs;
  if (isOneWay) return `${scope.told.places.name(to)} reaches it, one direction only: a policy, a firewall or a route`;
  if (scope.told.places.judgedCount === 2) return 'with two pods nobody can tell which of them it is';
  const { layer, causes } = scope;
  const into = (layer.probedIn[to] ?? 0) - (causes.excusedIn[to] ?? 0) - (causes.singles.into[to] ?? 0);
  const out = (layer.probedOut[from] ?? 0) - (causes.excusedOut[from] ?? 0) - (causes.singles.outOf[from] ?? 0);
  if (into > 0 && out > 0) return 'their other links are fine, the path between the two or a policy';
  return into > 0 ? 'others reach it, the probing pod or the path' : 'the probed pod or the path';
}

function detailOf({ isFailed }: Scope, evidence: Evidence, more: string): string {
  if (!isFailed) return medianWords(evidence);
  const first = evidence.first;
  const words = first?.report.details.find(([link]) => link === first.link)?.[1] ?? '';
  return `${words === '' ? '' : `${words}. `}${more}`;
}

/** Findings of pods that do not reach themselves; `isTold`: not if others do not reach them either. Yields after each. */
export function* selfFindings(scope: Scope, isTold: (pod: number) => boolean): Generator<void, Finding[]> {
  const { told } = scope;
  const findings: Finding[] = [];
  for (const { pod, link } of told.selfFailed.filter(({ pod }) => isTold(pod)).slice(0, MAX_WORDED)) {
    const evidence = new Evidence();
    const report = told.reports.get(pod);
    if (report !== undefined) evidence.add(report, link, 0);
    const name = told.places.name(pod);
    findings.push(
      scope.finding('link', `${name} → ${name}`, evidence, {
        ...{ pods: [pod], of: 1, title: `${name}: does not reach itself, ${scope.how(evidence, null, '')}` },
        detail: detailOf(scope, evidence, ''),
      }),
    );
    yield;
  }
  return findings;
}

/** Whether the report of pod `from` says that it reaches `to`. O(links). */
function reaches({ told }: Scope, from: number, to: number): boolean {
  const links = told.reports.get(from)?.links;
  if (links === undefined) return false;
  let isOk = false;
  for (let i = 0; i < links.length; i++) {
    if (links.to[i] !== to || ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
    if (links.outcome[i] !== 0) return false;
    isOk = true;
  }
  return isOk;
}
