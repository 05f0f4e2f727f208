import { describe, expect, it } from 'vitest';
import { FLAG_IPV6, FLAG_SUSPECT, pack16 } from '../../../../server/protocol/links.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import type { Lifecycle } from '../../../../server/protocol/pod.ts';
import { LATE_ANSWER, MeshBuilder, NOW_MS, settingsOf, statusOf } from '../../../support/mesh.ts';
import { both, type Change, each, pod, report, set, silence } from '../changes.ts';
import { answerFor, experiment, failed, fine, REFUSED, verdictFor, WINDOW_MS } from './scene.ts';

/** goldpinger-chaos refuses, itself included. */
const refusing: Change = (builder) => builder.each((_, to) => to === 3, REFUSED, true);
const refusingIn = (lifecycle: Lifecycle) => both(refusing, pod(3, { lifecycle }));
const cordoned = both(refusing, pod(3, { cordon: 'ignored' }));
const restarted = report(1, { missingDetail: 'its memory begins at 12:00' });
const differing = report(2, { samePeers: false });
/** Link `from` → `to` is replaced by a second one to the pod after it. */
const unlisted =
  (from: number, to: number): Change =>
  ({ reports }) => {
    reports[from]!.links.to[(to - from + 4) % 4] = (to + 1) % 4;
  };
/** The report of pod-0 is from Goldpinger, and so old. */
const goldpinger = (ageMs: number) =>
  both(
    set(0, 1, { connectUs: 0, firstByteUs: 70_000 }),
    ({ reports }) => reports[0]!.links.ageMs.fill(pack16(ageMs)),
    report(0, { via: 'check', stats: null }),
  );
/** Only pod-0 is ready; the others are in this stage, and do not report. */
const left = (lifecycle: Lifecycle) =>
  both(...[1, 2, 3].flatMap((i) => [pod(i, { lifecycle }), silence(i, 'refused')]));
const starting = refusingIn('starting');
/** pod-1 refuses and does not report. */
const dead = both(
  each((_, to) => to === 1, REFUSED),
  silence(1),
);
const STALE = { discovery: statusOf({ phase: 'stale' }) };
const FEW_TARGETS = { settings: settingsOf({ refreshIntervalMs: 2_000, pingNumber: 2 }) };

describe('experiment 2', () => {
  const slow = experiment((builder) => builder.each((_, to) => to === 3, LATE_ANSWER, true));

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
    expect(
      verdictFor(slow, [
        'healthy',
        'latency>=200ms,to=pod:goldpinger-chaos,self=exclude',
        'latency>=200ms,to=label:chaos=true',
        'latency<50ms,from=goldpinger-chaos,self=exclude',
      ]),
    ).toBe('pass');
    const answer = answerFor(slow, ['healthy', 'latency<50ms']);
    expect(answer).toMatchObject({ verdict: 'fail', clauses: ['pass', 'fail'] });
    expect(answer.reason).toBe('latency<50ms: violated on 4 of 16 links, for example pod-0 → goldpinger-chaos: 251 ms');
    expect(answer.violations).toHaveLength(4);
    const first = { clause: 'latency<50ms', from: 'pod-0', to: 'goldpinger-chaos', found: '251 ms', samples: 10 };
    expect(answer.violations[0]).toEqual(first);
  });
});

