import { describe, expect, it } from 'vitest';
import { FLAG_IPV6, FLAG_SUSPECT, pack16 } from '../../../../server/protocol/links.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import type { Lifecycle } from '../../../../server/protocol/pod.ts';
import { LATE_ANSWER, MeshBuilder, NOW_MS, REFUSED, settingsOf, statusOf } from '../../../support/mesh.ts';
import { answerFor, experiment, verdictFor, WINDOW_MS } from './scene.ts';

/** goldpinger-chaos refuses, itself included. */
const refusing = (lifecycle: Lifecycle = 'ready') => experiment().into(3, REFUSED, true).pod(3, { lifecycle });
const cordoned = () => refusing().pod(3, { cordon: 'ignored' });
/** The process of pod-1 has started within the window. */
const restarted = () => experiment().report(1, { missingDetail: 'its memory begins at 12:00' });
/** pod-2 knows other pods than the others do. */
const differing = () => experiment().report(2, { samePeers: false });
/** Link `from` → `to` is replaced by a second one to the pod after it. */
function unlisted(from: number, to: number): MeshBuilder {
  const mesh = experiment();
  mesh.reports[from]!.links.to[(to - from + 4) % 4] = (to + 1) % 4;
  return mesh;
}
/** The report of pod-0 is from Goldpinger, and so old. */
function goldpinger(ageMs: number): MeshBuilder {
  const mesh = experiment().set(0, 1, { connectUs: 0, firstByteUs: 70_000 }).report(0, { via: 'check', stats: null });
  mesh.reports[0]!.links.ageMs.fill(pack16(ageMs));
  return mesh;
}
/** Only pod-0 is ready; the others are in this stage, and do not report. */
function left(lifecycle: Lifecycle): MeshBuilder {
  const mesh = experiment();
  for (const i of [1, 2, 3]) mesh.pod(i, { lifecycle }).silence(i, 'refused');
  return mesh;
}
/** pod-1 refuses and does not report. */
const dead = () => experiment().into(1, REFUSED).silence(1);
/** No sample of a link that has failed is to be believed. */
function doubted(): MeshBuilder {
  const mesh = experiment().set(0, 1, { ...REFUSED, flags: FLAG_SUSPECT });
  mesh.reports[0]!.stats!.failures.fill(0);
  return mesh;
}
const NOT_READY = { lifecycle: 'not-ready' } as const;
const STALE = { discovery: statusOf({ phase: 'stale' }) };
const FEW_TARGETS = { settings: settingsOf({ refreshIntervalMs: 2_000, pingNumber: 2 }) };

describe('experiment 2', () => {
  it('begins healthy', () => {
    const answer = answerFor(experiment(), ['healthy', 'latency<50ms', 'latency<50ms,to=goldpinger-chaos']);
    expect(answer).toEqual({
      ok: true,
      verdict: 'pass',
      reason: '',
      expect: ['healthy', 'latency<50ms', 'latency<50ms,to=pod:goldpinger-chaos'],
      clauses: ['pass', 'pass', 'pass'],
      window_s: 30,
      resolution_s: null,
      samples: 160,
      links_checked: 16,
      links_failed: 0,
      p50_ms: 0.5,
      p95_ms: 0.5,
      max_ms: 0.5,
      violations: [],
      missing_reports: [],
      generated_at: new Date(NOW_MS).toISOString(),
      served_by: 'pod-0',
    });
  });

  it('with 250 ms: still healthy, slow into the pod and nowhere else', () => {
    const slow = experiment().into(3, LATE_ANSWER, true);
    const expected = [
      'healthy',
      'latency>=200ms,to=pod:goldpinger-chaos,self=exclude',
      'latency>=200ms,to=label:chaos=true',
      'latency<50ms,from=goldpinger-chaos,self=exclude',
    ];
    expect(verdictFor(slow, expected)).toBe('pass');
    const { clauses, reason, violations } = answerFor(slow, ['healthy', 'latency<50ms']);
    expect(clauses).toEqual(['pass', 'fail']);
    expect(reason).toBe('latency<50ms: violated on 4 of 16 links, for example pod-0 → goldpinger-chaos: 251 ms');
    expect(violations).toHaveLength(4);
    const first = { clause: 'latency<50ms', from: 'pod-0', to: 'goldpinger-chaos', found: '251 ms', samples: 10 };
    expect(violations[0]).toEqual(first);
  });
});

