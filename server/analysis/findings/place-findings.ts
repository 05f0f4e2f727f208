import { type Finding, MAX_FINDING_PODS } from '../../protocol/finding.ts';
import { countText } from '../../runtime/count-text.ts';
import { percent } from '../text.ts';
import type { Defect, DefectPairs } from './counts.ts';
import { type DefectAnalysis, Evidence } from './evidence.ts';
import { type CauseFacts, findingOf, findingsOf, KINDS, VERBS } from './messages.ts';
import { countSince } from './pinged-since.ts';

/* Step 5 of `findingsFrom` for nodes, pairs of zones and pods, and the side that is cut off. */

/** The findings about nodes, pairs of zones and pods. Yields after each node and pod. */
export function* placeFindings(analysis: DefectAnalysis): Generator<void, Finding[]> {
  const { intoNode, outOfNode, intoPod, outOfPod } = analysis.found;
  const nodes = [...new Set([...outOfNode.keys(), ...intoNode.keys()])].map((node) => [node]);
  // A node or pod that is bad in both directions is one finding. It describes one direction, and is failed if links fail in either.
  for (const [into, out] of [[intoNode, outOfNode] as const, [intoPod, outOfPod] as const]) {
    for (const [key, evidence] of into) {
      const opposite = out.get(key);
      if (opposite === undefined) continue;
      evidence.isFailing ||= opposite.isFailing;
      opposite.isFailing = evidence.isFailing;
    }
  }
  const onlyOut = new Map([...outOfPod].filter(([pod]) => !intoPod.has(pod)));
  return [
    ...(yield* findingsOf(analysis, yield* mergedCauses(analysis, nodes, nodeCause))),
    ...(yield* findingsOf(analysis, zoneCauses(analysis))),
    ...(yield* findingsOf(analysis, yield* mergedCauses(analysis, yield* clonesOf(analysis, intoPod), podIntoCause))),
    ...(yield* findingsOf(analysis, yield* mergedCauses(analysis, yield* clonesOf(analysis, onlyOut), podOutCause))),
  ];
}

/** Makes one cause of each group of nodes or pods. `causeOf`: makes the cause of one of them. */
function* mergedCauses(
  analysis: DefectAnalysis,
  groups: number[][],
  causeOf: (analysis: DefectAnalysis, key: number) => CauseFacts,
): Generator<void, CauseFacts[]> {
  const merged: CauseFacts[] = [];
  for (const group of groups) {
    const causes: CauseFacts[] = [];
    for (const key of group) {
      causes.push(causeOf(analysis, key));
      yield;
    }
    merged.push(mergedCause(analysis.pairs, causes));
  }
  return merged;
}

/** Groups the pods of `found` that have one owner and are bad in one way; at most as many as a finding can name. */
function* clonesOf(
  { mesh: { topology }, pairs }: DefectAnalysis,
  found: ReadonlyMap<number, Evidence>,
): Generator<void, number[][]> {
  const groups = new Map<string, number[]>();
  for (const [pod, evidence] of found) {
    const owner = topology.pods[pod]?.owner ?? '';
    const key = owner === '' ? String(pod) : `${owner} ${howBad(pairs.defect, evidence)}`;
    groups.set(key, [...(groups.get(key) ?? []), pod]);
    yield;
  }
  return [...groups.values()].flatMap((group) => {
    const pods = group.sort((a, b) => (topology.name(a) < topology.name(b) ? -1 : 1));
    const parts: number[][] = [];
    for (let at = 0; at < pods.length; at += MAX_FINDING_PODS) parts.push(pods.slice(at, at + MAX_FINDING_PODS));
    return parts;
  });
}

/** The way in which links are bad, to compare causes of one defect. */
function howBad(defect: Defect, evidence: Evidence): string {
  if (defect === 'lossy') return '';
  if (defect === 'slow') return evidence.latePhase();
  // Whether the newest ping of an intermittent link failed, and how, is chance.
  if (defect === 'intermittent') return evidence.failsOnly();
  const { outcome, phase } = evidence.commonOutcome();
  return `${outcome} ${phase}`;
}

