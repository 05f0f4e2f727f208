import { describe, expect, it } from 'vitest';
import { FLAG_IPV6, FLAG_SUSPECT, pack16 } from '../../../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../../../server/protocol/mesh.ts';
import type { Lifecycle } from '../../../../server/protocol/pod.ts';
import { LATE_ANSWER, MeshBuilder, NOW_MS, podOf, settingsOf, statusOf } from '../../../support/mesh.ts';
import { answerFor, experiment, REFUSED, verdictFor, WINDOW_MS } from './scene.ts';

describe('experiment 2', () => {
  const slow = experiment((builder) => builder.each((_, to) => to === 3, LATE_ANSWER, true));
  const down = experiment((builder) => {
    builder.each((_, to) => to === 3, REFUSED, true);
    builder.silence(3, 'refused');
  });

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

  it('without the proxy: not healthy for certain, though a report is missing; the links into it have failed', () => {
    const answer = answerFor(down, 'healthy');
    expect(answer).toMatchObject({ verdict: 'fail', links_failed: 3, missing_reports: ['goldpinger-chaos'] });
    expect(answer.reason).toContain('pod-0 → goldpinger-chaos: refused in connect');
    const others = ['failed,to=goldpinger-chaos', 'latency>=200ms,to=goldpinger-chaos', 'failed'];
    expect(answerFor(down, others).clauses).toEqual(['pass', 'fail', 'fail']);
  });
});

it('a pod on a passive node is a destination, and no report of it is missing; of its own links nothing is known', () => {
  const passive = experiment((builder) => builder.silence(3, 'passive'));
  expect(answerFor(passive, 'healthy')).toMatchObject({ verdict: 'pass', missing_reports: [], links_checked: 12 });
  expect(verdictFor(passive, 'healthy,from=goldpinger-chaos')).toBe('unknown');
  passive.each((_, to) => to === 3, REFUSED);
  expect(answerFor(passive, 'healthy')).toMatchObject({ verdict: 'fail', links_failed: 3, missing_reports: [] });
});

it('a pod that is left out because its node is cordoned is selected only by its name, and the answer names it', () => {
  const mesh = experiment((builder) => {
    builder.each((_, to) => to === 3, REFUSED, true);
    builder.pods[3] = { ...podOf(3, builder.pods[3]), cordon: 'ignored' };
  });
  const answer = answerFor(mesh, 'healthy');
  expect(answer).toMatchObject({ verdict: 'pass', links_checked: 9, ignored_pods: ['goldpinger-chaos'] });
  expect(verdictFor(mesh, 'healthy,to=goldpinger-chaos')).toBe('fail');
});

describe('several clauses', () => {
  const nobody = 'healthy,to=nobody';

  it.each([
    [['healthy', nobody], 'unknown', ['pass', 'unknown']],
    [[nobody, 'healthy'], 'unknown', ['unknown', 'pass']],
    [['healthy', nobody, 'failed'], 'fail', ['pass', 'unknown', 'fail']],
  ])('%j: %s, because fail comes before unknown and unknown before pass', (expects, verdict, clauses) => {
    expect(answerFor(experiment(), expects)).toMatchObject({ ok: false, verdict, clauses });
  });

  it('give the reason of the first clause that has the verdict', () => {
    expect(answerFor(experiment(), ['healthy', nobody]).reason).toBe(
      'healthy,to=pod:nobody: no pod that is or was ready matches to=',
    );
  });
});

