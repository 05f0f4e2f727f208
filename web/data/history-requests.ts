import { type Annotation, parseAnnotations, parseWrittenAnnotation } from '../../server/protocol/annotation.ts';
import { type Comparison, parseComparison } from '../../server/protocol/comparison.ts';
import { type MeshEvent, parseEvents } from '../../server/protocol/event.ts';
import {
  type LinkHistory,
  type MeshHistory,
  parseLinkHistory,
  parseMeshHistory,
} from '../../server/protocol/history.ts';
import { type Mesh, parseMesh } from '../../server/protocol/mesh.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import { NO_SERVER_ANSWERED, rejectionText, WRONG_TOKEN } from '../pure/annotation-errors.ts';
import { comparisonQuery } from '../pure/compare-text.ts';
import { getJson, serverUrl, validated } from './requests.ts';

const times = ({ fromMs, toMs }: TimeRange) => ({ from: String(Math.round(fromMs)), to: String(Math.round(toMs)) });

/** Fetches how many links were bad in each step. Rejects with an Error that people can read. */
export async function fetchHistory(range: TimeRange, stepMs: number, signal: AbortSignal): Promise<MeshHistory> {
  const url = serverUrl('api/v1/history', { ...times(range), step: String(stepMs) });
  const response = await getJson(url, signal);
  return validated(() => response.json(), parseMeshHistory);
}

/** Fetches the history of a link (pod uids), as its source pod kept it. Rejects with an Error that people can read. */
export async function fetchLinkHistory(from: string, to: string, signal: AbortSignal): Promise<LinkHistory> {
  const response = await getJson(serverUrl('api/v1/link-history', { from, to }), signal);
  return validated(() => response.json(), parseLinkHistory);
}

/** Fetches the events of a time range. Rejects with an Error that people can read. */
export async function fetchEvents(range: TimeRange, signal: AbortSignal): Promise<readonly MeshEvent[]> {
  const response = await getJson(serverUrl('api/v1/events', times(range)), signal);
  return (await validated(() => response.json(), parseEvents)).events;
}

/** Fetches all annotations. Rejects with an Error that people can read. */
export async function fetchAnnotations(signal: AbortSignal): Promise<readonly Annotation[]> {
  const response = await getJson(serverUrl('api/v1/annotations'), signal);
  return (await validated(() => response.json(), parseAnnotations)).annotations;
}

/** Fetches the mesh at a time (ms since the epoch). Rejects with an Error that people can read. */
export async function fetchPastMesh(atMs: number, signal: AbortSignal): Promise<Mesh> {
  const response = await getJson(serverUrl('api/v1/mesh', { at: String(Math.round(atMs)) }), signal);
  const mesh = await validated(() => response.json(), parseMesh);
  // An older server ignores the query and returns the current mesh.
  if (mesh.past === null) throw new Error('this server keeps no history');
  return mesh;
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
    signal: AbortSignal.timeout(10_000),
  }).catch(() => {
    throw new Error(NO_SERVER_ANSWERED);
  });
  // The login page of a proxy also returns 200, but saves nothing.
  if (response.ok) return void (await validated(() => response.json(), parseWrittenAnnotation));
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
  const response = await fetch(`${serverUrl('api/v1/comparison')}?${comparisonQuery(ranges, expect)}`, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(COMPARISON_TIMEOUT_MS)]),
    headers: { accept: 'application/json' },
  });
  if (response.ok) return validated(() => response.json(), parseComparison);
  const answer: unknown = await response.json().catch(() => null);
  throw new Error(messageOf(answer) ?? `the server answered with status ${response.status}`);
}

/** The message of an error response; null if it has none. */
function messageOf(answer: unknown): string | null {
  const { message } = (answer ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : null;
}