/** One cause of several: their links are counted together. `causes`: at least one, all of one kind and direction. */
function mergedCause({ defect, slowUs }: DefectPairs, causes: readonly CauseFacts[]): CauseFacts {
  const [first] = causes;
  if (first === undefined) throw new RangeError('no cause');
  if (causes.length === 1) return first;
  const links = sumOf(causes, slowUs);
  const named = causes.slice(0, 3).map(({ subject }) => subject);
  const more = causes.length - named.length;
  const direction = first.direction?.replace(/it$/, 'them') ?? '';
  return {
    ...first,
    ...links,
    subject: more > 0 ? `${named.join(', ')} and ${countText(more)} more` : named.join(', '),
    pods: causes.flatMap(({ pods }) => pods),
    direction,
    ...(causes.every(({ what }) => what === first.what)
      ? { what: first.what.replace(/^reaches/, 'reach') }
      : someLinks(defect, links.evidence, links.of, direction)),
    // A remark is about one pod.
    remark: '',
  };
}

/** Evidence and numbers of links of several causes together. */
function sumOf(causes: readonly Pick<CauseFacts, 'evidence' | 'of' | 'probed'>[], slowUs: number) {
  const links = { evidence: new Evidence(slowUs), of: 0, probed: 0 };
  for (const { evidence, of, probed = of } of causes) {
    links.evidence.addAll(evidence);
    links.of += of;
    links.probed += probed;
  }
  return links;
}

/*
 * In the functions below, `what` is read only for failed and slow links, and `who` only for intermittent ones: see `CauseFacts`. So a
 * `what` that is not "unreachable" says "slow".
 */

/** A node whose links to other nodes are bad: most of them in one direction, which the cause describes. */
function nodeCause(analysis: DefectAnalysis, node: number): CauseFacts {
  const { mesh, pairs } = analysis;
  const { name = '', pods = [] } = mesh.topology.nodes[node] ?? {};
  const into = analysis.linksAt('intoNode', node);
  const out = analysis.linksAt('outOfNode', node);
  const areMostBad = ({ evidence, of }: typeof into) => evidence.affected > 0 && evidence.affected * 2 > of;
  const isInto = areMostBad(into) || out.evidence.affected === 0;
  const { evidence, of, probed } = isInto ? into : out;
  const count = evidence.fromCount;
  // The count has all pods that ping this node only if every probed link is counted. Else they must not be called "all others".
  const who = isInto
    ? `from ${podsText(count, count, of === probed ? mesh.topology.judgedCount - pods.length : -1)}`
    : 'to other nodes';
  const what = isInto ? `unreachable ${who}` : 'reaches no pod on other nodes';
  const direction = isInto ? ' into it' : ' out of it';
  return {
    evidence,
    of,
    probed,
    pods,
    direction,
    kind: KINDS[pairs.defect].node,
    subject: `node ${name}`,
    ...(evidence.affected === of
      ? { who, what: pairs.defect === 'failed' ? what : `slow ${who}` }
      : someLinks(pairs.defect, evidence, of, direction)),
    advice: 'check the node and its network',
    network: "the node's network",
    remark: isInto
      ? outboundText(analysis, pods, areMostBad(out), evidence)
      : inboundText(pairs.fine.at('intoNode', node), into.of, 'Other nodes', 'them'),
  };
}

/** `who` and `what` of a cause of which not all links are bad. */
function someLinks(defect: Defect, { affected }: Evidence, of: number, direction: string) {
  const some = `${countText(affected)} of ${countText(of)} links`;
  return { who: `on ${some}`, what: `${some}${direction} ${VERBS[defect]}` };
}

function podIntoCause(analysis: DefectAnalysis, pod: number): CauseFacts {
  const { defect } = analysis.pairs;
  const { topology } = analysis.mesh;
  const links = analysis.linksAt('intoPod', pod);
  const who = `from ${podsText(links.evidence.affected, links.of, topology.judgedCount - 1)}`;
  return {
    ...links,
    kind: KINDS[defect].into,
    subject: topology.name(pod),
    pods: [pod],
    direction: ' into it',
    who,
    what: `${defect === 'failed' ? 'unreachable' : 'slow'} ${who}`,
    remark: outboundText(analysis, [pod], analysis.found.outOfPod.has(pod), links.evidence),
  };
}

function podOutCause(analysis: DefectAnalysis, pod: number): CauseFacts {
  const { defect, fine } = analysis.pairs;
  const { topology } = analysis.mesh;
  const links = analysis.linksAt('outOfPod', pod);
  const { of, evidence } = links;
  const others = topology.judgedCount - 1;
  const who = `to ${podsText(evidence.affected, of, others)}`;
  const reached = evidence.affected === of ? 'none of the' : `only ${countText(of - evidence.affected)} of`;
  return {
    ...links,
    kind: KINDS[defect].out,
    subject: topology.name(pod),
    pods: [pod],
    direction: ' out of it',
    who,
    what: defect === 'failed' ? `reaches ${reached} ${countText(of)} ${namesOf(of, others)}` : `slow ${who}`,
    advice: 'check its own network',
    network: 'its own network',
    remark: inboundText(fine.at('intoPod', pod), analysis.linksAt('intoPod', pod).of, 'Other pods', 'it'),
  };
}