describe('which links count', () => {
  it('a link that failed once in the window is neither healthy nor failed', () => {
    const builder = experiment();
    builder.reports[0]!.stats!.failures[1] = 2;
    const answer = answerFor(builder, ['healthy', 'failed,from=pod-0,to=pod-1']);
    expect(answer).toMatchObject({ clauses: ['fail', 'fail'], links_failed: 1 });
    expect(answer.violations.map(({ found }) => found)).toEqual(['2 of 10 probes failed, ok now', 'ok, 0.5 ms']);
  });

  it.each([
    { suspect: 0, expects: 'healthy,min=10', verdict: 'pass', samples: 160 },
    { suspect: 9, expects: 'healthy,min=10', verdict: 'unknown', samples: 16 },
    { suspect: 9, expects: 'healthy', verdict: 'pass', samples: 16 },
    { suspect: 10, expects: 'healthy,min=10', verdict: 'pass', samples: 160 },
  ])('$suspect of 10 samples suspect, $expects: $verdict, because suspect samples count only without others', (row) => {
    const builder = experiment();
    for (const { stats } of builder.reports) stats?.suspect.fill(row.suspect);
    expect(answerFor(builder, row.expects)).toMatchObject({ verdict: row.verdict, samples: row.samples });
  });

  it('a report from Goldpinger has one sample for each link: the newest ping, if it is in the window', () => {
    const aged = (ageMs: number) =>
      experiment((builder) => {
        builder.set(0, 1, { connectUs: 0, firstByteUs: 70_000 });
        const [report] = builder.reports as [MergedReport];
        report.links.ageMs.fill(pack16(ageMs));
        builder.reports[0] = { ...report, via: 'check', stats: null };
      });
    const clauses = ['healthy', 'latency<50ms,from=pod-0', 'healthy,min=2'];
    expect(answerFor(aged(WINDOW_MS - 1_000), clauses).clauses).toEqual(['pass', 'fail', 'unknown']);
    expect(answerFor(aged(WINDOW_MS + 1_000), 'healthy')).toMatchObject({ verdict: 'unknown', samples: 120 });
  });

  it('names contain the namespace if several namespaces are watched', () => {
    const builder = experiment((one) => one.each((from, to) => from === 0 && to === 1, REFUSED));
    const discovery = statusOf({ namespace: '' });
    expect(answerFor(builder, 'healthy', { discovery }).violations[0]).toMatchObject({ from: 'default/pod-0' });
    expect(verdictFor(builder, 'failed,from=default/pod-0,to=*/pod-1')).toBe('pass');
  });

  it('a link over IPv6 is told from that over IPv4', () => {
    const builder = experiment((one) => {
      one.set(0, 1, { ...REFUSED, flags: FLAG_IPV6 });
      one.set(0, 2, REFUSED);
    });
    expect(answerFor(builder, 'healthy').violations.map(({ found }) => found)).toEqual([
      'refused in connect (IPv6)',
      'refused in connect',
    ]);
    const few = experiment((one) => one.set(0, 0, { flags: FLAG_IPV6 }));
    expect(answerFor(few, 'healthy,min=11').reason).toContain('pod-0 → pod-0 (10 of 11, IPv6)');
  });

  it('enough samples that are not believed are not called too few', () => {
    const builder = experiment((one) => one.set(0, 1, { ...REFUSED, flags: FLAG_SUSPECT }));
    builder.reports[0]!.stats!.failures.fill(0);
    expect(answerFor(builder, 'healthy').reason).toContain('pod-0 → pod-1 (none to be believed)');
  });

  it('at most 20 violations are named, and all are counted', () => {
    const builder = new MeshBuilder(30);
    builder.each(() => true, REFUSED);
    const answer = answerFor(builder, 'healthy');
    expect(answer.violations).toHaveLength(20);
    expect(answer).toMatchObject({ links_failed: 870, links_checked: 900 });
  });
});

