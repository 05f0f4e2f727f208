import type { LinkSamples, RecentSample } from '../../server/protocol/sample.ts';
import { clockText, spanText } from './figures.ts';
import type { LinkFacts } from './link-facts.ts';

/** Since when a link is late. `atMs`: ms since the epoch by the serving pod's clock. */
export interface LateSince {
  atMs: number;
  /** The oldest sample kept was late already: it began earlier than that. */
  isOlder: boolean;
}

/**
 * Since when every recent sample took at least `lateUs`; null without such a run. A row knows only since when its link is
 * ok or failing: a slow one has been ok all along. Suspect samples neither begin nor end a run. `nowMs` is the serving
 * pod's clock, the samples' own is taken by its age.
 */
export function lateSince({ samples, nowMs: thereMs }: LinkSamples, lateUs: number, nowMs: number): LateSince | null {
  const isLate = ({ outcome, totalUs }: RecentSample) => outcome === 'ok' && totalUs >= lateUs;
  const trusted = samples.filter(({ suspect }) => !suspect);
  const before = trusted.findLastIndex((sample) => !isLate(sample));
  const first = trusted[before + 1];
  return first === undefined ? null : { atMs: nowMs - (thereMs - first.atMs), isOlder: before === -1 };
}

/** How a link has been and since when: "ok since 15:10:00", and for how long: "2 min 30 s". Both '' if unmeasured. */
export interface SinceWords {
  since: string;
  span: string;
}

/** `late` is what recent samples tell of a slow or warning link; null where they are not known. */
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
