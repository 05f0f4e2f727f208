/* Requests about the past. A file of its own, because the first picture needs none of them, nor their validators. All reject with an
   Error that people can read. */

import { type Annotation, parseAnnotations, parseWrittenAnnotation } from '../../server/protocol/annotation.ts';
import { type Comparison, parseComparison } from '../../server/protocol/comparison.ts';
import { type MeshEvent, parseEvents } from '../../server/protocol/event.ts';
import {
  type LinkHistory,
  type MeshHistory,
  parseLinkHistory,
  parseMeshHistory,
} from '../../server/protocol/history.ts';
import { parseRounds, type Round } from '../../server/protocol/rounds.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import { comparisonQuery } from '../model/address.ts';
import { getJson, messageOf, REQUEST_TIMEOUT_MS, serverUrl, validated } from './client.ts';

const times = ({ fromMs, toMs }: TimeRange) => ({ from: String(Math.round(fromMs)), to: String(Math.round(toMs)) });

/** How many links were bad in each step; the server chooses the steps. */
export async function fetchHistory(range: TimeRange, signal: AbortSignal): Promise<MeshHistory> {
  return getJson(serverUrl('api/v1/history', times(range)), parseMeshHistory, signal);
}

/** The history of a link (pod uids), as its source pod kept it. */
export async function fetchLinkHistory(from: string, to: string, signal: AbortSignal): Promise<LinkHistory> {
  return getJson(serverUrl('api/v1/link-history', { from, to }), parseLinkHistory, signal);
}

export async function fetchEvents(range: TimeRange, signal: AbortSignal): Promise<readonly MeshEvent[]> {
  return (await getJson(serverUrl('api/v1/events', times(range)), parseEvents, signal)).events;
}

/** The rounds of ongoing experiments. */
export async function fetchRounds(range: TimeRange, signal: AbortSignal): Promise<readonly Round[]> {
  return (await getJson(serverUrl('api/v1/rounds', times(range)), parseRounds, signal)).rounds;
}

export async function fetchAnnotations(signal: AbortSignal): Promise<readonly Annotation[]> {
  return (await getJson(serverUrl('api/v1/annotations'), parseAnnotations, signal)).annotations;
}

/** Saves an annotation on all pods. Rejects with an Error that says what to do. */
export async function postAnnotation(
  annotation: { fromMs: number; toMs: number | null; text: string },
  token: string,
): Promise<void> {
  const { fromMs, toMs, text } = annotation;
  // Other characters cannot be sent in a header.
  if (!/^[!-~]+$/.test(token)) throw new Error(WRONG_TOKEN);
  const response = await fetch(serverUrl('api/v1/annotations'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ from: Math.round(fromMs), to: toMs === null ? undefined : Math.round(toMs), text }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  }).catch(() => {
    throw new Error(NO_SERVER_ANSWERED);
  });
  // The login page of a proxy also returns 200, but saves nothing.
  if (response.ok) return void (await validated(response, parseWrittenAnnotation));
  const answer: unknown = await response.json().catch(() => null);
  throw new Error(rejectionText(response.status, messageOf(answer)));
}

/** Time limit of a comparison, ms. The server needs some seconds per range of a large mesh. */
const COMPARISON_TIMEOUT_MS = 60_000;

/**
 * The comparison of two or three ranges: before, during, after. `expect`: the hypothesis, clause by clause. Rejects with an
 * Error; its message is the server's where the server refuses the query.
 */
export async function fetchComparison(
  ranges: readonly TimeRange[],
  expect: readonly string[],
  signal: AbortSignal,
): Promise<Comparison> {
  const url = `${serverUrl('api/v1/comparison')}?${comparisonQuery(ranges, expect)}`;
  return getJson(url, parseComparison, signal, COMPARISON_TIMEOUT_MS);
}

export const NO_SERVER_ANSWERED = 'No server answered. Your text is kept: save again.';
export const WRONG_TOKEN = 'Wrong write token.';

/** The text for an annotation that was rejected with HTTP `status`. `message`: the server's message; null = none. */
export function rejectionText(status: number, message: string | null): string {
  switch (status) {
    case 401:
      return WRONG_TOKEN;
    case 403:
      return 'Annotations are disabled: WRITE_TOKEN is not set on the servers.';
    case 413:
      return 'The text is too long for the server or for a proxy. Shorten it and save again.';
    case 429:
      return 'Too many annotations at once. Wait a second and save again.';
    default:
      return message === null ? `Not saved: the server answered with status ${status}.` : `Not saved: ${message}`;
  }
}