describe('links into a pod', () => {
  const failing = (lifecycle: Lifecycle) => {
    const builder = experiment((one) => one.each((_, to) => to === 3, REFUSED, true));
    builder.pods[3] = podOf(3, { name: 'goldpinger-chaos', lifecycle });
    return builder;
  };

  it.each(['starting', 'terminating'] as const)('that is %s do not count unless the pod is named', (lifecycle) => {
    expect(verdictFor(failing(lifecycle), ['healthy', 'healthy,to=*'])).toBe('pass');
    expect(verdictFor(failing(lifecycle), 'failed,to=goldpinger-chaos')).toBe('pass');
  });

  it('that is gone do not count', () => {
    expect(verdictFor(failing('gone'), 'healthy')).toBe('pass');
    expect(verdictFor(failing('gone'), 'failed,to=goldpinger-chaos')).toBe('unknown');
  });

  it('that is not ready any more do count: a pod that hangs is a fault', () => {
    const clauses = ['healthy', 'healthy,to=*', 'latency<50ms'];
    expect(answerFor(failing('not-ready'), clauses).clauses).toEqual(['fail', 'fail', 'fail']);
    const silent = experiment((builder) => builder.silence(3));
    silent.pods[3] = podOf(3, { lifecycle: 'not-ready' });
    expect(verdictFor(silent, 'healthy')).toBe('unknown');
    const fine = experiment();
    fine.pods[3] = podOf(3, { lifecycle: 'not-ready' });
    expect(verdictFor(fine, 'healthy')).toBe('pass');
  });
});

describe('never pass on nothing', () => {
  it.each([
    ['healthy,to=nobody', 'no pod that is or was ready matches to='],
    ['healthy,from=node:nowhere', 'no pod that is or was ready matches from='],
    ['failed,to=zone:*,from=label:x=*', 'no pod that is or was ready matches from='],
    ['healthy,from=pod-0,to=pod-1,self=only', 'no link matches from=, to= and self='],
    ['healthy,min=11', 'too few samples on 16 links, for example pod-0 → pod-0 (10 of 11)'],
  ])('%s: %s', (text, reason) => {
    const answer = answerFor(experiment(), text);
    expect(answer.verdict).toBe('unknown');
    expect(answer.reason).toContain(reason);
  });

  it('if no pod was ready', () => {
    const starting = experiment(({ pods }) => {
      for (const pod of pods.keys()) pods[pod] = podOf(pod, { lifecycle: 'starting' });
    });
    expect(answerFor(starting, 'healthy')).toMatchObject({
      verdict: 'unknown',
      reason: 'healthy: no pod is or was ready',
    });
  });

  it('if a pod has not been pinged yet, or a report does not list it', () => {
    const builder = experiment((one) => one.notYet(0, 3));
    expect(answerFor(builder, 'healthy').reason).toContain(
      'too few samples on 1 link, for example pod-0 → goldpinger-chaos (0 of 1)',
    );
    builder.pods.push(podOf(4));
    builder.reports.push({ ...builder.reports[0]!, pod: 4 });
    expect(answerFor(builder, 'healthy,from=pod-1').reason).toContain('pod-1 → pod-4 (none)');
    expect(verdictFor(builder, 'healthy,from=pod-1', { settings: settingsOf({ pingNumber: 3 }) })).toBe('pass');
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
  ])('and recommends what gives enough samples: %s for %s', (advice, expects, jitterFactor, windowMs, change) => {
    const builder = experiment().withUdp();
    builder.notYet(0, 1);
    const settings = settingsOf({ refreshIntervalMs: 30_000, jitterFactor });
    const { verdict, reason } = answerFor(builder, expects, { settings, windowMs, ...change });
    expect([verdict, /ask for (.*)$/.exec(reason)?.[1] ?? '']).toEqual(['unknown', advice]);
  });

  it('while the pod list has not been received or is old', () => {
    const stale = { discovery: statusOf({ phase: 'stale' }) };
    const lastError = { fault: 'refused' as const, message: 'refused', atMs: NOW_MS };
    expect(verdictFor(experiment(), 'healthy', { discovery: statusOf({ phase: 'waiting' }) })).toBe('unknown');
    expect(verdictFor(experiment(), 'healthy', stale)).toBe('unknown');
    expect(verdictFor(experiment(), 'healthy', { discovery: statusOf({ lastError }) })).toBe('pass');
    expect(verdictFor(experiment(), 'failed', stale)).toBe('fail');
  });

  it('if the only pod that is ready pings itself', () => {
    const left = (lifecycle: 'starting' | 'gone') =>
      experiment((builder) => {
        for (const pod of [1, 2, 3]) {
          builder.pods[pod] = podOf(pod, { lifecycle });
          builder.silence(pod, 'refused');
        }
      });
    const answer = answerFor(left('starting'), 'healthy');
    expect(answer).toMatchObject({ verdict: 'unknown', links_checked: 1, missing_reports: [] });
    expect(answer.reason).toContain('only 1 of 4 pods are or were ready, so only links of pods to themselves');
    const others = ['latency<50ms', 'healthy,from=pod-0', 'healthy,self=only'];
    expect(answerFor(left('starting'), others).clauses).toEqual(['unknown', 'pass', 'pass']);
    expect(verdictFor(left('gone'), 'healthy')).toBe('pass');
  });
});

