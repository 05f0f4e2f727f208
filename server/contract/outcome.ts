/** What a probe can come to. Closed: a new kind of end is a change of the contract. The order is the wire's (see links.ts). */
export const OUTCOMES = [
  'ok',
  'refused',
  'reset',
  'timeout',
  'unreachable',
  'dns',
  'http-status',
  'malformed',
  'no-address',
] as const;

/** The end of one probe; see `OUTCOMES`. */
export type Outcome = (typeof OUTCOMES)[number];

/** The parts of an exchange, in order: the TCP handshake, waiting for the answer's first byte, reading the rest. */
export const PHASES = ['connect', 'first-byte', 'body'] as const;

/** A part of an exchange; see `PHASES`. */
export type Phase = (typeof PHASES)[number];

/** One probe of one target, as the pinging domain hands it on. Durations are -1 where the probe did not get that far. */
export interface Sample {
  /** When the probe ended, ms since the epoch, by our own clock. */
  atMs: number;
  outcome: Outcome;
  /** The phase in which a failed probe ended; null after `ok`. */
  phase: Phase | null;
  /** From the connection attempt to the established connection. */
  connectUs: number;
  /** From the established connection to the first byte of the answer. */
  firstByteUs: number;
  /** From the connection attempt to the end of the exchange, however it ended. */
  totalUs: number;
  /** How much of `totalUs` our own busy process may have caused. */
  starvedUs: number;
  /** Whether `starvedUs` is large enough to distrust the sample. */
  suspect: boolean;
  /** The answerer's boot time, ms since the epoch; -1 without a valid answer. */
  bootTimeMs: number;
  /** HTTP status of the answer; 0 without one. */
  statusCode: number;
  /** What happened, in words, at most 200 characters; empty after `ok`. */
  detail: string;
}