/** What some clauses are judged to be, in a mesh of four pods after a change. */
it.each<[title: string, expected: string, change: Change, mesh?: Partial<Mesh>]>([
  ['a pod on a passive node says nothing of its links', 'unknown healthy,from=goldpinger-chaos', silence(3, 'passive')],
  ['a pod of a cordoned node counts only by its name', 'pass healthy; fail healthy,to=goldpinger-chaos', cordoned],
  [
    'a failed pod that is silent',
    'fail healthy; pass failed,to=goldpinger-chaos',
    both(refusing, silence(3, 'refused')),
  ],
  ['fail comes before unknown', 'pass healthy; unknown healthy,to=nobody; fail failed', fine],
  [
    'Goldpinger has one sample',
    'pass healthy; fail latency<50ms,from=pod-0; unknown healthy,min=2',
    goldpinger(29_000),
  ],
  ['pods may be named with their namespace', 'pass failed,from=default/pod-0,to=*/pod-1', failed(0, 1)],
  ['a starting pod counts by its name', 'pass healthy; pass healthy,to=*; pass failed,to=goldpinger-chaos', starting],
  ['a pod that is gone never counts', 'pass healthy; unknown failed,to=goldpinger-chaos', refusingIn('gone')],
  // A pod that hangs is a fault.
  ['a pod not ready any more', 'fail healthy; fail healthy,to=*; fail latency<50ms', refusingIn('not-ready')],
  ['a silent pod not ready any more', 'unknown healthy', both(silence(3), pod(3, { lifecycle: 'not-ready' }))],
  ['a pod that is not ready any more may be healthy', 'pass healthy', pod(3, { lifecycle: 'not-ready' })],
  ['a list that is not there', 'unknown healthy', fine, { discovery: statusOf({ phase: 'waiting' }) }],
  ['an old list', 'unknown healthy; fail failed', fine, STALE],
  ['only one pod ready', 'unknown latency<50ms; pass healthy,from=pod-0; pass healthy,self=only', left('starting')],
  ['only one pod left', 'pass healthy', left('gone')],
  ['a missing report, where it does not matter', 'pass healthy,from=pod-0; fail latency>1s', silence(1)],
  ['a starved report, where it does not matter', 'pass healthy,from=pod-0; fail latency>1s', (one) => one.starve(1)],
  ['a part of a report, elsewhere', 'fail healthy; pass healthy,from=pod-0', both(restarted, failed(2, 0))],
  ['a failure in a part', 'fail healthy,from=pod-1; fail latency<50ms,from=pod-1', both(restarted, failed(1, 0))],
  // What is missing can change a median, and not a largest one.
  ['a median of a part', 'unknown latency>=200ms,from=pod-1; unknown latency<50ms,from=pod-1', restarted],
  ['a p95 of a part', 'unknown latency<0.1ms,from=pod-1,stat=p95', restarted],
  ['a maximum of a part', 'fail latency<0.1ms,from=pod-1,stat=max; unknown latency>1s,from=pod-1,stat=max', restarted],
  ['a missing report, and its own link', 'unknown healthy,self=only; pass healthy,self=exclude,to=pod-1', silence(1)],
  ['a missing report, and another own link', 'pass healthy,self=only,to=pod-2; unknown healthy,to=pod-2', silence(1)],
  // A pod that is expected to fail cannot report its link to itself.
  ['a missing report of a pod that shall fail', 'pass failed,to=pod-1; unknown failed,to=pod-1,self=only', dead],
  [
    'a link that no report lists',
    'unknown healthy; unknown healthy,self=exclude; pass healthy,self=only',
    unlisted(0, 2),
  ],
  ['an own link that no report lists', 'unknown healthy,self=only; pass healthy,self=exclude', unlisted(2, 2)],
  ['other peers that cannot be selected', 'pass healthy,from=pod-2,to=pod-1; pass healthy,from=pod-1', differing],
  ['other peers, and a failure', 'fail healthy', both(differing, failed(0, 1))],
  // Its list may not be complete yet.
  ['other peers of a pod that is not ready', 'pass healthy', both(differing, pod(2, { lifecycle: 'not-ready' }))],
  // A pod without a list pings nobody.
  ['other peers, with PING_NUMBER', 'unknown healthy', differing, FEW_TARGETS],
  ['a link that is not listed, with PING_NUMBER', 'pass healthy', unlisted(0, 2), FEW_TARGETS],
])('%s: %s', (_, expected, change, mesh = {}) => {
  const pairs = expected.split('; ').map((one) => one.split(' ') as [verdict: string, clause: string]);
  const { clauses } = answerFor(
    experiment(change),
    pairs.map(([, clause]) => clause),
    mesh,
  );
  expect(clauses).toEqual(pairs.map(([verdict]) => verdict));
});

