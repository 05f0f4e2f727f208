import { type GoldpingerCheck, parseGoldpingerCheck } from '../protocol/goldpinger.ts';
import type { AgeRange } from '../protocol/history.ts';
import type { MissingReason } from '../protocol/mesh.ts';
import type { PeerRef, Pod } from '../protocol/pod.ts';
import { POD_REPORT_FORMAT, type PodReport, parsePodReport } from '../protocol/pod-report.ts';
import { textOf } from '../runtime/errors.ts';
import { PeerCallError, type PeerClient } from './peer-client.ts';

/** Which report of a pod is wanted. */
export interface ReportQuery {
  /** Window of the statistics, ms; 0 = none. */
  windowMs: number;
  /** The time range of the past that is wanted; null = now. */
  past: AgeRange | null;
  /** The table of peers that the answer may leave out, and its hash. */
  known: { hash: string; peers: PeerRef[] } | null;
  /** When all calls must have ended, monotonic ms. */
  deadlineMs: number;
}

/** The result of a report query: a report in our format, one in Goldpinger's, or none and why. */
export type ReportResult =
  | { kind: 'report'; report: PodReport }
  | { kind: 'check'; check: GoldpingerCheck }
  | { kind: 'missing'; reason: MissingReason; detail: string };

const REPORT_PATH = '/api/v1/pod-report';
/** The longest report that is read: 1000 links with statistics take 40 kB, Goldpinger's `/check` of 1000 pods 200 kB. */
const MAX_REPORT_BYTES = 8 * 1024 * 1024;

const GOLDPINGER_HAS_NO_PAST: ReportResult = {
  kind: 'missing',
  reason: 'no-history',
  detail: 'it runs Goldpinger, which keeps no history',
};

/**
 * Asks one pod for its report: `/api/v1/pod-report`, and Goldpinger's `/check` if the pod does not know that path or answers
 * in another format. Never rejects: a pod that answers badly is a result too.
 */
export async function queryReport(client: PeerClient, pod: Pod, query: ReportQuery): Promise<ReportResult> {
  const { known, past } = query;
  // Both calls together have the time of one.
  const deadlineMs = client.callDeadline(query.deadlineMs);
  const request = { method: 'GET' as const, maxBytes: MAX_REPORT_BYTES, deadlineMs };
  try {
    const { body } = await client.request(pod, { ...request, path: reportPath(query) });
    const wire = jsonOf(body);
    if ((wire as { format?: unknown } | null)?.format === POD_REPORT_FORMAT) {
      return { kind: 'report', report: parsePodReport(wire, known) };
    }
    client.noteUnknownPath(pod, REPORT_PATH);
  } catch (error) {
    if (!(error instanceof PeerCallError && error.isUnknownPath)) return missing(error);
  }
  // Goldpinger has no past, and its view of now is not what was asked for.
  if (past !== null) return GOLDPINGER_HAS_NO_PAST;
  try {
    const { body } = await client.request(pod, { ...request, path: '/check' });
    return { kind: 'check', check: parseGoldpingerCheck(jsonOf(body)) };
  } catch (error) {
    client.forgetUnknownPaths(pod);
    return missing(error);
  }
}

function missing(error: unknown): ReportResult {
  const reason = error instanceof PeerCallError ? error.reason : 'malformed';
  return { kind: 'missing', reason, detail: textOf(error) };
}

function reportPath({ known, windowMs, past }: ReportQuery): string {
  const query = new URLSearchParams();
  if (past !== null) {
    query.set('fromAge', String(Math.round(past.fromAgeMs)));
    query.set('toAge', String(Math.round(past.toAgeMs)));
  }
  if (known !== null) query.set('peers', known.hash);
  if (windowMs > 0) query.set('window', String(windowMs));
  return query.size === 0 ? REPORT_PATH : `${REPORT_PATH}?${query}`;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
