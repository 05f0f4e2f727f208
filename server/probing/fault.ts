import type { Outcome } from '../protocol/sample.ts';
import { networkFaultOf } from '../runtime/network-errors.ts';

/**
 * The outcome of a probe that ended with this error code of its socket: refused, reset, timeout, dns or unreachable.
 * A probe speaks plain HTTP and has its own parser, so a code of TLS is a surprise; it becomes `unreachable` like any
 * other unknown code.
 */
export function outcomeOfCode(code: string): Outcome {
  const fault = networkFaultOf(code);
  return fault === 'tls' ? 'unreachable' : fault;
}
