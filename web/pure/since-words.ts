import type { LinkSamples, RecentSample } from '../../server/protocol/sample.ts';
import { clockText, spanText } from './figures.ts';
import type { LinkFacts } from './link-facts.ts';

/** When a link became late. `atMs`: ms since the epoch by the serving pod's clock. */
export interface LateSince {
  atMs: number;
  /** The oldest kept sample was already late, so it began earlier. */
  isOlder: boolean;
}

/**
 * When the current run of samples with at least `lateUs` began; null = the newest sample is not late. A pod report cannot
 * tell, because a slow link is ok. Suspect samples neither start nor end a run. `nowMs`: the serving pod's time; times of
 * the samples are converted by their age.
 */
export function lateSince({ samples, nowMs: thereMs }: LinkSamples, lateUs: number, nowMs: number): LateSince | null {
  const isLate = ({ outcome, totalUs }: RecentSample) => outcome === 'ok' && totalUs >= lateUs;
  const trusted = samples.filter(({ suspect }) => !suspect);
  const before = trusted.findLastIndex((sample) => !isLate(sample));
  const first = trusted[before + 1];
  return first === undefined ? null : { atMs: nowMs - (thereMs - first.atMs), isOlder: before === -1 };
}

/** Since when a link has its state ("ok since 15:10:00"), and for how long ("2 min 30 s"). Both '' if not measured. */
export interface SinceWords {
  since: string;
  span: string;
}

/** `late`: the result of `lateSince` for a slow or warning link; null = unknown. */
export function sinceWords(facts: LinkFacts, late: LateSince | null, nowMs: number): SinceWords {
  if (facts.sinceMs < 0 || facts.outcome === null) return { since: '', span: '' };
  if (late !== null && (facts.state === 'slow' || facts.state === 'warning')) {
    const word = facts.state === 'slow' ? 'slow' : 'late';
    const since = late.isOlder ? 'for more than' : `since ${clockText(late.atMs, nowMs)}`;
    return { since: `${word} ${since}`, span: spanText(nowMs - late.atMs) };
  }
  const word = facts.outcome === 'ok' ? 'ok' : 'failing';
  return { since: `${word} since ${clockText(facts.sinceMs, nowMs)}`, span: spanText(nowMs - facts.sinceMs) };
}
