import type { Outcome } from '../../server/protocol/sample.ts';
import type { LinkFacts } from './link-facts.ts';
import type { LinkState } from './link-state.ts';

const STATES: Record<LinkState, string> = {
  good: 'Good',
  fair: 'Fair',
  warning: 'Warning',
  slow: 'Slow',
  failed: 'Failed',
  'not-probed': 'Not probed',
  'not-yet': 'Pending',
  unknown: 'Unknown',
  suspect: 'Unreliable',
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
  malformed: 'Malformed response',
  'no-address': 'No address',
};

/** The word for a link state, for example "Not probed". */
export function stateWords(state: LinkState): string {
  return STATES[state];
}

/** The word for the state of a link. For a failed link it is the outcome, for example "Refused". */
export function linkWords({ state, outcome }: Pick<LinkFacts, 'state' | 'outcome'>): string {
  return state === 'failed' && outcome !== null ? OUTCOMES[outcome] : STATES[state];
}
