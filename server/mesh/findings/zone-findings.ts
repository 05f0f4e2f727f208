import type { Finding } from '../../contract/finding.ts';
import { Evidence } from './evidence.ts';
import type { Scope } from './scope.ts';
import { percent } from './words.ts';

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
