import type { Finding } from '../../contract/finding.ts';
import { FLAG_NOT_YET } from '../../contract/links.ts';
import { Evidence } from './evidence.ts';
import type { Scope } from './scope.ts';
import type { Single } from './singles.ts';
import { medianWords } from './words.ts';

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
    const row = told.rows.get(single.from);
    if (row !== undefined) evidence.add(row, single.link, single.families);
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
  const words = first?.row.details.find(([link]) => link === first.link)?.[1] ?? '';
  return `${words === '' ? '' : `${words}. `}${more}`;
}

/** Findings of pods that do not reach themselves; `isTold`: not if others do not reach them either. Yields after each. */
export function* selfFindings(scope: Scope, isTold: (pod: number) => boolean): Generator<void, Finding[]> {
  const { told } = scope;
  const findings: Finding[] = [];
  for (const { pod, link } of told.selfFailed.filter(({ pod }) => isTold(pod)).slice(0, MAX_WORDED)) {
    const evidence = new Evidence();
    const row = told.rows.get(pod);
    if (row !== undefined) evidence.add(row, link, 0);
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

/** Whether the row of pod `from` says that it reaches `to`. O(links). */
function reaches({ told }: Scope, from: number, to: number): boolean {
  const links = told.rows.get(from)?.links;
  if (links === undefined) return false;
  let isOk = false;
  for (let i = 0; i < links.length; i++) {
    if (links.to[i] !== to || ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
    if (links.outcome[i] !== 0) return false;
    isOk = true;
  }
  return isOk;
}