/**
 * The pairs of two different zones as causes. A zone that no other zone reaches is one cause, and so are both directions between two
 * zones.
 */
function zoneCauses(analysis: DefectAnalysis): CauseFacts[] {
  const { zones } = analysis.mesh.topology;
  const left = new Set(analysis.found.zonePair.keys());
  const causes: CauseFacts[] = [];
  const add = (subject: string, pairs: readonly number[]) => {
    causes.push(zoneCause(analysis, subject, pairs));
    for (const pair of pairs) left.delete(pair);
  };
  for (const [to, { name }] of zones.entries()) {
    const pairTo = (from: number) => from * zones.length + to;
    const blocked = [...zones.keys()].map(pairTo).filter((pair) => left.has(pair));
    const probing = [...zones.keys()].filter(
      (from) => from !== to && analysis.pairs.judged.at('zonePair', pairTo(from)) > 0,
    );
    if (blocked.length >= 2 && blocked.length >= probing.length) add(`zone ${name}`, blocked);
  }
  for (const pair of [...left].sort((a, b) => a - b)) {
    if (!left.has(pair)) continue;
    const [from, to] = [Math.floor(pair / zones.length), pair % zones.length];
    const opposite = to * zones.length + from;
    const isMutual = left.has(opposite);
    const subject = `zone ${zones[from]?.name} ${isMutual ? '⇄' : '→'} zone ${zones[to]?.name}`;
    add(subject, isMutual ? [pair, opposite] : [pair]);
  }
  return causes;
}

/** What is between zones. `zonePairs`: as in `Topology.zonePair`. */
function zoneCause(analysis: DefectAnalysis, subject: string, zonePairs: readonly number[]): CauseFacts {
  const { defect, slowUs, fine, probed } = analysis.pairs;
  const { zones } = analysis.mesh.topology;
  const ofPairs = zonePairs.map((pair) => analysis.linksAt('zonePair', pair));
  const links = sumOf(ofPairs, slowUs);
  const targets = [...new Set(zonePairs.map((pair) => pair % zones.length))];
  const ends = new Set([...targets, ...zonePairs.map((pair) => Math.floor(pair / zones.length))]);
  const isFineWithin = (zone: number) => {
    const pair = zone * zones.length + zone;
    return fine.at('zonePair', pair) * 2 > probed.at('zonePair', pair);
  };
  // A finding names a few pods, and the page knows its zones by them: some of each zone.
  links.evidence.from = inTurn(ofPairs.map(({ evidence }) => evidence.from)).slice(0, MAX_FINDING_PODS);
  const who = targets.length < zonePairs.length ? 'from all other zones' : '';
  return {
    ...links,
    kind: KINDS[defect].zones,
    subject,
    pods: inTurn(targets.map((zone) => zones[zone]?.pods ?? [])),
    direction: '',
    who,
    what: `${percent(links.evidence.affected, links.of)} of the links${who === '' ? '' : ` ${who}`} ${VERBS[defect]}`,
    advice: 'check the network between the zones and network policies',
    remark: [...ends].every(isFineWithin) ? 'Most links within these zones are fine.' : '',
  };
}

/** The first of each list, then the second of each, and so on. */
function inTurn(lists: readonly (readonly number[])[]): number[] {
  const longest = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat();
}

/** What the pods at the other end of `of` links are called: "others" only if they are all other pods. */
function namesOf(of: number, others: number): string {
  return of === others ? 'others' : 'pods that can tell';
}

/** `all 3 others`, `2 of 3 others`, `2 of the 3 pods that can tell`; see `namesOf`. `others` -1: never "others". */
function podsText(affected: number, of: number, others: number): string {
  if (of === 1) return others === 1 ? 'the only other pod' : 'the only pod that can tell';
  const names = namesOf(of, others);
  if (affected === of) return `all ${countText(of)} ${names}`;
  return `${countText(affected)} of ${of === others ? '' : 'the '}${countText(of)} ${names}`;
}

