import { Reporter } from '../../../server/analysis/comparison/report.ts';
import { roundsOf } from '../../../server/analysis/rounds.ts';
import { encodeMesh } from '../../../server/protocol/mesh.ts';
import { realClock } from '../../../server/runtime/clock.ts';
import { ValidationError } from '../../../server/runtime/errors.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import type { Story } from './story.ts';

/** The token with which the feed accepts annotations. */
export const FEED_TOKEN = 'feed-token';
/** Tests compare ranges of any day. */
const HISTORY_WINDOW_MS = 7 * 86_400_000;

/** A status and JSON. */
export interface Answer {
  status: number;
  body: string;
}

/** Answers a GET of a path of the API about the past from a story, at `nowMs`; null for any other path. */
export async function answerOf(
  story: Story,
  path: string,
  query: URLSearchParams,
  nowMs: number,
): Promise<Answer | null> {
  const numberOf = (name: string, otherwise: number) => Number(query.get(name) ?? otherwise);
  const fromMs = numberOf('from', nowMs - 3_600_000);
  const toMs = numberOf('to', nowMs);
  const atMs = numberOf('at', nowMs);
  switch (path) {
    case '/api/v1/mesh':
      return query.has('at') ? { status: 200, body: [...encodeMesh(story.mesh(atMs - 5000, atMs))].join('') } : null;
    case '/api/v1/history':
      return json(200, story.history(fromMs, toMs, numberOf('step', 10_000), nowMs));
    case '/api/v1/events':
      return json(200, story.events(fromMs, toMs, nowMs));
    case '/api/v1/rounds':
      return json(200, roundsOf(story.events(fromMs, toMs, nowMs), { pods: [], selfUid: '', withinMs: null }));
    case '/api/v1/annotations':
      return json(200, story.annotations(nowMs));
    case '/api/v1/comparison':
    case '/api/v1/report':
      return comparisonOf(story, path, query, nowMs);
    default:
      return null;
  }
}

/** Writes an annotation. As in the product, `authorization` must be the header with the token. */
export function write(story: Story, authorization: string | undefined, text: string, nowMs: number): Answer {
  if (authorization !== `Bearer ${FEED_TOKEN}`) return json(401, { code: 401, message: 'wrong token' });
  const body = JSON.parse(text) as { text: string; from: number; to?: number };
  const { from: fromMs, to: toMs = null } = body;
  const annotation = { id: `w-${nowMs}`, fromMs, toMs, text: body.text, tags: [], writtenMs: nowMs };
  story.write(annotation);
  return json(201, { annotation, nowMs, taken: 4, missing: [] });
}

function json(status: number, body: unknown): Answer {
  return { status, body: JSON.stringify(body) };
}

/** `/api/v1/comparison` and `/api/v1/report` (as JSON), computed by the server's own code. */
async function comparisonOf(story: Story, path: string, query: URLSearchParams, nowMs: number): Promise<Answer> {
  const reporter = new Reporter(
    { historyWindowMs: HISTORY_WINDOW_MS },
    {
      clock: { ...realClock, nowMs: () => nowMs },
      past: async ({ fromMs, toMs }) => story.mesh(fromMs, toMs),
      events: async ({ fromMs, toMs }) => story.events(fromMs, toMs, nowMs),
      annotations: async () => story.annotations(nowMs),
      paint: async () => new Uint8Array(),
    },
  );
  const request = {
    ranges: {
      during: { fromMs: Number(query.get('from')), toMs: Number(query.get('to')) },
      before: rangeOf(query.get('before')),
      after: rangeOf(query.get('after')),
    },
    expect: query.getAll('expect'),
  };
  try {
    if (path === '/api/v1/report') {
      const { data } = await reporter.report({ ...request, title: '', pictures: false });
      return json(200, data);
    }
    let body = '';
    await reporter.comparison(request, async (pieces) => {
      body = [...pieces].join('');
    });
    return { status: 200, body };
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return json(400, { code: 400, message: error.message });
  }
}

function rangeOf(text: string | null): TimeRange | null {
  const [fromMs, toMs] = (text ?? '').split('-').map(Number);
  return fromMs === undefined || toMs === undefined ? null : { fromMs, toMs };
}
