import { Reporter } from '../../../server/analysis/comparison/report.ts';
import type { Hypothesis } from '../../../server/analysis/comparison/targets.ts';
import { realClock } from '../../../server/runtime/clock.ts';
import { ValidationError } from '../../../server/runtime/errors.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import type { Story } from './past.ts';

/** Tests compare ranges of any day. */
const HISTORY_WINDOW_MS = 7 * 86_400_000;

/** `/api/v1/comparison` and `/api/v1/report` (as JSON), computed by the server's own code from a story. */
export async function comparisonAnswer(
  story: Story,
  path: string,
  query: URLSearchParams,
  nowMs: number,
): Promise<{ status: number; body: string }> {
  const reporter = new Reporter(
    { historyWindowMs: HISTORY_WINDOW_MS },
    {
      clock: { ...realClock, nowMs: () => nowMs },
      past: async ({ fromMs, toMs }) => story.mesh(fromMs, toMs),
      events: async ({ fromMs, toMs }) => story.events(fromMs, toMs, nowMs),
      annotations: async () => story.annotations(nowMs),
      paint: async () => new Uint8Array(),
      hypothesis: hypothesisOf,
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
      return { status: 200, body: JSON.stringify(data) };
    }
    let body = '';
    await reporter.comparison(request, async (pieces) => {
      body = [...pieces].join('');
    });
    return { status: 200, body };
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return { status: 400, body: JSON.stringify({ code: 400, message: error.message }) };
  }
}

function rangeOf(text: string | null): TimeRange | null {
  const [fromMs, toMs] = (text ?? '').split('-').map(Number);
  return fromMs === undefined || toMs === undefined ? null : { fromMs, toMs };
}

/** `healthy` passes, any latency fails, any other clause is invalid: enough for a page that only shows the verdict. */
function hypothesisOf(expect: readonly string[]): Hypothesis {
  const invalid = expect.findIndex((clause) => !/^(healthy|latency)/.test(clause));
  if (invalid >= 0) throw new ValidationError(`expect ${invalid + 1} in query, character 1: no such condition`);
  const clauses = expect.map((clause) => (clause === 'healthy' ? ('pass' as const) : ('fail' as const)));
  const failed = clauses.includes('fail');
  const violation = {
    clause: expect.at(-1) ?? '',
    from: 'goldpinger-001',
    to: '<b>chaos',
    found: '0.6 ms',
    samples: 60,
  };
  return {
    namedPods: async () => [],
    judge: async () => ({
      ok: !failed,
      verdict: failed ? 'fail' : 'pass',
      reason: failed ? 'one link is faster' : '',
      expect: [...expect],
      clauses,
      window_s: 120,
      resolution_s: 0,
      samples: 960,
      links_checked: 16,
      links_failed: 0,
      p50_ms: 0.6,
      p95_ms: 1,
      max_ms: 2,
      violations: failed ? [violation] : [],
      missing_reports: [],
      generated_at: '2026-01-01T00:00:00Z',
      served_by: 'goldpinger-001',
    }),
  };
}
