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
import { parseRounds, type Round } from '../../server/protocol/rounds.ts';
import { type LinkSamples, parseLinkSamples } from '../../server/protocol/sample.ts';
import { textOf } from '../../server/runtime/errors.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import { comparisonQuery } from '../model/comparison.ts';

/** Time limit of a request, ms. */
const DEADLINE_MS = 10_000;

/** A URL on our server, relative to the page (`base`), because the page can be served under any sub-path. */
export function serverUrl(path: string, query: Record<string, string> = {}, base = document.baseURI): string {
  const url = new URL(path, base);
  url.hash = '';
  url.search = new URLSearchParams(query).toString();
  return url.href;
}

/** Fetches the whole mesh, with statistics over `windowMs` (0 = none). Rejects with an Error that people can read. */
export async function fetchMesh(windowMs: number, signal: AbortSignal, base = document.baseURI): Promise<Mesh> {
  const response = await getJson(serverUrl('api/v1/mesh', { window: String(windowMs) }, base), signal);
  return validated(() => response.json(), parseMesh);
}

/** Fetches the recent samples of a link (pod uids). Rejects with an Error that people can read. */
export async function fetchSamples(from: string, to: string, signal: AbortSignal): Promise<LinkSamples> {
  const response = await getJson(serverUrl('api/v1/link', { from, to }), signal);
  return validated(() => response.json(), parseLinkSamples);
}

/** Fetches the text at `path`, at most `limit` characters. Any HTTP status is accepted. Rejects with an Error that people can read. */
export async function fetchText(
  path: string,
  limit: number,
  signal: AbortSignal,
): Promise<{ text: string; cut: boolean; status: number }> {
  const response = await fetch(serverUrl(path), {
    signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (reader !== undefined && text.length <= limit) {
    const { done, value } = await reader.read();
    if (done) return { text, cut: false, status: response.status };
    text += value;
  }
  await reader?.cancel();
  return { text: text.slice(0, limit), cut: text.length > limit, status: response.status };
}

/** Requests JSON from `url` within `DEADLINE_MS`. Rejects with an Error that people can read for any status but 2xx. */
export async function getJson(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
    headers: { accept: 'application/json' },
  });
  if (!response.ok) throw new Error(`the server answered with status ${response.status}`);
  return response;
}

/** Validates what `read` returns. Rejects with an Error that people can read. */
export async function validated<T>(read: () => Promise<unknown>, parse: (wire: unknown) => T): Promise<T> {
  let wire: unknown;
  try {
    wire = await read();
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error('the response is not JSON: is there a login page in between?');
    throw error;
  }
  try {
    return parse(wire);
  } catch (error) {
    throw new Error(`the response does not match this version of the page: ${textOf(error, 160)}`);
  }
}

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

/** Fetches the rounds of ongoing experiments in a time range. Rejects with an Error that people can read. */
export async function fetchRounds(range: TimeRange, signal: AbortSignal): Promise<readonly Round[]> {
  const response = await getJson(serverUrl('api/v1/rounds', times(range)), signal);
  return (await validated(() => response.json(), parseRounds)).rounds;
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

/** Shown if an annotation could not be sent. */
export const NO_SERVER_ANSWERED = 'No server answered. Your text is kept: save again.';
/** Shown if the servers reject the token. */
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