it.each<[title: string, expected: string, MeshBuilder, mesh?: Partial<Mesh>]>([
  ['a passive node says nothing', 'unknown healthy,from=goldpinger-chaos', experiment().silence(3, 'passive')],
  ['a pod of a cordoned node counts only by its name', 'pass healthy; fail healthy,to=goldpinger-chaos', cordoned()],
  ['a silent pod', 'fail healthy; pass failed,to=goldpinger-chaos', refusing().silence(3, 'refused')],
  ['fail comes before unknown', 'pass healthy; unknown healthy,to=nobody; fail failed', experiment()],
  ['one sample', 'pass healthy; fail latency<50ms,from=pod-0; unknown healthy,min=2', goldpinger(29_000)],
  ['pods with their namespace', 'pass failed,from=default/pod-0,to=*/pod-1', experiment().set(0, 1, REFUSED)],
  ['a starting pod', 'pass healthy; pass healthy,to=*; pass failed,to=goldpinger-chaos', refusing('starting')],
  ['a pod that is gone never counts', 'pass healthy; unknown failed,to=goldpinger-chaos', refusing('gone')],
  // A pod that hangs is a fault.
  ['a pod not ready any more', 'fail healthy; fail healthy,to=*; fail latency<50ms', refusing('not-ready')],
  ['a silent pod not ready any more', 'unknown healthy', experiment().silence(3).pod(3, NOT_READY)],
  ['a pod that is not ready any more may be healthy', 'pass healthy', experiment().pod(3, NOT_READY)],
  ['a list that is not there', 'unknown healthy', experiment(), { discovery: statusOf({ phase: 'waiting' }) }],
  ['an old list', 'unknown healthy; fail failed', experiment(), STALE],
  ['only one pod ready', 'unknown latency<50ms; pass healthy,from=pod-0; pass healthy,self=only', left('starting')],
  ['only one pod left', 'pass healthy', left('gone')],
  ['a missing report elsewhere', 'pass healthy,from=pod-0; fail latency>1s', experiment().silence(1)],
  ['a starved report elsewhere', 'pass healthy,from=pod-0; fail latency>1s', experiment().starve(1)],
  ['a part of a report elsewhere', 'fail healthy; pass healthy,from=pod-0', restarted().set(2, 0, REFUSED)],
  ['a failure in a part', 'fail healthy,from=pod-1; fail latency<50ms,from=pod-1', restarted().set(1, 0, REFUSED)],
  // What is missing can change a median, and not a largest one.
  ['a median of a part', 'unknown latency>=200ms,from=pod-1; unknown latency<50ms,from=pod-1', restarted()],
  ['a p95 of a part', 'unknown latency<0.1ms,from=pod-1,stat=p95', restarted()],
  [
    'a maximum of a part',
    'fail latency<0.1ms,from=pod-1,stat=max; unknown latency>1s,from=pod-1,stat=max',
    restarted(),
  ],
  ['a missing own link', 'unknown healthy,self=only; pass healthy,self=exclude,to=pod-1', experiment().silence(1)],
  ['another own link', 'pass healthy,self=only,to=pod-2; unknown healthy,to=pod-2', experiment().silence(1)],
  // A pod that is expected to fail cannot report its link to itself.
  ['a missing report of a pod that shall fail', 'pass failed,to=pod-1; unknown failed,to=pod-1,self=only', dead()],
  ['a link not listed', 'unknown healthy; unknown healthy,self=exclude; pass healthy,self=only', unlisted(0, 2)],
  ['an own link that no report lists', 'unknown healthy,self=only; pass healthy,self=exclude', unlisted(2, 2)],
  ['other peers not selected', 'pass healthy,from=pod-2,to=pod-1; pass healthy,from=pod-1', differing()],
  ['other peers, and a failure', 'fail healthy', differing().set(0, 1, REFUSED)],
  // Its list may not be complete yet.
  ['other peers of a pod that is not ready', 'pass healthy', differing().pod(2, NOT_READY)],
  // A pod without a list pings nobody.
  ['other peers, with PING_NUMBER', 'unknown healthy', differing(), FEW_TARGETS],
  ['a link that is not listed, with PING_NUMBER', 'pass healthy', unlisted(0, 2), FEW_TARGETS],
])('%s: %s', (_, expected, builder, mesh = {}) => {
  const pairs = expected.split('; ').map((one) => one.split(' '));
  const { clauses } = answerFor(
    builder,
    pairs.map(([, clause = '']) => clause),
    mesh,
  );
  expect(clauses).toEqual(pairs.map(([verdict]) => verdict));
});

