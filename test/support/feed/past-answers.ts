import type { IncomingMessage } from 'node:http';
import type { VerdictAnswer } from '../../../server/protocol/verdict.ts';
import type { Story } from './past.ts';

/** An answer of the feed: status and what is sent as JSON. */
interface Answer {
  status: number;
  body: unknown;
}

/** The token with which the feed lets itself be written to. */
export const FEED_TOKEN = 'feed-token';

/** What `path` of the API answers from a story, at `nowMs`; null for a path that has nothing to do with the past. */
export function pastAnswer(story: Story, path: string, query: URLSearchParams, nowMs: number): Answer | null {
  const figure = (name: string, other: number) => Number(query.get(name) ?? other);
  const [fromMs, toMs] = [figure('from', nowMs - 3_600_000), figure('to', nowMs)];
  const ok = (body: unknown) => ({ status: 200, body });
  if (path === '/api/v1/history') return ok(story.history(fromMs, toMs, figure('step', 10_000), nowMs));
  if (path === '/api/v1/events') return ok(story.events(fromMs, toMs, nowMs));
  if (path === '/api/v1/verdict') return verdictOn(query.getAll('expect'));
  if (path === '/api/v1/annotations') return ok(story.annotations(nowMs));
  return null;
}

/** `healthy` passes, any latency fails, any other clause is a mistake: enough for a page that only shows it. */
function verdictOn(expect: readonly string[]): Answer {
  const wrong = expect.findIndex((clause) => !/^(healthy|latency)/.test(clause));
  if (wrong >= 0)
    return {
      status: 400,
      body: { code: 400, message: `expect ${wrong + 1} in query, character 1: no such condition` },
    };
  const clauses = expect.map((clause) => (clause === 'healthy' ? ('pass' as const) : ('fail' as const)));
  const failed = clauses.includes('fail');
  const violation = {
    clause: expect.at(-1) ?? '',
    from: 'goldpinger-001',
    to: '<b>chaos',
    found: '0.6 ms',
    samples: 60,
  };
  const verdict: VerdictAnswer = {
    ...{ ok: !failed, verdict: failed ? 'fail' : 'pass', reason: failed ? 'one link is faster' : '' },
    ...{
      expect: [...expect],
      clauses,
      window_s: 120,
      resolution_s: 0,
      samples: 960,
      links_checked: 16,
      links_failed: 0,
    },
    ...{ p50_ms: 0.6, p95_ms: 1, max_ms: 2, violations: failed ? [violation] : [], missing_reports: [] },
    ...{ generated_at: '2026-01-01T00:00:00Z', served_by: 'goldpinger-001' },
  };
  return { status: 200, body: verdict };
}

/** Takes a posted annotation, as the product does: only with the token. */
export async function takeAnnotation(story: Story, request: IncomingMessage, nowMs: number): Promise<Answer> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const { authorization = '' } = request.headers;
  if (authorization !== `Bearer ${FEED_TOKEN}`) return { status: 401, body: { code: 401, message: 'wrong token' } };
  const { text: words, from, to } = JSON.parse(text) as { text: string; from: number; to?: number };
  const annotation = { id: `w-${nowMs}`, fromMs: from, toMs: to ?? null, text: words, tags: [], writtenMs: nowMs };
  story.write(annotation);
  return { status: 201, body: { annotation, nowMs, taken: 4, missing: [] } };
}