/** Says whether a bad destination reaches others itself, if most of its links were pinged since those into it became bad. */
function outboundText(
  { mesh: { reports, topology }, pairs: { defect, judged } }: DefectAnalysis,
  pods: readonly number[],
  isBad: boolean,
  evidence: Evidence,
): string {
  const [who, reach, doNot] = pods.length === 1 ? ['It', 'reaches', 'does not'] : ['They', 'reach', 'do not'];
  if (pods.every((pod) => judged.at('outOfPod', pod) === 0)) return `What ${who.toLowerCase()} ${reach} is not known.`;
  // An intermittent link is told by many pings, so that there is no moment at which it became bad.
  const sinceMs = defect === 'intermittent' ? 0 : evidence.certainMs(defect === 'slow');
  const isOther = (pod: number) => topology.judged[pod] === 1 && !pods.includes(pod);
  const outbound = pods.map((pod) => countSince(reports.get(pod), isOther, sinceMs));
  const areMost = (count: (of: (typeof outbound)[number]) => number) =>
    outbound.every((of) => count(of) * 2 > of.probed);
  if (!isBad && areMost(({ ok }) => ok)) return `${who} ${reach} the others: only one direction is bad.`;
  if (isBad && defect === 'failed' && areMost(({ failed }) => failed)) {
    return `${who} ${doNot} reach most others either.`;
  }
  // A link that was pinged since counts as ok or failed: slow and intermittent ones are among both. Of lossy links no remark is shown.
  if (isBad && defect !== 'failed' && areMost(({ ok, failed }) => ok + failed)) {
    return `${who} ${reach} the others ${defect === 'slow' ? 'slowly' : 'only at times'} too.`;
  }
  return `Whether ${who.toLowerCase()} ${reach} the others is not known yet.`;
}

/** Says whether a bad source (`whom`: a pod, or the pods of a node) is reached by `others`: of `of` links into it `fine` are fine. */
function inboundText(fine: number, of: number, others: 'Other pods' | 'Other nodes', whom: 'it' | 'them'): string {
  if (of === 0) return `No report says whether ${others.toLowerCase()} reach ${whom}.`;
  return fine * 2 > of ? `${others} reach ${whom}.` : '';
}

/** The finding about the pods that report, if they reach none of the silent ones; see `silentSide` in `../sides.ts`. */
export function cutOffFindings(analysis: DefectAnalysis, silent: ReadonlySet<number>): Finding[] {
  const { pairs, mesh } = analysis;
  const { topology } = mesh;
  if (silent.size === 0) return [];
  const pods = [...mesh.reports.keys()].sort((a, b) => a - b);
  const evidence = analysis.silent;
  const isOne = pods.length === 1;
  const node = topology.nodeOf[pods[0] ?? -1] ?? -1;
  // Of two sides of one size nobody can tell which one is cut off, even if all pods of this one are on one node.
  const isNode = pods.length < silent.size && node >= 0 && pods.every((pod) => topology.nodeOf[pod] === node);
  const others = `none of the ${countText(silent.size)} others`;
  let side: Pick<CauseFacts, 'kind' | 'subject' | 'what' | 'advice'> = {
    kind: 'cut-off',
    subject: `${countText(pods.length)} of ${countText(topology.judgedCount)} pods`,
    what: `reach ${others}`,
    advice: 'this side cannot tell which of the two is cut off',
  };
  if (isOne) {
    const subject = topology.name(pods[0] ?? -1);
    side = { kind: 'pod-reaches-nobody', subject, what: `reaches ${others}`, advice: 'check its own network' };
  } else if (isNode) {
    const subject = `node ${topology.nodes[node]?.name}`;
    const what = 'reaches no pod on other nodes';
    side = { kind: 'node', subject, what, advice: 'check the node and its network' };
  }
  const of = [...silent].reduce((sum, pod) => sum + pairs.judged.at('intoPod', pod), 0);
  const remark = `No report says whether other pods reach ${isOne ? 'it' : 'them'}.`;
  const direction = isOne ? ' out of it' : ' out of them';
  // Some links may not have been pinged since the others went silent.
  const isSome = evidence.affected > 0 && evidence.affected < of;
  const { what } = isSome ? someLinks(pairs.defect, evidence, of, direction) : side;
  const finding = findingOf(analysis, { ...side, what, pods, evidence, of, direction, remark });
  if (evidence.affected > 0) return [finding];
  // The reports are missing already, and no link has been pinged since.
  const title = `${side.subject}: ${what}, no answer: ${side.advice}`;
  return [{ ...finding, severity: 'failed', outcome: 'timeout', from: pods, title, detail: remark }];
}
