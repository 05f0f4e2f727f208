import type { Finding } from '../../contract/finding.ts';
import { FLAG_NOT_YET } from '../../contract/links.ts';
import type { Single } from './causes.ts';
import { Evidence } from './evidence.ts';
import { FEW_PAIRS } from './general.ts';
import type { Scope } from './scope.ts';
import { medianWords } from './words.ts';

/** The most links that are worded. */
const MAX_WORDED = 60;
/**
 * Links that were bad once are told up to this share of so many at least: chance is taken to spoil a hundredth, and of
 * 1200 it spoils three or fewer once in 400 times.
 */
const FRESH_SHARE = 0.0025;
const MANY_PAIRS = 1_200;

/**
 * Findings of links that no general cause explains. Of few links each is told at once; of more those that were bad
 * twice in a row, and the others only if they are too few for chance.
 */
export function singleFindings(scope: Scope, singles: readonly Single[]): Finding[] {
  const told = worthTelling(singles, scope.layer.judged);
  const byPair = new Map(told.map((single) => [key(single.from, single.to), single]));
  const findings: Finding[] = [];
  for (const single of told) {
    if (findings.length >= MAX_WORDED) break;
    if (!byPair.has(key(single.from, single.to))) continue;
    const back = byPair.get(key(single.to, single.from));
    byPair.delete(key(single.to, single.from));
    const pairs = back === undefined ? [single] : [single, back];
    findings.push(ofPair(scope, singles, pairs));
  }
  return findings;
}

function key(from: number, to: number): number {
  return from * 65_536 + to;
}

function worthTelling(singles: readonly Single[], judged: number): Single[] {
  const real = singles.filter(({ isSpike }) => !isSpike);
  if (judged < FEW_PAIRS) return real;
  const fresh = real.filter(({ stands }) => !stands);
  const standing = real.filter(({ stands }) => stands);
  return judged >= MANY_PAIRS && fresh.length <= judged * FRESH_SHARE ? [...standing, ...fresh] : standing;
}

/** One link, or both directions of one pair. */
function ofPair(scope: Scope, singles: readonly Single[], pairs: Single[]): Finding {
  const { told, isFailed } = scope;
  const [{ from, to }] = pairs as [Single];
  const evidence = new Evidence();
  for (const single of pairs) {
    const row = told.rows.get(single.from);
    if (row !== undefined) evidence.add(row, single.link, single.families);
  }
  const [a, b] = [told.places.name(from), told.places.name(to)];
  const isOneWay = isFailed && pairs.length === 1 && reaches(scope, to, from);
  const subject = `${a} ${pairs.length > 1 ? '⇄' : '→'} ${b}`;
  const where = whereOf(scope, singles, pairs, isOneWay);
  const how = scope.how(evidence, where, '');
  const slowly = isFailed ? '' : 'slow, ';
  return scope.finding(isOneWay ? 'one-way' : isFailed ? 'link' : 'link-slow', subject, evidence, {
    ...{ pods: pairs.length > 1 ? [to, from] : [to], of: pairs.length, title: `${subject}: ${slowly}${how}` },
    detail: detailOf(scope, evidence, isOneWay ? `${b} → ${a} is ok.` : ''),
  });
}

/** Where to look, by what else the two do. */
function whereOf(scope: Scope, singles: readonly Single[], pairs: Single[], isOneWay: boolean): string {
  const [{ from, to }] = pairs as [Single];
  if (isOneWay) return `${scope.told.places.name(to)} reaches it, one direction only: a policy, a firewall or a route`;
  if (scope.told.places.readyCount === 2) return 'with two pods nobody can tell which of them it is';
  const { layer, causes } = scope;
  const into = (layer.probedIn[to] ?? 0) - (causes.excusedIn[to] ?? 0) - singles.filter((one) => one.to === to).length;
  const out =
    (layer.probedOut[from] ?? 0) - (causes.excusedOut[from] ?? 0) - singles.filter((one) => one.from === from).length;
  if (into > 0 && out > 0) return 'their other links are fine, the path between the two or a policy';
  return into > 0 ? 'others reach it, the probing pod or the path' : 'the probed pod or the path';
}

function detailOf({ isFailed }: Scope, evidence: Evidence, more: string): string {
  if (!isFailed) return medianWords(evidence);
  const first = evidence.first;
  const words = first?.row.details.find(([link]) => link === first.link)?.[1] ?? '';
  return `${words === '' ? '' : `${words}. `}${more}`;
}

/** Findings of pods that do not reach themselves; `isTold`: not if others do not reach them either. */
export function selfFindings(scope: Scope, isTold: (pod: number) => boolean): Finding[] {
  const { told } = scope;
  return told.selfFailed
    .filter(({ pod }) => isTold(pod))
    .slice(0, MAX_WORDED)
    .map(({ pod, link }) => {
      const evidence = new Evidence();
      const row = told.rows.get(pod);
      if (row !== undefined) evidence.add(row, link, 0);
      const name = told.places.name(pod);
      return scope.finding('link', `${name} → ${name}`, evidence, {
        ...{ pods: [pod], of: 1, title: `${name}: does not reach itself, ${scope.how(evidence, null, '')}` },
        detail: detailOf(scope, evidence, ''),
      });
    });
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
