import type { Outcome } from '../protocol/sample.ts';
import { networkFaultOf } from '../runtime/network-errors.ts';

/**
 * Returns the outcome of a probe whose socket ended with this error code (see `errorCodeOf`): refused, reset, timeout,
 * dns or unreachable. A timeout here is the system's own (ETIMEDOUT); `probe.ts` ends a ping after PING_TIMEOUT, without a
 * code. Which code means what is decided in server/runtime/network-errors.ts. A probe does not use TLS, so a code of TLS
 * is unknown here, and unknown codes are `unreachable`.
 */
export function outcomeOfCode(code: string): Outcome {
  const fault = networkFaultOf(code);
  return fault === 'tls' ? 'unreachable' : fault;
}
