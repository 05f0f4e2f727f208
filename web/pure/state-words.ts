import type { Thresholds } from '../../server/protocol/link-state.ts';
import { OUTCOMES } from '../../server/protocol/sample.ts';
import { latencyText } from './figures.ts';
import { type LinkFacts, linkFacts } from './link-facts.ts';
import { LINK_STATES, type LinkState, stateAt } from './link-state.ts';
import { linkWords, stateWords } from './link-words.ts';
import type { Picture } from './picture.ts';
import { STATES } from './picture-cells.ts';

/** Order of the legend: common states first. */
export const LEGEND_ORDER: readonly LinkState[] = [
  'good',
  'fair',
  'warning',
  'slow',
  'failed',
  'not-probed',
  'unknown',
  'suspect',
  'not-yet',
  'gone',
];

/** The explanation of a state in the legend. `failedBy`: the outcome that all failed links share; '' = none. */
export function stateNote(state: LinkState, t: Thresholds, retentionMs: number, failedBy: string): string {
  switch (state) {
    case 'good':
      return `< ${t.goodMs} ms`;
    case 'fair':
      return `${t.goodMs}–${t.warningMs} ms`;
    case 'warning':
      return `${t.warningMs}–${t.problemMs} ms`;
    case 'slow':
      return `≥ ${t.problemMs} ms`;
    case 'failed':
      return failedBy === '' ? 'no valid response' : failedBy;
    case 'not-probed':
      return 'PING_NUMBER, new pod';
    case 'unknown':
      return 'no report';
    case 'suspect':
      return 'source short of CPU';
    case 'not-yet':
      return 'pod is starting';
    case 'gone':
      return `terminated, shown ${Math.max(1, Math.round(retentionMs / 60_000))} min`;
  }
}

/** The outcome that all failed links share; '' if they differ. Checks at most `limit` links. */
export function sharedOutcome({ mesh, n, state, link, reportOf, outOf }: Picture, limit = 500): string {
  const failed = LINK_STATES.indexOf('failed');
  let shared = -1;
  let seen = 0;
  for (let from = 0; from < n && seen < limit; from++) {
    if ((outOf[from * STATES + failed] ?? 0) === 0) continue;
    const outcomes = mesh.reports[reportOf[from] ?? -1]?.links.outcome;
    for (let to = 0; to < n && seen < limit; to++) {
      if (state[from * n + to] !== failed) continue;
      seen++;
      const outcome = outcomes?.[link[from * n + to] ?? -1] ?? -1;
      if (shared !== -1 && shared !== outcome) return '';
      shared = outcome;
    }
  }
  return shared <= 0 ? '' : (OUTCOMES[shared] ?? '');
}

/** The state of a link with details: "Slow", "Timed out in connect", "Warning, unreliable". */
export function factsTitle(facts: LinkFacts): string {
  const words = linkWords(facts);
  if (facts.state === 'suspect') return `${stateWords(facts.base)}, unreliable`;
  if (facts.state !== 'failed' || facts.phase === null || facts.outcome === 'refused') return words;
  return `${words} in ${facts.phase.replace('-', ' ')}`;
}

/** The text of a link for screen readers: "from a to b: 252 ms, slow". */
export function cellSentence(picture: Picture, from: number, to: number): string {
  const [source, target] = [picture.pods[from], picture.pods[to]];
  if (source === undefined || target === undefined) return '';
  const pair = from * picture.n + to;
  const state = stateAt(picture.state[pair]);
  const us = picture.valueUs[pair] ?? Number.NaN;
  const figure = us >= 0 && state !== 'failed' ? `${latencyText(us)}, ` : '';
  const other = from === to ? 'itself' : target.name;
  return `from ${source.name} to ${other}: ${figure}${linkWords(linkFacts(picture, from, to)).toLowerCase()}`;
}
