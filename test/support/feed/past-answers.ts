import type { IncomingMessage } from 'node:http';
import { encodeMesh } from '../../../server/protocol/mesh.ts';
import { comparisonAnswer } from './comparison-answers.ts';
import type { Story } from './past.ts';

/** An answer of the feed: a status and JSON. */
export interface Answer {
  status: number;
  body: string;
}

/** The token with which the feed lets itself be written to. */
export const FEED_TOKEN = 'feed-token';

/** What `path` of the API answers from a story, at `nowMs`; null for a path that has nothing to do with the past. */
export async function pastAnswer(
  story: Story,
  path: string,
  query: URLSearchParams,
  nowMs: number,
): Promise<Answer | null> {
  const figure = (name: string, other: number) => Number(query.get(name) ?? other);
  const [fromMs, toMs] = [figure('from', nowMs - 3_600_000), figure('to', nowMs)];
  const ok = (body: unknown) => ({ status: 200, body: JSON.stringify(body) });
  if (path === '/api/v1/mesh' && query.has('at')) {
    const atMs = figure('at', nowMs);
    return { status: 200, body: [...encodeMesh(story.mesh(atMs - 5000, atMs))].join('') };
  }
  if (path === '/api/v1/history') return ok(story.history(fromMs, toMs, figure('step', 10_000), nowMs));
  if (path === '/api/v1/events') return ok(story.events(fromMs, toMs, nowMs));
  if (path === '/api/v1/annotations') return ok(story.annotations(nowMs));
  if (path === '/api/v1/comparison' || path === '/api/v1/report') return comparisonAnswer(story, path, query, nowMs);
  return null;
}

/** Takes a posted annotation, as the product does: only with the token. */
export async function takeAnnotation(story: Story, request: IncomingMessage, nowMs: number): Promise<Answer> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const { authorization = '' } = request.headers;
  if (authorization !== `Bearer ${FEED_TOKEN}`) {
    return { status: 401, body: JSON.stringify({ code: 401, message: 'wrong token' }) };
  }
  const { text: words, from, to } = JSON.parse(text) as { text: string; from: number; to?: number };
  const annotation = { id: `w-${nowMs}`, fromMs: from, toMs: to ?? null, text: words, tags: [], writtenMs: nowMs };
  story.write(annotation);
  return { status: 201, body: JSON.stringify({ annotation, nowMs, taken: 4, missing: [] }) };
}