it.each<[expects: string, reason: string, MeshBuilder]>([
  ['healthy,to=nobody', 'no pod that is or was ready matches to=', experiment()],
  ['healthy,from=node:nowhere', 'no pod that is or was ready matches from=', experiment()],
  ['failed,to=zone:*,from=label:x=*', 'no pod that is or was ready matches from=', experiment()],
  ['healthy', 'healthy: no pod is or was ready', left('starting').pod(0, { lifecycle: 'starting' })],
  ['healthy,from=pod-0,to=pod-1,self=only', 'no link matches from=, to= and self=', experiment()],
  ['healthy,min=11', 'too few samples on 16 links, for example pod-0 → pod-0 (10 of 11)', experiment()],
  ['healthy,min=11', 'pod-0 → pod-0 (10 of 11, IPv6)', experiment().set(0, 0, { flags: FLAG_IPV6 })],
  ['healthy', 'on 1 link, for example pod-0 → goldpinger-chaos (0 of 1)', experiment().notYet(0, 3)],
  ['healthy', 'pod-0 → pod-2 (none)', unlisted(0, 2)],
  ['healthy', 'pod-0 → pod-1 (none to be believed)', doubted()],
  ['healthy', 'only 1 of 4 pods are or were ready, so only links of pods to themselves', left('starting')],
  ['healthy', 'pod-1 did not report (timeout), the state of its links is not known', experiment().silence(1)],
  ['healthy', 'the report of pod-1 is not trusted (starved), the state of its links', experiment().starve(1)],
  ['healthy,from=pod-1', 'pod-1 did not report the whole window (its memory begins at 12:00), the state', restarted()],
  ['healthy,to=pod-*', 'pod-2 knows a different set of pods than pod-0, so some links may not', differing()],
  ['healthy,from=pod-2', 'pod-2 knows a different set of pods than pod-0, so some links may not', differing()],
])('%s is not known: %s', (text, reason, builder) => {
  const answer = answerFor(builder, text);
  expect([answer.verdict, answer.reason]).toEqual(['unknown', expect.stringContaining(reason)]);
});

