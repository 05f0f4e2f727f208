import { type GoldpingerCheck, parseGoldpingerCheck } from '../protocol/goldpinger.ts';
import type { AgeRange } from '../protocol/history.ts';
import type { MissingReason } from '../protocol/mesh.ts';
import type { PeerRef, Pod } from '../protocol/pod.ts';
import { POD_REPORT_FORMAT, type PodReport, parsePodReportSliced } from '../protocol/pod-report.ts';
import type { Skipped } from '../protocol/validators.ts';
import { textOf } from '../runtime/errors.ts';
import { PeerCallError, type PeerClient, type PeerRequest } from './peer-client.ts';

/** Which report of a pod is wanted. */
export interface ReportQuery {
  /** Window of the statistics, ms; 0 = none. */
  windowMs: number;
  /** The time range of the past that is wanted; null = now. */
  past: AgeRange | null;
  /** The table of peers that the answer may leave out, and its hash. */
  known: { hash: string; peers: PeerRef[] } | null;
  limits: ReportLimits;
  /** When all calls must have ended, monotonic ms. */
  deadlineMs: number;
  /** The uid of another pod, whose copy the asked pod keeps: its past report is wanted. */
  of?: string;
}

/** The result of a report query: a report in our format, one in Goldpinger's, or none and why. */
export type ReportResult =
  | { kind: 'report'; report: PodReport }
  | { kind: 'check'; check: GoldpingerCheck }
  /** `hasAnswered`: see `PeerCallError.hasAnswered`. */
  | { kind: 'missing'; reason: MissingReason; detail: string; hasAnswered: boolean | null };

const REPORT_PATH = '/api/v1/pod-report';

/** How large an answer may be. */
export type ReportLimits = Pick<PeerRequest<unknown>, 'maxBytes' | 'maxValues'>;

/** What a report takes besides its links and peers: 200 details of 300 characters, external probes, pods that we don't know. */
const BASE_BYTES = 96 * 1024;
const BASE_VALUES = 5_000;
/**
 * For each pod, besides its uid, name and namespace: its link with statistics takes 36 bytes, 48 in base64, once per IP family. In
 * `/check` it takes 200 and its error text.
 */
const POD_BYTES = 200;
/** For each pod: as a peer it is a list of 4 texts; an entry of `/check` has 10 fields. */
const POD_VALUES = 16;

/**
 * Limits of the size of one report. It has peers and links for the pods that we know, so these decide: 1000 pods allow for 400 kB and
 * 21,000 values. A real report of 1000 pods takes at most 200 kB.
 */
export function reportLimits(pods: readonly Pod[]): ReportLimits {
  let maxBytes = BASE_BYTES;
  for (const { uid, name, namespace } of pods) maxBytes += uid.length + name.length + namespace.length + POD_BYTES;
  return { maxBytes, maxValues: BASE_VALUES + POD_VALUES * pods.length };
}

/**
 * Asks one pod for its report: `/api/v1/pod-report`, and Goldpinger's `/check` if the pod does not know that path or answers
 * in another format. Never rejects: a pod that answers badly is a result too.
 */
export async function queryReport(client: PeerClient, pod: Pod, query: ReportQuery): Promise<ReportResult> {
  const { known, past, limits } = query;
  // Both calls together have the time of one.
  const request = { ...limits, deadlineMs: client.callDeadline(query.deadlineMs) };
  const parse = (wire: unknown, skipped: Skipped) => {
    const isReport = (wire as { format?: unknown } | null)?.format === POD_REPORT_FORMAT;
    return isReport ? parsePodReportSliced(wire, known, skipped) : null;
  };
  let hasAnswered: boolean | null = true;
  try {
    const { value: report } = await client.request(pod, { ...request, path: reportPath(query), parse });
    if (report !== null) return { kind: 'report', report };
    // It is JSON in another format.
    client.noteUnknownPath(pod, REPORT_PATH);
  } catch (error) {
    if (!(error instanceof PeerCallError && error.mayBeGoldpinger)) return missing(error);
    hasAnswered = error.hasAnswered;
    // No JSON. A 404 or 405 has been noted by the client itself.
    if (error.reason === 'malformed') client.noteUnknownPath(pod, REPORT_PATH);
  }
  // Goldpinger has no past, and its view of now is not what was asked for.
  const noPast = 'it runs Goldpinger, which keeps no history';
  if (past !== null) return { kind: 'missing', reason: 'no-history', detail: noPast, hasAnswered };
  try {
    const { value: check } = await client.request(pod, { ...request, path: '/check', parse: parseGoldpingerCheck });
    return { kind: 'check', check };
  } catch (error) {
    client.forgetUnknownPaths(pod);
    return missing(error);
  }
}

/** The result of a call that has failed. */
function missing(error: unknown): ReportResult {
  const { reason, hasAnswered } = error instanceof PeerCallError ? error : new PeerCallError('malformed', '');
  return { kind: 'missing', reason, detail: textOf(error), hasAnswered };
}

function reportPath({ known, windowMs, past, of }: ReportQuery): string {
  const query = new URLSearchParams();
  if (past !== null) {
    query.set('fromAge', String(Math.round(past.fromAgeMs)));
    query.set('toAge', String(Math.round(past.toAgeMs)));
  }
  if (known !== null) query.set('peers', known.hash);
  if (of !== undefined) query.set('of', of);
  if (windowMs > 0) query.set('window', String(windowMs));
  return query.size === 0 ? REPORT_PATH : `${REPORT_PATH}?${query}`;
}
