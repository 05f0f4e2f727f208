import { textOf } from '../contract/errors.ts';
import type { Outcome, Phase } from '../contract/outcome.ts';

/** What is known of a probe's failure beyond its outcome. */
export interface FailureFacts {
  /** `address:port`. */
  peer: string;
  phase: Phase;
  timeoutMs: number;
  statusCode: number;
  /** Error code of the system, or what is malformed, in words; '' if neither. */
  reason: string;
}

const TIMEOUT_IN: Record<Phase, (peer: string) => string> = {
  connect: (peer) => `no connection to ${peer}`,
  'first-byte': (peer) => `${peer} took the connection, but sent no answer`,
  body: (peer) => `${peer} began to answer, but did not finish`,
};

/** A failed probe in words, at most 200 characters, for `Sample.detail`. */
export function failureWords(outcome: Outcome, facts: FailureFacts): string {
  return textOf(words(outcome, facts), 200);
}

function words(outcome: Outcome, { peer, phase, timeoutMs, statusCode, reason }: FailureFacts): string {
  switch (outcome) {
    case 'ok':
      return '';
    case 'refused':
      return `connection refused by ${peer}`;
    case 'reset':
      return reason === ''
        ? `connection closed by ${peer} ${phase === 'body' ? 'within its answer' : 'without an answer'}`
        : `connection reset by ${peer} ${phase === 'body' ? 'within its answer' : 'before its answer'} (${reason})`;
    case 'timeout':
      return `timeout after ${timeoutMs} ms: ${TIMEOUT_IN[phase](peer)}`;
    case 'unreachable':
      return `no way to reach ${peer} (${reason})`;
    case 'dns':
      return `no such host: ${peer} (${reason})`;
    case 'http-status':
      return `${peer} answered with status ${statusCode}`;
    case 'malformed':
      return `malformed answer from ${peer}: ${reason}`;
    case 'no-address':
      return 'the pod has no address in this IP family';
  }
}