it.each<[expects: string, reason: string, change: Change]>([
  ['healthy,to=nobody', 'no pod that is or was ready matches to=', fine],
  ['healthy,from=node:nowhere', 'no pod that is or was ready matches from=', fine],
  ['failed,to=zone:*,from=label:x=*', 'no pod that is or was ready matches from=', fine],
  ['healthy', 'healthy: no pod is or was ready', both(pod(0, { lifecycle: 'starting' }), left('starting'))],
  ['healthy,from=pod-0,to=pod-1,self=only', 'no link matches from=, to= and self=', fine],
  ['healthy,min=11', 'too few samples on 16 links, for example pod-0 → pod-0 (10 of 11)', fine],
  ['healthy,min=11', 'pod-0 → pod-0 (10 of 11, IPv6)', set(0, 0, { flags: FLAG_IPV6 })],
  ['healthy', 'too few samples on 1 link, for example pod-0 → goldpinger-chaos (0 of 1)', (one) => one.notYet(0, 3)],
  ['healthy', 'pod-0 → pod-2 (none)', unlisted(0, 2)],
  [
    'healthy',
    'pod-0 → pod-1 (none to be believed)',
    both(set(0, 1, { ...REFUSED, flags: FLAG_SUSPECT }), ({ reports }) => reports[0]!.stats!.failures.fill(0)),
  ],
  ['healthy', 'only 1 of 4 pods are or were ready, so only links of pods to themselves', left('starting')],
  ['healthy', 'pod-1 did not report (timeout), the state of its links is not known', silence(1)],
  ['healthy', 'the report of pod-1 is not trusted (starved), the state of its links is', (one) => one.starve(1)],
  ['healthy,from=pod-1', 'pod-1 did not report the whole window (its memory begins at 12:00), the state', restarted],
  ['healthy,to=pod-*', 'pod-2 knows a different set of pods than pod-0, so some links may not', differing],
  ['healthy,from=pod-2', 'pod-2 knows a different set of pods than pod-0, so some links may not', differing],
])('%s is not known: %s', (text, reason, change) => {
  const answer = answerFor(experiment(change), text);
  expect([answer.verdict, answer.reason]).toEqual(['unknown', expect.stringContaining(reason)]);
});

describe('the answer', () => {
  it('has the reason of the first clause that has the verdict', () => {
    const reason = 'healthy,to=pod:nobody: no pod that is or was ready matches to=';
    expect(answerFor(experiment(), ['healthy', 'healthy,to=nobody'])).toMatchObject({ ok: false, reason });
  });

  it.each<[string, Change, object]>([
    ['a pod on a passive node', silence(3, 'passive'), { links_checked: 12, links_failed: 0, missing_reports: [] }],
    [
      'a pod on a passive node that is down',
      both(refusing, silence(3, 'passive')),
      { links_failed: 3, missing_reports: [] },
    ],
    ['a pod of a cordoned node', cordoned, { links_checked: 9, ignored_pods: ['goldpinger-chaos'] }],
    ['one ready pod', left('starting'), { links_checked: 1, missing_reports: [] }],
    ['a missing report', silence(1), { missing_reports: ['pod-1'] }],
    ['a starved report', (one) => one.starve(1), { missing_reports: ['pod-1'] }],
    ['a report of a part', restarted, { missing_reports: ['pod-1'], links_checked: 16 }],
    ['an old ping of Goldpinger', goldpinger(WINDOW_MS + 1_000), { samples: 120 }],
  ])('counts links and names pods, with %s', (_, change, expected) => {
    expect(answerFor(experiment(change), 'healthy')).toMatchObject(expected);
  });

  it('says of a link that failed once in the window that it is neither healthy nor failed', () => {
    const builder = experiment();
    builder.reports[0]!.stats!.failures[1] = 2;
    const answer = answerFor(builder, ['healthy', 'failed,from=pod-0,to=pod-1']);
    expect(answer).toMatchObject({ clauses: ['fail', 'fail'], links_failed: 1 });
    expect(answer.violations.map(({ found }) => found)).toEqual(['2 of 10 probes failed, ok now', 'ok, 0.5 ms']);
  });

  it.each([
    { suspect: 9, verdict: 'unknown', samples: 16 },
    { suspect: 10, verdict: 'pass', samples: 160 },
  ])('counts suspect samples only on links without others: $suspect of 10', ({ suspect, ...expected }) => {
    const builder = experiment();
    for (const { stats } of builder.reports) stats?.suspect.fill(suspect);
    expect(answerFor(builder, 'healthy,min=10')).toMatchObject(expected);
  });

  it('tells a link over IPv6 from that over IPv4', () => {
    const builder = experiment(set(0, 1, { ...REFUSED, flags: FLAG_IPV6 }));
    builder.set(0, 2, REFUSED);
    const { violations } = answerFor(builder, 'healthy');
    expect(violations).toMatchObject([
      { from: 'pod-0', found: 'refused in connect (IPv6)' },
      { from: 'pod-0', found: 'refused in connect' },
    ]);
  });

  it('names at most 20 violations, and counts all', () => {
    const builder = new MeshBuilder(30);
    builder.each(() => true, REFUSED);
    const answer = answerFor(builder, 'healthy');
    expect(answer.violations).toHaveLength(20);
    expect(answer).toMatchObject({ links_failed: 870, links_checked: 900 });
  });
});

