import type { Outcome, Phase } from '../../contract/outcome.ts';
import type { Evidence } from './evidence.ts';
import { IPV4, IPV6 } from './layer.ts';

/** What is measured: whether links fail, or whether they are slow. */
export type Measure = 'failed' | 'slow';

/** `timeout in connect`, `refused`, `timeout waiting for the first byte`. */
export function endingWords({ outcome, phase }: { outcome: Outcome; phase: Phase | null }): string {
  if (outcome !== 'timeout' || phase === null) return outcome;
  if (phase === 'connect') return 'timeout in connect';
  return phase === 'first-byte' ? 'timeout waiting for the first byte' : 'timeout within the answer';
}

/** Where to look when a whole pod fails in this way. */
export function whereOfFailure({ outcome, phase }: { outcome: Outcome; phase: Phase | null }): string {
  if (outcome === 'refused') return 'nothing listens on its port';
  if (outcome === 'http-status' || outcome === 'malformed') return 'something else answers in its place';
  if (outcome === 'no-address') return 'it has no address of the wanted IP family';
  if (outcome === 'reset' || (outcome === 'timeout' && phase !== 'connect' && phase !== null)) {
    return 'process or proxy, not the network';
  }
  return 'its network, or it is away';
}

/** `first byte only: process or proxy, not the network`; `whose` is put before "network". */
export function lateWords(evidence: Evidence, whose: string): string {
  if (!evidence.knowsPhases) return 'in which phase is not known';
  const phase = evidence.latePhase();
  if (phase === null) return `in connect too: ${whose}network`;
  if (phase === 'connect') return `connect only: ${whose}network loses packets, or a full backlog`;
  return `${phase === 'body' ? 'the rest of the answer' : 'first byte'} only: process or proxy, not the network`;
}

/** `all 3 others`, `2 of 3 others`, or of fewer than there are: `all 3 pods that probe it`. */
export function countOf(affected: number, of: number, others: number, who: string): string {
  if (of === 1) return others === 1 ? 'the only other pod' : `the only pod ${who}`;
  const all = of === others ? `${of} others` : `${of} pods ${who}`;
  if (affected === of) return `all ${all}`;
  return of === others ? `${affected} of ${all}` : `${affected} of the ${all}`;
}

/** ` over IPv6` where the other family is fine though it is probed. */
export function familyWords(evidence: Evidence, bothProbed: boolean): string {
  if (!bothProbed || evidence.families === (IPV4 | IPV6)) return '';
  return evidence.families === IPV6 ? ' over IPv6 only' : ' over IPv4 only';
}

/** `Median 252 ms: connect 0.2 ms, first byte 251 ms.` */
export function medianWords(evidence: Evidence): string {
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
