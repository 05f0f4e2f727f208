import { Agent } from 'node:http';
import { textOf } from '../contract/errors.ts';
import { type GoldpingerCheck, parseGoldpingerCheck } from '../contract/goldpinger.ts';
import type { MissingReason } from '../contract/mesh.ts';
import type { AgeRange } from '../contract/past.ts';
import { parseRow, ROW_FORMAT, type Row } from '../contract/row.ts';
import type { Clock } from '../contract/seams.ts';
import { type PeerAnswer, PeerCallError, peerGet } from './http-call.ts';
import type { PeersTable } from './peer-tables.ts';

/** One question for a row. */
export interface RowAsk {
  /** Who is asked: remembered for what it speaks. */
  uid: string;
  host: string;
  port: number;
  /** Window of the statistics wanted, ms; 0 = none. */
  windowMs: number;
  /** The stretch of the past that is wanted; null = now. */
  past: AgeRange | null;
  /** For everything, a second question to `/check` included. */
  timeoutMs: number;
  /** The table of peers that the answer may leave out. */
  known: PeersTable | null;
  signal: AbortSignal;
}

/** What asking came to: a row in our format, one in Goldpinger's, or none and why. */
export type RowAnswer =
  | { kind: 'row'; row: Row }
  | { kind: 'check'; check: GoldpingerCheck }
  | { kind: 'missing'; reason: MissingReason; detail: string };

/** Asks one peer for its row. Never rejects: a peer that answers badly is an answer too. */
export type RowTransport = (ask: RowAsk) => Promise<RowAnswer>;

/** The longest row that is read: 1000 links with figures take 40 kB, a Go pod's `/check` of 1000 200 kB. */
const MAX_ROW_BYTES = 8 * 1024 * 1024;
/** How long a peer that only speaks Goldpinger is spared our format. */
const GOLDPINGER_MS = 10 * 60_000;
/** The most such peers remembered; beyond it the oldest are tried again. */
const MAX_REMEMBERED = 5_000;

const NO_PAST: RowAnswer = {
  kind: 'missing',
  reason: 'no-history',
  detail: 'it speaks as Goldpinger does, which keeps no past',
};

/**
 * Asks peers over HTTP: `/api/v1/row`, and Goldpinger's `/check` where that does not exist or is not our format.
 * Which peers speak Goldpinger only is remembered for 10 minutes or until they fail once (they may restart as ours).
 */
export function createRowTransport(clock: Clock): { fetchRow: RowTransport; close(): void } {
  // A connection a question: kept ones would be as many open sockets as there are pods.
  const agent = new Agent({ keepAlive: false });
  const goldpingers = new Map<string, number>();

  const ask = async (request: RowAsk): Promise<RowAnswer> => {
    const startMs = clock.monotonicMs();
    const left = () => Math.max(1, Math.ceil(request.timeoutMs - (clock.monotonicMs() - startMs)));
    const send = (path: string) =>
      peerGet({ ...request, path, timeoutMs: left(), maxBytes: MAX_ROW_BYTES }, clock, agent);
    const until = goldpingers.get(request.uid) ?? Number.NEGATIVE_INFINITY;
    // Goldpinger has no past, and its view of now is not what was asked for.
    if (request.past !== null && until > startMs) return NO_PAST;
    if (until <= startMs) {
      const answer = readRow(await send(rowPath(request)), request.known);
      if (answer !== null) return answer;
      if (request.past !== null) return NO_PAST;
    }
    const answer = readCheck(await send('/check'));
    goldpingers.delete(request.uid);
    if (answer.kind === 'check') {
      const oldest = goldpingers.keys().next();
      if (goldpingers.size >= MAX_REMEMBERED && !oldest.done) goldpingers.delete(oldest.value);
      goldpingers.set(request.uid, until > startMs ? until : startMs + GOLDPINGER_MS);
    }
    return answer;
  };

  return {
    fetchRow: async (request) => {
      try {
        return await ask(request);
      } catch (error) {
        goldpingers.delete(request.uid);
        const reason = error instanceof PeerCallError ? error.reason : 'malformed';
        return { kind: 'missing', reason, detail: textOf(error) };
      }
    },
    close: () => agent.destroy(),
  };
}

function rowPath({ known, windowMs, past }: RowAsk): string {
  const query = new URLSearchParams();
  if (past !== null) {
    query.set('fromAge', String(Math.round(past.fromAgeMs)));
    query.set('toAge', String(Math.round(past.toAgeMs)));
  }
  if (known !== null) query.set('peers', known.hash);
  if (windowMs > 0) query.set('window', String(windowMs));
  return query.size === 0 ? '/api/v1/row' : `/api/v1/row?${query}`;
}

/** A row in our format, or what is wrong with it; null if the peer may only know `/check`. Throws on a bad row. */
function readRow({ status, body }: PeerAnswer, known: PeersTable | null): RowAnswer | null {
  if (status === 404 || status === 405) return null;
  if (status !== 200) return { kind: 'missing', reason: 'http-status', detail: `status ${status} from /api/v1/row` };
  const wire = jsonOf(body);
  if ((wire as { format?: unknown } | null)?.format !== ROW_FORMAT) return null;
  return { kind: 'row', row: parseRow(wire, known) };
}

/** Goldpinger's answer, or what is wrong with it. Throws on a bad one. */
function readCheck({ status, body }: PeerAnswer): RowAnswer {
  if (status !== 200) return { kind: 'missing', reason: 'http-status', detail: `status ${status} from /check` };
  return { kind: 'check', check: parseGoldpingerCheck(jsonOf(body)) };
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