it.each<[string, string, number, number, Partial<Mesh>]>([
  ['window=64s', 'healthy', 0.05, 30_000, {}],
  ['window=91s', 'healthy', 0.5, 64_000, {}],
  ['', 'healthy', 0.5, 91_000, {}],
  // The window has many rounds of pings, but not as many as the clause wants samples.
  ['window=668s', 'healthy,min=20', 0.05, 300_000, {}],
  ['a smaller min= (HISTORY_WINDOW is too short for it)', 'healthy,min=65535', 0.05, 300_000, {}],
  [
    'a time range of 64 s',
    'healthy',
    0.05,
    30_000,
    { past: { fromMs: NOW_MS - 30_000, toMs: NOW_MS, resolutionMs: 0 } },
  ],
  ['a longer time range or a smaller min=', 'loss<1%,min=500', 0.05, 300_000, {}],
])('too few samples: recommends what gives enough: %s for %s', (advice, expects, jitterFactor, windowMs, change) => {
  const builder = experiment().withUdp();
  builder.notYet(0, 1);
  const settings = settingsOf({ refreshIntervalMs: 30_000, jitterFactor });
  const { verdict, reason } = answerFor(builder, expects, { settings, windowMs, ...change });
  expect([verdict, /ask for (.*)$/.exec(reason)?.[1] ?? '']).toEqual(['unknown', advice]);
});

it('a missing report leaves a share open only if it can change it', () => {
  /** 20 pods; `failures` of 10 samples of each link into pod-3 failed, and pod-1 does not report. */
  const failing = (failures: number, change: (builder: MeshBuilder) => void) => {
    const builder = new MeshBuilder(20);
    for (const [from, { stats }] of builder.reports.entries()) {
      const link = (3 - from + 20) % 20;
      stats?.failures.fill(failures, link, link + 1);
    }
    change(builder);
    return builder;
  };
  const oftenPinged = { settings: settingsOf({ refreshIntervalMs: 3_000 }) };
  // 38 of 3,800 samples failed, and up to 12 samples of each of 20 links are missing: from 38 to 278 of 4,040.
  const limits = ['success>=99%', 'success>=99.05%', 'success>=99.06%', 'success<93.2%', 'success<93.1%'];
  const verdicts = ['unknown', 'unknown', 'fail', 'unknown', 'fail'];
  expect(answerFor(failing(2, silence(1)), limits, oftenPinged).clauses).toEqual(verdicts);
  expect(answerFor(failing(10, silence(1)), 'success>=99%', oftenPinged)).toMatchObject({
    verdict: 'fail',
    reason: expect.stringContaining('95% of 3,800 samples are ok'),
  });
  // A part of a report is missing; or its pings go over both IP families.
  const partly = failing(2, ({ reports }) => reports.splice(1, 1, { ...reports[1]!, missingDetail: 'words' }));
  expect(verdictFor(partly, 'success>=99.05%', oftenPinged)).toBe('unknown');
  const dual = failing(2, (builder) => {
    silence(1)(builder);
    builder.reports[0]!.links.flags.fill(FLAG_IPV6);
  });
  expect(verdictFor(dual, 'success>=99.06%', oftenPinged)).toBe('unknown');
});

it('generated_at is the arrival of the oldest report that a clause needs', () => {
  const old = experiment(({ reports }) => {
    reports[2] = { ...reports[2]!, atMs: NOW_MS - 1_500 };
  });
  expect(answerFor(old, 'healthy').generated_at).toBe(new Date(NOW_MS - 1_500).toISOString());
  expect(answerFor(old, 'healthy,from=pod-1').generated_at).toBe(new Date(NOW_MS).toISOString());
});

describe('a time range of the past', () => {
  const past = { fromMs: NOW_MS - 90_000, toMs: NOW_MS - 60_000, resolutionMs: 0 };

  it('has the resolution of its summaries', () => {
    const coarse = { ...past, resolutionMs: 30_000 };
    const resolutions = [past, coarse].map((one) => answerFor(experiment(), 'healthy', { past: one }).resolution_s);
    expect(resolutions).toEqual([0, 30]);
  });

  it('is unknown if the pod list was old at its end', () => {
    const discovery = statusOf({ phase: 'stale', sinceMs: past.toMs - 1_000, lastGoodMs: past.toMs - 15_000 });
    const answer = answerFor(experiment(), 'healthy', { discovery, past });
    expect([answer.verdict, answer.reason]).toEqual(['unknown', expect.stringContaining('may be out of date')]);
  });

  it('has the time of its collection as generated_at', () => {
    const atEnd = experiment(({ reports }) => {
      for (const [i, report] of reports.entries()) reports[i] = { ...report, atMs: past.toMs };
    });
    const answer = answerFor(atEnd, 'healthy', { past });
    expect([answer.verdict, answer.generated_at]).toEqual(['pass', new Date(NOW_MS).toISOString()]);
  });
});