describe('a report that is missing', () => {
  const silent = (builder: MeshBuilder) => builder.silence(1);

  it.each([
    ['pod-1 did not report (timeout)', silent],
    ['the report of pod-1 is not trusted (starved)', (builder: MeshBuilder) => builder.starve(1)],
  ])('makes the verdict unknown unless a reported link violates the clause: %s', (why, change) => {
    const builder = experiment(change);
    const reason = `healthy: ${why}, the state of its links is not known`;
    expect(answerFor(builder, 'healthy')).toMatchObject({ verdict: 'unknown', reason, missing_reports: ['pod-1'] });
    expect(answerFor(builder, ['healthy,from=pod-0', 'latency>1s']).clauses).toEqual(['pass', 'fail']);
  });

  /** pod-1 restarted 5 s ago; its links are as `change` says. */
  const restarted = (change: (builder: MeshBuilder) => void = () => {}) => {
    const builder = experiment(change);
    builder.reports[1] = { ...builder.reports[1]!, missingDetail: 'its memory begins at 12:00' };
    return builder;
  };

  it('is one that does not cover the whole window', () => {
    const builder = restarted((one) => one.set(2, 0, REFUSED));
    const answer = answerFor(builder, 'healthy,from=pod-1');
    expect(answer).toMatchObject({ verdict: 'unknown', missing_reports: ['pod-1'], links_checked: 4 });
    // The text is true of a memory that begins late, and of a copy that ends early.
    expect(answer.reason).toContain(
      'pod-1 did not report the whole window (its memory begins at 12:00), the state of its links in the rest of it is not known',
    );
    expect(answerFor(builder, ['healthy', 'healthy,from=pod-0']).clauses).toEqual(['fail', 'pass']);
    const failing = restarted((one) => one.set(1, 0, REFUSED));
    expect(answerFor(failing, ['healthy,from=pod-1', 'latency<50ms,from=pod-1']).clauses).toEqual(['fail', 'fail']);
  });

  it.each([
    ['latency>=200ms', 'unknown'],
    ['latency<0.1ms', 'unknown'],
    ['latency<0.1ms,stat=p95', 'unknown'],
    ['latency<0.1ms,stat=max', 'fail'],
    ['latency>=200ms,stat=max', 'unknown'],
    ['latency<50ms', 'unknown'],
  ])('in part: %s: %s, because what is missing can change a median, and not a largest one', (text, verdict) => {
    expect(verdictFor(restarted(), `${text},from=pod-1`)).toBe(verdict);
  });

  it('leaves a share open only if it can change it', () => {
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
    expect(answerFor(failing(2, silent), limits, oftenPinged).clauses).toEqual(verdicts);
    expect(answerFor(failing(10, silent), 'success>=99%', oftenPinged)).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining('95% of 3,800 samples are ok'),
    });
    // A part of a report is missing; or its pings go over both IP families.
    const partly = failing(2, ({ reports }) => reports.splice(1, 1, { ...reports[1]!, missingDetail: 'words' }));
    expect(verdictFor(partly, 'success>=99.05%', oftenPinged)).toBe('unknown');
    const dual = failing(2, (builder) => {
      silent(builder);
      builder.reports[0]!.links.flags.fill(FLAG_IPV6);
    });
    expect(verdictFor(dual, 'success>=99.06%', oftenPinged)).toBe('unknown');
  });

  it.each([
    ['healthy,self=only', 'unknown', 'its link to itself is selected'],
    ['healthy,self=exclude,to=pod-1', 'pass', 'its only selected link would be the excluded one to itself'],
    ['healthy,to=pod-1', 'unknown', 'its link to itself is selected'],
    ['healthy,self=only,to=pod-2', 'pass', 'only the link of another pod to itself is selected'],
    ['healthy,self=exclude,to=pod-2', 'unknown', 'its link to that pod is selected'],
    ['failed,to=pod-1', 'pass', 'a pod that is expected to fail cannot report its link to itself'],
    ['failed,to=pod-1,self=only', 'unknown', 'no other link is selected'],
  ])('%s: %s, because %s', (text, expected) => {
    const isDown = text.startsWith('failed');
    const builder = experiment((one) => one.each((_, to) => isDown && to === 1, REFUSED));
    silent(builder);
    expect(verdictFor(builder, text)).toBe(expected);
  });
});

