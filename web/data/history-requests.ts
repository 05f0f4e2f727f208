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
import { comparisonQuery } from '../pure/compare-text.ts';
import { NOT_REACHED, NOT_THE_TOKEN, refusedNote } from '../pure/note-words.ts';
import { ask, serverUrl, understood } from './requests.ts';

const times = ({ fromMs, toMs }: TimeRange) => ({ from: String(Math.round(fromMs)), to: String(Math.round(toMs)) });

/** How many links were bad, step by step. Rejects with an Error in words. */
export async function fetchHistory(range: TimeRange, stepMs: number, signal: AbortSignal): Promise<MeshHistory> {
  const url = serverUrl('api/v1/history', { ...times(range), step: String(stepMs) });
  const response = await ask(url, signal);
  return understood(() => response.json(), parseMeshHistory);
}

/** The past of one link (pod uids), as its probing pod kept it. Rejects with an Error in words. */
export async function fetchLinkHistory(from: string, to: string, signal: AbortSignal): Promise<LinkHistory> {
  const response = await ask(serverUrl('api/v1/link-history', { from, to }), signal);
  return understood(() => response.json(), parseLinkHistory);
}

/** What happened. Rejects with an Error in words. */
export async function fetchEvents(range: TimeRange, signal: AbortSignal): Promise<readonly MeshEvent[]> {
  const response = await ask(serverUrl('api/v1/events', times(range)), signal);
  return (await understood(() => response.json(), parseEvents)).events;
}

/** What people and tools have noted. Rejects with an Error in words. */
export async function fetchAnnotations(signal: AbortSignal): Promise<readonly Annotation[]> {
  const response = await ask(serverUrl('api/v1/annotations'), signal);
  return (await understood(() => response.json(), parseAnnotations)).annotations;
}

/** The mesh as it was at a moment (ms since the epoch). Rejects with an Error in words. */
export async function fetchPastMesh(atMs: number, signal: AbortSignal): Promise<Mesh> {
  const response = await ask(serverUrl('api/v1/mesh', { at: String(Math.round(atMs)) }), signal);
  const mesh = await understood(() => response.json(), parseMesh);
  // A server that does not know the question answers another one.
  if (mesh.past === null) throw new Error('this server keeps no history');
  return mesh;
}

/** Writes a note to all pods. Rejects with an Error that says what to do where it may not be written. */
export async function postAnnotation(
  note: { fromMs: number; toMs: number | null; text: string },
  token: string,
): Promise<void> {
  const { fromMs, toMs, text } = note;
  // Anything else cannot be sent in a header.
  if (!/^[!-~]+$/.test(token)) throw new Error(NOT_THE_TOKEN);
  const response = await fetch(serverUrl('api/v1/annotations'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ from: Math.round(fromMs), ...(toMs !== null && { to: Math.round(toMs) }), text }),
    signal: AbortSignal.timeout(10_000),
  }).catch(() => {
    throw new Error(NOT_REACHED);
  });
  // A login page in between says 200, too, and has written nothing.
  if (response.ok) return void (await understood(() => response.json(), parseWrittenAnnotation));
  const answer: unknown = await response.json().catch(() => null);
  throw new Error(refusedNote(response.status, messageOf(answer)));
}

/** Comparing ranges of a large mesh takes the server some seconds for each of them. */
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
  if (response.ok) return understood(() => response.json(), parseComparison);
  const answer: unknown = await response.json().catch(() => null);
  throw new Error(messageOf(answer) ?? `the server answered with status ${response.status}`);
}

/** What an error of the server says; null where it says nothing. */
function messageOf(answer: unknown): string | null {
  const { message } = (answer ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : null;
}
