/** Kinds of external probe: HOSTS_TO_RESOLVE, TCP_TARGETS, HTTP_TARGETS. */
export type ProbeProtocol = 'dns' | 'tcp' | 'http';

/** The last result of one external probe, as seen by one pod. `error` is '' after success, else at most 300 characters. */
export interface ProbeResult {
  /** As it was configured, e.g. `https://example.org/health`. */
  target: string;
  protocol: ProbeProtocol;
  /** When it ended, ms since the epoch; 0 = not yet probed (then neither good nor bad). */
  atMs: number;
  durationUs: number;
  error: string;
}