describe('a link that no report lists', () => {
  /** Link `from` → `to` is replaced by a second one to the pod after it. */
  const unlisted = (from: number, to: number) =>
    experiment(({ reports }) => {
      reports[from]!.links.to[(to - from + 4) % 4] = (to + 1) % 4;
    });

  it.each([
    ['healthy', 0, 2, 'unknown'],
    ['healthy,self=exclude', 0, 2, 'unknown'],
    ['healthy,self=only', 0, 2, 'pass'],
    ['healthy,self=only', 2, 2, 'unknown'],
    ['healthy,self=exclude', 2, 2, 'pass'],
  ])('%s without link %i → %i: %s', (text, from, to, verdict) => {
    expect(verdictFor(unlisted(from, to), text)).toBe(verdict);
  });
});

describe('a pod that knows other peers than the serving pod', () => {
  const differing = (change: (builder: MeshBuilder) => void = () => {}) => {
    const builder = new MeshBuilder(4);
    change(builder);
    builder.reports[2] = { ...builder.reports[2]!, samePeers: false };
    return builder;
  };

  it.each(['healthy', 'latency<50ms,to=pod-*', 'healthy,from=pod-2', 'healthy,from=node:*,to=pod-1'])(
    'makes the verdict unknown: %s',
    (text) => {
      const { verdict, reason } = answerFor(differing(), text);
      expect(verdict).toBe('unknown');
      expect(reason).toContain(': pod-2 knows a different set of pods than pod-0, so some links may not');
    },
  );

  it.each(['healthy,from=pod-2,to=pod-1', 'healthy,from=pod-1', 'healthy,from=pod-0,to=node:*'])(
    'does not matter if no other pod can be selected: %s',
    (text) => expect(verdictFor(differing(), text)).toBe('pass'),
  );

  it('does not change a certain fail, nor matter while it is not ready: its list may not be complete yet', () => {
    const failing = differing((builder) => builder.set(0, 1, REFUSED));
    expect(verdictFor(failing, 'healthy')).toBe('fail');
    const notReady = differing(({ pods }) => pods.splice(2, 1, podOf(2, { lifecycle: 'not-ready' })));
    expect(verdictFor(notReady, 'healthy')).toBe('pass');
  });

  it('matters with PING_NUMBER too: a pod without a list pings nobody', () => {
    const settings = settingsOf({ refreshIntervalMs: 2_000, pingNumber: 2 });
    expect(verdictFor(differing(), 'healthy', { settings })).toBe('unknown');
  });
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
