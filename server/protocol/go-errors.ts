import { hostPort } from '../runtime/host-port.ts';
import type { Outcome, Phase } from './sample.ts';

/** Error texts of Go's net package for a connection that could not be made or that broke, by outcome. */
const CONNECT_ERRORS: Partial<Record<Outcome, string>> = {
  refused: 'connect: connection refused',
  unreachable: 'connect: no route to host',
  reset: 'connect: connection reset by peer',
  timeout: 'i/o timeout',
};

/**
 * The text of a failure as Go's HTTP client words it, because scripts around Goldpinger search for it, for example
 * `Get "http://10.0.0.3:8080/ping": dial tcp 10.0.0.3:8080: connect: connection refused`.
 */
export function goError(failure: {
  /** `/ping` or `/check`. */
  path: string;
  address: string;
  port: number;
  outcome: Outcome | 'not-asked' | 'no-history';
  phase: Phase | null;
  /** Our own error text; used where Go has none of its own. */
  detail: string;
}): string {
  const { path, address, port, outcome, phase, detail } = failure;
  if (detail.startsWith('Get "') || outcome === 'not-asked' || outcome === 'no-history') return detail;
  if (outcome === 'no-address') return detail === '' ? 'the pod has no address' : detail;
  const target = hostPort(address, port);
  const connectError = CONNECT_ERRORS[outcome];
  const isConnecting = phase === 'connect' || outcome === 'refused' || outcome === 'unreachable';
  let what = detail === '' ? outcome : `${outcome}: ${detail}`;
  if (outcome === 'dns') what = `dial tcp: lookup ${address}: no such host`;
  else if (connectError !== undefined && isConnecting) what = `dial tcp ${target}: ${connectError}`;
  else if (outcome === 'timeout') what = 'context deadline exceeded';
  else if (outcome === 'reset') what = `read tcp ${target}: read: connection reset by peer`;
  return `Get "http://${target}${path}": ${what}`;
}

/** Patterns of Go's error texts. The first match counts. */
const OUTCOME_PATTERNS: readonly [RegExp, Outcome][] = [
  [/connection refused/i, 'refused'],
  [/no such host|server misbehaving|\blookup \S+.*(i\/o timeout|temporary failure)/i, 'dns'],
  [/no route to host|network is unreachable|host is down|unreachable/i, 'unreachable'],
  [/deadline exceeded|timeout|timed out/i, 'timeout'],
  [/connection reset|broken pipe|\bEOF\b|closed network connection|connection closed/i, 'reset'],
  [/malformed|invalid character|cannot unmarshal|no consumer|content[- ]type/i, 'malformed'],
  [/status(?: code)?[ :]*[1-5]\d\d|\[[1-5]\d\d\]|\b[1-5]\d\d (?:error|status)|http-status/i, 'http-status'],
];

/** The outcome of a failed ping that a Go pod reports, and its phase if the error text shows it. */
export function outcomeOfGoError(text: string, hasAddress: boolean): { outcome: Outcome; phase: Phase | null } {
  if (!hasAddress) return { outcome: 'no-address', phase: null };
  const found = OUTCOME_PATTERNS.find(([pattern]) => pattern.test(text))?.[1] ?? 'malformed';
  return { outcome: found, phase: phaseOfGoError(text, found) };
}

function phaseOfGoError(text: string, outcome: Outcome): Phase | null {
  if (outcome === 'dns') return null;
  if (/\bdial tcp\b/.test(text) || outcome === 'refused' || outcome === 'unreachable') return 'connect';
  if (/awaiting (response )?headers|\bread tcp\b|: EOF/.test(text)) return 'first-byte';
  if (/reading body/.test(text) || outcome === 'malformed') return 'body';
  return null;
}
