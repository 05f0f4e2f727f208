import type { Outcome } from '../../server/protocol/sample.ts';
import type { LinkFacts } from './link-facts.ts';
import type { LinkState } from './link-state.ts';

const STATES: Record<LinkState, string> = {
  good: 'Good',
  fair: 'Fair',
  warning: 'Warning',
  slow: 'Slow, but ok',
  failed: 'Failed',
  'not-probed': 'Not probed',
  'not-yet': 'Not yet probed',
  unknown: 'Unknown',
  suspect: 'Suspect',
  gone: 'Gone',
};

const OUTCOMES: Record<Outcome, string> = {
  ok: 'Ok',
  refused: 'Refused',
  reset: 'Reset',
  timeout: 'Timed out',
  unreachable: 'Unreachable',
  dns: 'Not resolved',
  'http-status': 'HTTP error',
  malformed: 'Malformed answer',
  'no-address': 'No address',
};

/** A state alone: "Slow, but ok". */
export function stateWords(state: LinkState): string {
  return STATES[state];
}

/** The state of a link; of a failed one how: "Refused". */
export function linkWords({ state, outcome }: Pick<LinkFacts, 'state' | 'outcome'>): string {
  return state === 'failed' && outcome !== null ? OUTCOMES[outcome] : STATES[state];
}
