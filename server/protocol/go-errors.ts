import { hostPort } from '../runtime/address.ts';
import type { Outcome, Phase } from './sample.ts';

/** What a failed exchange with a pod is told from. */
interface Failure {
  /** `/ping` or `/check`. */
  path: string;
  address: string;
  port: number;
  /** `not-asked` and the like are told by `detail` alone. */
  outcome: Outcome | 'not-asked' | 'no-history';
  phase: Phase | null;
  /** Our own words; used where Go has none of its own. */
  detail: string;
}

/** What Go's net package says of a connection that could not be made or broke, by outcome. */
const CONNECT_WORDS: Partial<Record<Outcome, string>> = {
  refused: 'connect: connection refused',
  unreachable: 'connect: no route to host',
  reset: 'connect: connection reset by peer',
  timeout: 'i/o timeout',
};

/**
 * A failure in the words of Go's HTTP client, which scripts around Goldpinger search for, e.g.
 * `Get "http://10.0.0.3:8080/ping": dial tcp 10.0.0.3:8080: connect: connection refused`.
 */
export function goError({ path, address, port, outcome, phase, detail }: Failure): string {
  if (detail.startsWith('Get "') || outcome === 'not-asked' || outcome === 'no-history') return detail;
  if (outcome === 'no-address') return detail === '' ? 'the pod has no address' : detail;
  const target = hostPort(address, port);
  const words = CONNECT_WORDS[outcome];
  let what: string;
  if (words !== undefined && (phase === 'connect' || outcome === 'refused' || outcome === 'unreachable')) {
    what = `dial tcp ${target}: ${words}`;
  } else if (outcome === 'dns') {
    what = `dial tcp: lookup ${address}: no such host`;
  } else if (outcome === 'timeout') {
    what = 'context deadline exceeded';
  } else if (outcome === 'reset') {
    what = `read tcp ${target}: read: connection reset by peer`;
  } else {
    what = detail === '' ? outcome : `${outcome}: ${detail}`;
  }
  return `Get "http://${target}${path}": ${what}`;
}

/** Patterns of Go's wording, the first match counts. */
const OUTCOMES_BY_WORDING: readonly [RegExp, Outcome][] = [
  [/connection refused/i, 'refused'],
  [/no such host|server misbehaving|\blookup \S+.*(i\/o timeout|temporary failure)/i, 'dns'],
  [/no route to host|network is unreachable|host is down|unreachable/i, 'unreachable'],
  [/deadline exceeded|timeout|timed out/i, 'timeout'],
  [/connection reset|broken pipe|\bEOF\b|closed network connection|connection closed/i, 'reset'],
  [/malformed|invalid character|cannot unmarshal|no consumer|content[- ]type/i, 'malformed'],
  [/status(?: code)?[ :]*[1-5]\d\d|\[[1-5]\d\d\]|\b[1-5]\d\d (?:error|status)|http-status/i, 'http-status'],
];

/** The outcome and, where the words tell it, the phase of a failed ping that a Go pod reports. */
export function outcomeOfGoError(words: string, hasAddress: boolean): { outcome: Outcome; phase: Phase | null } {
  if (!hasAddress) return { outcome: 'no-address', phase: null };
  const found = OUTCOMES_BY_WORDING.find(([pattern]) => pattern.test(words))?.[1] ?? 'malformed';
  return { outcome: found, phase: phaseOfGoError(words, found) };
}

function phaseOfGoError(words: string, outcome: Outcome): Phase | null {
  if (outcome === 'dns') return null;
  if (/\bdial tcp\b/.test(words) || outcome === 'refused' || outcome === 'unreachable') return 'connect';
  if (/awaiting (response )?headers|\bread tcp\b|: EOF/.test(words)) return 'first-byte';
  if (/reading body/.test(words) || outcome === 'malformed') return 'body';
  return null;
}
