import type { Finding } from '../../protocol/finding.ts';
import { FLAG_INTERMITTENT, FLAG_NOT_YET, FLAG_RECOVERED, NONE16, unpack16 } from '../../protocol/links.ts';
import { countText } from '../../runtime/count-text.ts';
import { FEW_PAIRS } from './attribution.ts';
import type { MeshCounts } from './counts.ts';
import { type BadPair, type DefectAnalysis, Evidence } from './evidence.ts';
import { type CauseFacts, errorText, findingOf, findingsOf, KINDS } from './messages.ts';
import { CLOCK_ERROR_MS, isPingedSince } from './pinged-since.ts';

/* Step 5 of `findingsFrom` for links that no general cause explains, and for pods that do not reach themselves. */

/** Up to this many unconfirmed pairs become findings of their own in a mesh of any size. */
const FEW_UNCONFIRMED = 3;
/** More become findings only up to this share of all pairs, or in a small mesh: chance seldom makes so few look bad. */
const UNCONFIRMED_SHARE = 0.0025;

/** The findings about links that no general cause explains. Both directions of a pair are one finding. Yields after each. */
export function* linkFindings(analysis: DefectAnalysis): Generator<void, Finding[]> {
  const { confirmed, unconfirmed, unconfirmedCount } = analysis;
  const judged = analysis.pairs.judged.all;
  const isFew = unconfirmedCount <= Math.max(FEW_UNCONFIRMED, judged * UNCONFIRMED_SHARE);
  const isByChance = judged >= FEW_PAIRS && !isFew;
  const keyOf = (from: number, to: number) => from * 65_536 + to;
  const pairs = isByChance ? confirmed : [...confirmed, ...unconfirmed];
  const left = new Map(pairs.map((pair) => [keyOf(pair.from, pair.to), pair]));
  const causes: CauseFacts[] = [];
  for (const pair of left.values()) {
    const opposite = left.get(keyOf(pair.to, pair.from));
    left.delete(keyOf(pair.to, pair.from));
    causes.push(linkCause(analysis, pair, opposite));
    yield;
  }
  const findings = yield* findingsOf(analysis, causes);
  // One late answer is no fault, but health counts every link that fails.
  if (isByChance && analysis.pairs.defect === 'failed') findings.push(chanceFinding(analysis));
  return findings;
}

/** One finding about all links without a common cause, each of which failed in its newest ping only. */
function chanceFinding(analysis: DefectAnalysis): Finding {
  const evidence = evidenceOf(analysis, analysis.unconfirmed);
  evidence.affected = analysis.unconfirmedCount;
  return findingOf(analysis, {
    kind: 'link',
    subject: `${countText(evidence.affected)} links`,
    pods: [],
    evidence,
    of: analysis.pairs.judged.all,
    direction: ' of the mesh',
    what: 'fail in their newest ping and have nothing in common',
    advice: 'their next ping tells whether that was chance',
  });
}

function evidenceOf({ mesh: { reports }, pairs: { slowUs } }: DefectAnalysis, bad: readonly BadPair[]): Evidence {
  const evidence = new Evidence(slowUs);
  for (const { from, link, families } of bad) {
    const report = reports.get(from);
    if (report !== undefined) evidence.add(report, link, families);
  }
  return evidence;
}

