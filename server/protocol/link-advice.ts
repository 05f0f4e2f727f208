import type { LatePhase } from './link-state.ts';
import type { Outcome, Phase } from './sample.ts';

/*
 * What to check if a link is bad, for findings and for the panel of a link. Each text follows what is known of the link, and "it"
 * is the pod that was pinged: `pod-a: unreachable from all 3 others, refused: nothing listens on its port`. A cause that is known
 * better (a node, a zone, a path) has its own advice. docs/troubleshooting.md has the usual causes of each outcome.
 */

const UNREACHED = 'check its network and whether it still runs';
const PROCESS_ONLY = 'check the process or a proxy, not the network';
const SOMETHING_ELSE = 'something else answers on its port';

const FAILURE_ADVICE: Record<Outcome, string> = {
  ok: '',
  refused: 'nothing listens on its port',
  reset: 'its process, a proxy or a firewall closes the connection',
  timeout: UNREACHED,
  unreachable: UNREACHED,
  dns: 'check the cluster DNS',
  'http-status': SOMETHING_ELSE,
  malformed: SOMETHING_ELSE,
  'no-address': 'it has no address of the wanted IP family that may be called',
};

/** What to check if a link fails. `phase`: in which a timeout ended; null = unknown. '' for `ok`. */
export function failureAdvice(outcome: Outcome, phase: Phase | null): string {
  if (outcome !== 'timeout' || phase === null || phase === 'connect') return FAILURE_ADVICE[outcome];
  return phase === 'body' ? 'check the process, and whether large packets are lost (MTU)' : PROCESS_ONLY;
}

/** What to check if a link is slow. `network`: the part of the network that is in doubt. */
export function lateAdvice(phase: LatePhase, network: string): string {
  const bandwidth = `check the bandwidth of ${network} or a proxy`;
  const advice: Record<LatePhase, string> = {
    unmeasured: `check the process and ${network}`,
    connect: `check ${network} for lost packets, or a full listen backlog`,
    'first-byte': PROCESS_ONLY,
    body: bandwidth,
    response: bandwidth,
    both: `check ${network}`,
  };
  return advice[phase];
}