describe('the answer', () => {
  it('has the reason of the first clause that has the verdict', () => {
    const reason = 'healthy,to=pod:nobody: no pod that is or was ready matches to=';
    expect(answerFor(experiment(), ['healthy', 'healthy,to=nobody'])).toMatchObject({ ok: false, reason });
  });

  it.each<[string, MeshBuilder, object]>([
    ['a passive pod', experiment().silence(3, 'passive'), { links_checked: 12, links_failed: 0, missing_reports: [] }],
    ['a passive pod that is down', refusing().silence(3, 'passive'), { links_failed: 3, missing_reports: [] }],
    ['a pod of a cordoned node', cordoned(), { links_checked: 9, ignored_pods: ['goldpinger-chaos'] }],
    ['one ready pod', left('starting'), { links_checked: 1, missing_reports: [] }],
    ['a missing report', experiment().silence(1), { missing_reports: ['pod-1'] }],
    ['a starved report', experiment().starve(1), { missing_reports: ['pod-1'] }],
    ['a report of a part', restarted(), { missing_reports: ['pod-1'], links_checked: 16 }],
    ['an old ping of Goldpinger', goldpinger(WINDOW_MS + 1_000), { samples: 120 }],
  ])('counts links and names pods, with %s', (_, builder, expected) => {
    expect(answerFor(builder, 'healthy')).toMatchObject(expected);
  });

  it('says of a link that failed once in the window that it is neither healthy nor failed', () => {
    const builder = experiment();
    builder.reports[0]!.stats!.failures[1] = 2;
    const answer = answerFor(builder, ['healthy', 'failed,from=pod-0,to=pod-1']);
    expect(answer).toMatchObject({ clauses: ['fail', 'fail'], links_failed: 1 });
    expect(answer.violations.map(({ found }) => found)).toEqual(['2 of 10 probes failed, ok now', 'ok, 0.5 ms']);
  });

  it('counts suspect samples only on links without others', () => {
    const samplesWith = (suspect: number) => {
      const builder = experiment();
      for (const { stats } of builder.reports) stats?.suspect.fill(suspect);
      return answerFor(builder, 'healthy').samples;
    };
    expect([9, 10].map(samplesWith)).toEqual([16, 160]);
  });

  it('tells a link over IPv6 from that over IPv4', () => {
    const builder = experiment()
      .set(0, 1, { ...REFUSED, flags: FLAG_IPV6 })
      .set(0, 2, REFUSED);
    const found = answerFor(builder, 'healthy').violations.map((one) => one.found);
    expect(found).toEqual(['refused in connect (IPv6)', 'refused in connect']);
  });

  it('names at most 20 violations, and counts all', () => {
    const answer = answerFor(
      new MeshBuilder(30).each(() => true, REFUSED),
      'healthy',
    );
    expect(answer.violations).toHaveLength(20);
    expect(answer).toMatchObject({ links_failed: 870, links_checked: 900 });
  });

  it('has the arrival of the oldest report that a clause needs as generated_at', () => {
    const old = experiment().report(2, { atMs: NOW_MS - 1_500 });
    expect(answerFor(old, 'healthy').generated_at).toBe(new Date(NOW_MS - 1_500).toISOString());
    expect(answerFor(old, 'healthy,from=pod-1').generated_at).toBe(new Date(NOW_MS).toISOString());
  });
});

const RANGE = { past: { fromMs: NOW_MS - 30_000, toMs: NOW_MS, resolutionMs: 0 } };
it.each<[string, string, number, number, Partial<Mesh>]>([
  ['window=64s', 'healthy', 0.05, 30_000, {}],
  ['window=91s', 'healthy', 0.5, 64_000, {}],
  ['', 'healthy', 0.5, 91_000, {}],
  // The window has many rounds of pings, but not as many as the clause wants samples.
  ['window=668s', 'healthy,min=20', 0.05, 300_000, {}],
  ['a smaller min= (HISTORY_WINDOW is too short for it)', 'healthy,min=65535', 0.05, 300_000, {}],
  ['a time range of 64 s', 'healthy', 0.05, 30_000, RANGE],
  ['a longer time range or a smaller min=', 'loss<1%,min=500', 0.05, 300_000, {}],
])('too few samples: recommends what gives enough: %s for %s', (advice, expects, jitterFactor, windowMs, change) => {
  const settings = settingsOf({ refreshIntervalMs: 30_000, jitterFactor });
  const builder = experiment().withUdp().notYet(0, 1);
  const { verdict, reason } = answerFor(builder, expects, { settings, windowMs, ...change });
  expect([verdict, /ask for (.*)$/.exec(reason)?.[1] ?? '']).toEqual(['unknown', advice]);
});

describe('a time range of the past', () => {
  const past = { fromMs: NOW_MS - 90_000, toMs: NOW_MS - 60_000, resolutionMs: 30_000 };

  it('has the resolution of its summaries, and the time of its collection as generated_at', () => {
    const atEnd = experiment();
    for (const { pod } of atEnd.reports) atEnd.report(pod, { atMs: past.toMs });
    const generated_at = new Date(NOW_MS).toISOString();
    expect(answerFor(atEnd, 'healthy', { past })).toMatchObject({ verdict: 'pass', resolution_s: 30, generated_at });
  });

  it('is unknown if the pod list was old at its end', () => {
    const discovery = statusOf({ phase: 'stale', sinceMs: past.toMs - 1_000, lastGoodMs: past.toMs - 15_000 });
    const answer = answerFor(experiment(), 'healthy', { discovery, past });
    expect([answer.verdict, answer.reason]).toEqual(['unknown', expect.stringContaining('may be out of date')]);
  });
});
