import { describe, expect, it } from 'vitest';
import type { VerdictAnswer } from '../../../server/protocol/verdict.ts';
import { type Truth, VerdictPoll } from '../../support/verdict-poll.ts';

type Verdict = VerdictAnswer['verdict'];

const STATUS = { pass: 200, fail: 503, unknown: 425 };
const Q = 'expect=healthy';
const truth = (verdict: Verdict): Truth => ({ [Q]: verdict });

/** A poll of one pod that gives these answers, with time that stands still until it is moved. */
function start(isBusy = false) {
  const now = { ms: 1_000_000 };
  let next: () => Response = () => new Response('', { status: 500 });
  const poll = new VerdictPoll({
    fetch: async () => next(),
    nowMs: () => now.ms,
    pods: () => [{ name: 'pod-1', url: 'http://pod-1' }],
    isBusy: async () => isBusy,
    windowMs: 3_000,
  });
  const plain = { links: 4, type: 'application/json', why: 'timeout' };
  const ask = async (verdict: Verdict, change: Partial<typeof plain> & { status?: number } = {}) => {
    const { status = STATUS[verdict], links, type, why } = { ...plain, ...change };
    next = () => Response.json(answerOf(verdict, links, why), { status, headers: { 'content-type': type } });
    const [kept] = await poll.round();
    now.ms += 1;
    return kept;
  };
  const failWith = (fault: string) => {
    next = () => {
      throw new Error(fault);
    };
    return poll.round();
  };
  return { poll, now, ask, failWith, wrong: () => poll.judged().wrong.length };
}

function answerOf(verdict: Verdict, links: number, why: string): VerdictAnswer {
  const latencies = { p50_ms: null, p95_ms: null, max_ms: null };
  const lists = { expect: [], clauses: [], violations: [], missing_reports: [] };
  const reason = verdict === 'unknown' ? `a did not report (${why}), so` : '';
  const counts = { window_s: 3, resolution_s: null, samples: 9, links_checked: links, links_failed: 0 };
  return {
    ok: verdict === 'pass',
    verdict,
    reason,
    ...counts,
    ...latencies,
    ...lists,
    generated_at: '',
    served_by: '',
  };
}

describe('answers that are polled', () => {
  it('may be the old or the new one while something changes, and the new one alone once all have given it', async () => {
    const { poll, now, ask, wrong } = start();
    poll.change(truth('pass'));
    poll.settle();
    for (const verdict of ['pass', 'unknown', 'fail'] as const) await ask(verdict);
    expect(wrong()).toBe(2);
    poll.change(truth('fail'));
    for (const verdict of ['pass', 'unknown', 'fail'] as const) await ask(verdict);
    expect(wrong()).toBe(2);
    now.ms += 1;
    poll.settle();
    for (const verdict of ['fail', 'unknown', 'pass'] as const) await ask(verdict);
    expect(wrong()).toBe(4);
  });

  it('are no longer right as before once the window lies behind the change, settled or not', async () => {
    const { poll, now, ask, wrong } = start();
    poll.change(truth('pass'));
    poll.settle();
    now.ms += 1;
    poll.change(truth('fail'));
    poll.changed();
    now.ms += 5_900;
    await ask('pass');
    expect(wrong()).toBe(0);
    now.ms += 200;
    for (const verdict of ['unknown', 'fail'] as const) await ask(verdict);
    expect(wrong()).toBe(0);
    await ask('pass');
    expect(wrong()).toBe(1);
    // Two changes in a report: whatever was right before is, for as long.
    poll.change(truth('pass'));
    now.ms += 1;
    poll.change(truth('fail'));
    await ask('pass');
    expect(wrong()).toBe(1);
  });

  it('may be any while pods come and go, where that is said', async () => {
    const { poll, now, ask, wrong } = start();
    poll.change(truth('pass'));
    poll.settle();
    now.ms += 1;
    poll.change(truth('pass'), [Q]);
    await ask('fail');
    expect(wrong()).toBe(0);
    poll.changed();
    now.ms += 6_100;
    await ask('fail');
    expect(wrong()).toBe(1);
  });

  it('are excused where pods are short of CPU, but never in calling a fault healthy, nor in another form', async () => {
    const { poll, ask, failWith } = start(true);
    poll.change(truth('pass'));
    poll.settle();
    await ask('fail');
    await failWith('ECONNRESET');
    expect(poll.judged()).toEqual({ wrong: [], excused: 2 });
    await ask('pass', { status: 503 });
    await ask('pass', { type: 'application/json; charset=utf-8' });
    poll.change(truth('fail'));
    poll.settle();
    await ask('pass');
    expect(poll.judged()).toMatchObject({ wrong: [expect.any(String), expect.any(String), expect.any(String)] });
  });

  it('are excused where a pod says that it was starved, though it is not any more', async () => {
    const { poll, ask } = start();
    poll.change(truth('pass'));
    poll.settle();
    await ask('unknown', { why: 'starved' });
    expect(poll.judged()).toEqual({ wrong: [], excused: 1 });
    await ask('unknown');
    expect(poll.judged()).toMatchObject({ wrong: [expect.any(String)], excused: 1 });
  });

  it('may be missing from pods that come and go, and only then', async () => {
    const { poll, now, failWith, wrong } = start();
    poll.change(truth('pass'));
    await failWith('ECONNREFUSED');
    now.ms += 1;
    expect(wrong()).toBe(0);
    poll.settle();
    await failWith('ECONNREFUSED');
    expect(wrong()).toBe(1);
  });

  it('cannot pass on all links while one of the pods does not remember the window', async () => {
    const { poll, now, ask, wrong } = start(true);
    poll.change(truth('pass'));
    poll.forget(4);
    now.ms += 2_000;
    // What the last report told may be heard for so long.
    await ask('pass');
    poll.forget(4);
    now.ms += 600;
    await ask('pass', { links: 3 });
    await ask('unknown');
    expect(wrong()).toBe(0);
    await ask('pass');
    expect(wrong()).toBe(1);
    now.ms += 3_000;
    await ask('pass');
    expect(wrong()).toBe(1);
  });
});

it('all have said so when each has, or is starved', async () => {
  const { poll, ask } = start();
  poll.change(truth('pass'));
  const lacks = [await ask('pass'), await ask('unknown', { why: 'starved' }), await ask('unknown'), await ask('fail')];
  expect(lacks.map((one) => one && poll.lacks(one) === '')).toEqual([true, true, false, false]);
});
