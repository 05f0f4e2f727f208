import { type Finding, MAX_FINDINGS } from '../../contract/finding.ts';
import { Evidence } from './evidence.ts';
import type { Scope } from './scope.ts';
import { countOf } from './words.ts';

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
  const elsewhere = [...told.rows.keys()].filter((pod) => places.nodeOf[pod] !== node).length;
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