/** A cause about one link, or about both directions of a pair of pods if `opposite` is bad too. */
function linkCause(analysis: DefectAnalysis, pair: BadPair, opposite: BadPair | undefined): CauseFacts {
  const { mesh, pairs } = analysis;
  const evidence = evidenceOf(analysis, opposite === undefined ? [pair] : [pair, opposite]);
  const isFailed = pairs.defect === 'failed';
  const back =
    opposite !== undefined ? 'both' : isFailed ? oppositeStateOf(mesh, pair, evidence.certainMs(false)) : 'unknown';
  const isMutual = back === 'both' || back === 'mended';
  const [source, destination] = [mesh.topology.name(pair.from), mesh.topology.name(pair.to)];
  const [first, second] = isMutual && pair.from > pair.to ? [destination, source] : [source, destination];
  const directions = back === 'ok' ? ' in this direction only' : back === 'both' ? ' in both directions' : '';
  const remarks: Partial<Record<typeof back, string>> = {
    ok: `${destination} → ${source} is ok.`,
    mended: `${destination} → ${source} works again, and this link has not been pinged since.`,
    stale: `Whether ${destination} reaches ${source} is not known yet.`,
  };
  return {
    kind: back === 'ok' ? 'one-way' : KINDS[pairs.defect].link,
    subject: `${first} ${isMutual ? '⇄' : '→'} ${second}`,
    pods: opposite === undefined ? [pair.to] : [pair.to, pair.from],
    evidence,
    of: isMutual ? 2 : 1,
    what: `${isFailed ? 'fails' : 'slow'}${directions}`,
    advice: back === 'ok' ? 'check network policies, firewalls and routes' : linkAdvice(analysis, pair),
    remark: `${isFailed ? errorText(evidence) : ''}${remarks[back] ?? ''}`,
  };
}

/**
 * How the opposite direction of a pair is that has failed since a moment (ms since the epoch). `ok`: pinged since, while this
 * one went on failing. `mended`: it failed too and is ok again, and this one was not pinged since. `stale`: it was ok, but was
 * not pinged since. `unknown`: no report says anything, or it is bad itself, now or at times.
 */
function oppositeStateOf({ reports }: MeshCounts, pair: BadPair, sinceMs: number) {
  const [report, own] = [reports.get(pair.to), reports.get(pair.from)];
  if (report === undefined || own === undefined) return 'unknown';
  const { links, atMs } = report;
  const pingedMs = own.atMs - unpack16(own.links.ageMs[pair.link] ?? NONE16);
  let state: 'ok' | 'mended' | 'stale' | 'unknown' = 'unknown';
  for (let i = 0; i < links.length; i++) {
    if (links.to[i] !== pair.from || ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
    if (links.outcome[i] !== 0) return 'unknown';
    const isMended = ((links.flags[i] ?? 0) & FLAG_RECOVERED) !== 0;
    const mendedMs = atMs - unpack16(links.sinceMs[i] ?? NONE16);
    if (isMended && mendedMs + CLOCK_ERROR_MS > pingedMs) return 'mended';
    if (((links.flags[i] ?? 0) & FLAG_INTERMITTENT) !== 0) return 'unknown';
    if (!isPingedSince(report, i, sinceMs)) state = 'stale';
    else if (state === 'unknown') state = 'ok';
  }
  return state;
}

/** What to check if a link fails that no general cause explains. */
function linkAdvice({ mesh, pairs: { fine, judged } }: DefectAnalysis, { from, to }: BadPair): string {
  if (mesh.topology.judgedCount === 2) return 'with only two pods, either of them can be the cause';
  if (fine.at('intoPod', to) === 0) return 'check the probed pod and the path';
  if (fine.at('outOfPod', from) === 0) return 'others reach the probed pod, check the probing pod and the path';
  const isOnly = (place: 'intoPod' | 'outOfPod', pod: number) => judged.at(place, pod) - fine.at(place, pod) === 1;
  const isOnlyPair = isOnly('intoPod', to) && isOnly('outOfPod', from);
  return `${isOnlyPair ? 'only this pair fails, ' : ''}check the path or a NetworkPolicy`;
}

/** The findings about pods that do not reach themselves, without those that `isExplained`. */
export function* selfFindings(
  analysis: DefectAnalysis,
  isExplained: (pod: number) => boolean,
): Generator<void, Finding[]> {
  const { selfFailed, topology } = analysis.mesh;
  const causes: CauseFacts[] = [];
  for (const { pod, link, families } of selfFailed) {
    if (isExplained(pod)) continue;
    const evidence = evidenceOf(analysis, [{ from: pod, to: pod, link, families }]);
    const subject = `${topology.name(pod)} → ${topology.name(pod)}`;
    const what = 'the pod does not reach itself';
    causes.push({ kind: 'link', subject, pods: [pod], evidence, of: 1, what, remark: errorText(evidence) });
  }
  return yield* findingsOf(analysis, causes);
}
