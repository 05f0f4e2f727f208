import type { Outcome } from '../protocol/sample.ts';

const OUTCOME_OF: Record<string, Outcome> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
};

/** Our own process lacks something; says nothing about the link. */
const OWN_FAULTS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** The system's code of an error of a socket, e.g. `ECONNREFUSED`; '' if it has none. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code.slice(0, 40) : '';
}

/** What an error code of a socket means for the link. All that is left is some way of having no route. */
export function outcomeOfCode(code: string): Outcome {
  return OUTCOME_OF[code] ?? 'unreachable';
}

/** Whether an error code tells of our own process rather than of the link. */
export function isOwnFault(code: string): boolean {
  return OWN_FAULTS.has(code);
}
