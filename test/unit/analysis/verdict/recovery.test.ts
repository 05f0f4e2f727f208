import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lostPodsOf } from '../../../../server/analysis/lost-pods.ts';
import { comparesShare, parseClause } from '../../../../server/analysis/verdict/parse-clause.ts';
import { emptyLinks, FLAG_SUSPECT, NONE16, pack16 } from '../../../../server/protocol/links.ts';
import type { Pod } from '../../../../server/protocol/pod.ts';
import { runToEnd } from '../../../support/generator.ts';
import { MeshBuilder, meshOf, NOW_MS, podOf, settingsOf, statusOf } from '../../../support/mesh.ts';
import { answerFor, REFUSED, verdictFor } from './scene.ts';

const LOST_MS = NOW_MS - 20_000;
const PINGED_OFTEN = settingsOf({ refreshIntervalMs: 2_000 });
const GONE = { owner: 'rs', lifecycle: 'gone', sinceMs: LOST_MS, replacedBy: 'uid-4' } as const;

/** Pod 3 was lost 20 s ago; pod 4 took its place, was ready 2 s later, and every link to it is ok since 3 s after the loss. */
function killed(change: (builder: MeshBuilder) => void = () => {}, lost: Partial<Pod> = {}): MeshBuilder {
  const builder = new MeshBuilder(5);
  for (const { links } of builder.reports) links.sinceMs.fill(pack16(17_000));
  builder.pods[3] = podOf(3, { ...GONE, ...lost });
  builder.pods[4] = podOf(4, { owner: 'rs', createdMs: LOST_MS, sinceMs: LOST_MS + 2_000 });
  builder.silence(3, 'not-asked');
  change(builder);
  return builder;
}

describe('recovered', () => {
  it('holds if each lost pod was replaced and every link to the replacement is ok within the limit', () => {
    expect(answerFor(killed(), 'recovered<30s')).toMatchObject({
      verdict: 'pass',
      reason: '',
      expect: ['recovered<30s'],
    });
    expect(answerFor(killed(), ['recovered<=3s', 'healthy']).clauses).toEqual(['pass', 'pass']);
  });

  it('names the lost pod and the time if it took longer', () => {
    const slow = killed((one) => one.set(1, 4, { sinceMs: 12_000 }));
    const answer = answerFor(slow, 'recovered<3s', { settings: PINGED_OFTEN });
    const found = 'replaced by pod-4, healthy after 8.0 s';
    expect(answer).toMatchObject({
      verdict: 'fail',
      reason: `recovered<3s: violated by 1 of 1 lost pod, for example pod-3: ${found}`,
      violations: [{ clause: 'recovered<3s', from: '', to: 'pod-3', found, samples: 0 }],
    });
    const ready = killed(({ pods }) => pods.splice(4, 1, podOf(4, { owner: 'rs', sinceMs: LOST_MS + 4_000 })));
    expect(verdictFor(ready, 'recovered<3s', { settings: settingsOf() })).toBe('fail');
  });

  it('is not known if the limit lies between the first ping that is ok and the one before', () => {
    const slow = killed((one) => one.set(1, 4, { sinceMs: 12_000 }));
    const settings = settingsOf();
    expect(answerFor(slow, 'recovered<3s', { settings })).toMatchObject({
      verdict: 'unknown',
      reason:
        'recovered<3s: pod-3 was lost 20 s ago: replaced by pod-4, healthy after 8.0 s or up to 6.0 s sooner, because it was not pinged in between',
    });
    expect(verdictFor(slow, 'recovered<9s', { settings })).toBe('pass');
    const failing = killed((one) => one.set(1, 4, { ...REFUSED, ageMs: 15_000 }));
    expect(verdictFor(failing, 'recovered<6s', { settings })).toBe('unknown');
    expect(verdictFor(failing, 'recovered<5s', { settings })).toBe('fail');
  });

  it('is not known if the loss was noticed so late that it may have begun before the limit', () => {
    const late = killed(() => {}, { unseenMs: 45_000 });
    expect(answerFor(late, 'recovered<30s')).toMatchObject({
      verdict: 'unknown',
      reason:
        'recovered<30s: pod-3 was lost 20 s ago, or up to 45 s earlier, because the Kubernetes API had not told: replaced by pod-4, healthy after 3.0 s',
    });
    expect(verdictFor(late, 'recovered<49s')).toBe('pass');
    const failing = killed((one) => one.set(1, 4, REFUSED), { unseenMs: 45_000 });
    expect(verdictFor(failing, 'recovered<10s')).toBe('fail');
  });

  it('counts a sample that is ok even if it is unreliable: a busy machine does not lengthen the recovery', () => {
    const busy = killed(({ reports }) => {
      for (const { links } of reports) links.flags.fill(FLAG_SUSPECT);
    });
    expect(verdictFor(busy, 'recovered<=3s')).toBe('pass');
  });

  it.each<[found: string, change: (builder: MeshBuilder) => void]>([
    ['not replaced', ({ pods }) => pods.splice(3, 1, podOf(3, { ...GONE, replacedBy: '' }))],
    [
      'replaced by pod-4, which is not ready',
      ({ pods }) => pods.splice(4, 1, podOf(4, { owner: 'rs', lifecycle: 'starting' })),
    ],
    ['replaced by pod-4, and the link from pod-1 is not ok', (builder) => builder.set(1, 4, REFUSED)],
  ])('%s: it fails once the limit has passed, and is not known before', (found, change) => {
    const late = answerFor(killed(change), 'recovered<10s');
    expect([late.verdict, late.violations[0]?.found]).toEqual(['fail', found]);
    const early = answerFor(killed(change), 'recovered<30s');
    expect(early).toMatchObject({ verdict: 'unknown', violations: [] });
    const advice = 'the window must be longer than the limit, or the clause can never fail';
    expect(early.reason).toBe(`recovered<30s: pod-3 was lost 20 s ago: ${found}; ${advice}`);
    expect(answerFor(killed(change), 'recovered<29s').reason).toBe(`recovered<29s: pod-3 was lost 20 s ago: ${found}`);
  });

  it.each<[string, (builder: MeshBuilder) => void]>([
    ['pinged', (builder) => builder.notYet(2, 4)],
    ['listed', ({ reports }) => reports[2]!.links.to.fill(2, 2, 3)],
  ])('is not known while a pod has not %s the replacement: that says nothing about it', (_what, change) => {
    const reason = (expects: string, settings = PINGED_OFTEN) => answerFor(killed(change), expects, { settings });
    expect(reason('recovered<25s')).toMatchObject({
      verdict: 'unknown',
      reason: 'recovered<25s: pod-3 was lost 20 s ago: replaced by pod-4, which pod-2 has not pinged yet',
    });
    expect(reason('recovered<10s', settingsOf()).reason).toMatch(
      /which pod-2 has not pinged yet; a round of pings takes 32 s$/,
    );
    expect(reason('recovered<10s,from=pod-1').verdict).toBe('pass');
  });

  it('fails although a pod has not pinged the replacement yet, if that became ready too late', () => {
    const late = killed((builder) => builder.notYet(2, 4));
    expect(answerFor(late, 'recovered<2s').violations[0]?.found).toBe('replaced by pod-4, not healthy within 2.0 s');
  });

  it('does not need a link that PING_NUMBER leaves out, and knows none without pings', () => {
    const few = killed(({ reports }) => reports[2]!.links.to.fill(2, 2, 3));
    expect(verdictFor(few, 'recovered<10s', { settings: settingsOf({ pingNumber: 2 }) })).toBe('pass');
    const none = killed(({ reports }) => {
      for (const report of reports) report.links = emptyLinks(0);
    });
    expect(answerFor(none, 'recovered<10s', { settings: settingsOf({ refreshIntervalMs: 0 }) }).reason).toMatch(
      /replaced by pod-4, to which no link is known; pinging is switched off \(REFRESH_INTERVAL=0\)$/,
    );
  });

  it('fails for certain whatever another pod does not report', () => {
    const failing = killed((builder) => {
      builder.set(1, 4, REFUSED);
      builder.silence(2);
    });
    expect(answerFor(failing, 'recovered<10s').violations[0]?.found).toBe(
      'replaced by pod-4, and the link from pod-1 is not ok',
    );
    const late = killed((builder) => {
      builder.set(1, 4, { sinceMs: 5_000 });
      builder.silence(2);
    });
    expect(answerFor(late, 'recovered<10s').violations[0]?.found).toBe('replaced by pod-4, not healthy within 13 s');
    expect(verdictFor(late, 'recovered<16s')).toBe('unknown');
  });

  it('does not believe a failure that a starved pod reports', () => {
    const starved = killed((builder) => builder.starve(2));
    expect(answerFor(starved, 'recovered<10s')).toMatchObject({ verdict: 'unknown', missing_reports: ['pod-2'] });
  });

  it('does not count the first ping of a process that came later: it could not ping before', () => {
    const restarted = (sinceMs: number) =>
      killed((builder) => {
        builder.set(1, 4, { sinceMs });
        builder.reports[1] = { ...builder.reports[1]!, bootTimeMs: NOW_MS - 6_000 };
      });
    expect(verdictFor(restarted(5_000), 'recovered<4s')).toBe('pass');
    expect(verdictFor(restarted(2_000), 'recovered<4s')).toBe('fail');
  });

  it('is not known by a Goldpinger pod, which does not say since when a link is ok', () => {
    const mixed = killed(({ reports }) => reports[1]!.links.sinceMs.fill(NONE16));
    expect(answerFor(mixed, 'recovered<10s').reason).toContain('healthy after 15 s or up to 13 s sooner');
    expect(verdictFor(mixed, 'recovered<16s')).toBe('pass');
  });

  it('is not known if the pod list is old or differs, unless the pings show a violation', () => {
    const stale = { discovery: statusOf({ phase: 'stale' }) };
    const notReplaced = killed(({ pods }) => pods.splice(3, 1, podOf(3, { ...GONE, replacedBy: '' })));
    const failing = killed((one) => one.set(1, 4, REFUSED));
    for (const mesh of [killed(), notReplaced]) {
      const { verdict, reason } = answerFor(mesh, 'recovered<10s', stale);
      expect([verdict, reason]).toEqual(['unknown', expect.stringContaining('may be out of date')]);
    }
    expect(verdictFor(failing, 'recovered<10s', stale)).toBe('fail');
    const differing = killed(({ reports }) => reports.splice(2, 1, { ...reports[2]!, samePeers: false }));
    expect(answerFor(differing, 'recovered<10s').reason).toContain('pod-2 knows a different set of pods than pod-0');
    expect(verdictFor(differing, 'recovered<10s,from=pod-0')).toBe('pass');
  });

  it('is not known if a pod does not report its link to the replacement', () => {
    const answer = answerFor(
      killed((one) => one.silence(1)),
      'recovered<10s',
    );
    expect(answer).toMatchObject({ verdict: 'unknown', missing_reports: ['pod-1'] });
    expect(
      verdictFor(
        killed((one) => one.silence(1)),
        'recovered<10s,from=pod-0',
      ),
    ).toBe('pass');
  });

  it('does not wait for the ping of the replacement to itself', () => {
    expect(
      verdictFor(
        killed((one) => one.notYet(4, 4)),
        'recovered<10s',
      ),
    ).toBe('pass');
  });

  it('does not wait for pods on passive nodes, which measure no link', () => {
    expect(
      verdictFor(
        killed((one) => one.silence(1, 'passive')),
        'recovered<10s',
      ),
    ).toBe('pass');
  });

  it('is not known if no pod was lost, or only pods that nobody replaces', () => {
    const nothing = 'recovered<30s: no pod was lost in the window';
    expect(answerFor(new MeshBuilder(3), 'recovered<30s')).toMatchObject({ verdict: 'unknown', reason: nothing });
    expect(
      answerFor(
        killed(() => {}, { owner: '' }),
        'recovered<30s',
      ).reason,
    ).toBe(nothing);
    expect(
      answerFor(
        killed(() => {}, { sinceMs: NOW_MS - 31_000 }),
        'recovered<30s',
      ).reason,
    ).toBe(nothing);
    expect(verdictFor(killed(), 'recovered<30s,to=pod-2')).toBe('unknown');
    expect(verdictFor(killed(), 'recovered<30s,to=pod-3')).toBe('pass');
  });

  it('follows a replacement that was lost, too, to the one that took its place', () => {
    const twice = killed(({ pods }) => {
      pods[2] = podOf(2, {
        owner: 'rs',
        createdMs: LOST_MS,
        lifecycle: 'gone',
        sinceMs: LOST_MS + 1_000,
        replacedBy: 'uid-4',
      });
      pods[3] = { ...(pods[3] as Pod), replacedBy: 'uid-2' };
    });
    twice.silence(2, 'not-asked');
    expect(answerFor(twice, 'recovered<=3s')).toMatchObject({ verdict: 'pass' });
  });

  it('follows a replacement that was gone before the pod that it replaced', () => {
    const twice = killed(({ pods }) => {
      const early = {
        lifecycle: 'gone',
        createdMs: LOST_MS - 3_000,
        sinceMs: LOST_MS - 2_000,
        replacedBy: 'uid-4',
      } as const;
      pods[2] = podOf(2, { owner: 'rs', ...early });
      pods[3] = { ...(pods[3] as Pod), replacedBy: 'uid-2' };
    });
    twice.silence(2, 'not-asked');
    expect(answerFor(twice, 'recovered<=3s,to=pod-3')).toMatchObject({ verdict: 'pass' });
  });

  it('ends its search whatever pods claim to replace each other', () => {
    const gone = { lifecycle: 'gone', owner: 'rs', sinceMs: LOST_MS } as const;
    const pods = [podOf(0, { ...gone, replacedBy: 'uid-1' }), podOf(1, { ...gone, replacedBy: 'uid-0' })];
    const { result } = runToEnd(lostPodsOf(meshOf(pods, []), { fromMs: 0, toMs: NOW_MS }));
    expect(result.map(({ replacement }) => replacement)).toEqual([1, 0]);
  });
});

describe('success', () => {
  /** 4 pods with 16 links of 10 samples each; `failures` samples of the link 0 → 1 failed. */
  const withFailures = (failures: number) => {
    const builder = new MeshBuilder(4);
    builder.reports[0]?.stats?.failures.fill(failures, 1, 2);
    return builder;
  };

  it('compares the share of ok samples over all selected links', () => {
    expect(answerFor(withFailures(1), ['success>=99%', 'success>=99.4%']).clauses).toEqual(['pass', 'fail']);
    expect(answerFor(withFailures(1), 'success>=99%,from=pod-0,to=pod-1')).toMatchObject({
      verdict: 'fail',
      reason:
        'success>=99%,from=pod:pod-0,to=pod:pod-1: 90% of 10 samples are ok, for example pod-0 → pod-1: 1 of 10 probes failed, ok now',
    });
    expect(verdictFor(withFailures(10), 'success<95%')).toBe('pass');
    expect(verdictFor(withFailures(0), 'success<100%')).toBe('fail');
  });

  it.each([0, 1])('is unknown while a link has fewer samples than min=, whether %i of them failed', (failures) => {
    const builder = withFailures(failures);
    builder.reports[0]?.stats?.samples.fill(3, 1, 2);
    expect(verdictFor(builder, 'success>=90%,min=10')).toBe('unknown');
  });

  it.each([
    ['success>=99.9%', 999, 1_000, 'pass'],
    ['success>99.9%', 999, 1_000, 'fail'],
    ['success>=93%', 93, 100, 'pass'],
    ['success>=66%', 66, 100, 'pass'],
    ['success<=29%', 29, 100, 'pass'],
    ['success<57%', 57, 100, 'fail'],
    ['success<=99.99%', 9_999, 10_000, 'pass'],
  ])('%s with %i of %i samples ok: %s, though no fraction is exact', (text, ok, samples, verdict) => {
    const builder = withFailures(samples - ok);
    builder.reports[0]?.stats?.samples.fill(samples, 1, 2);
    expect(verdictFor(builder, `${text},from=pod-0,to=pod-1`)).toBe(verdict);
  });

  it('compares exactly, whatever the limit and however many samples there are', () => {
    const operators = ['<', '<=', '>', '>='] as const;
    fc.assert(
      fc.property(fc.nat(100_000_000), fc.integer({ min: 1, max: 700 }), fc.nat(2), (millionths, hundreds, off) => {
        const percent = `${Math.floor(millionths / 1_000_000)}.${String(millionths % 1_000_000).padStart(6, '0')}%`;
        // At the limit, or one sample beside it.
        const all = hundreds * 100_000_000;
        const ok = millionths * hundreds + off - 1;
        const expected = { '<': off < 1, '<=': off < 2, '>': off > 1, '>=': off > 0 };
        for (const operator of operators) {
          const { condition } = parseClause(`success${operator}${percent}`);
          expect([operator, comparesShare(ok, all, condition)]).toEqual([operator, expected[operator]]);
        }
      }),
    );
  });

  it('is not known if a report is missing or a link has too few samples', () => {
    const silent = withFailures(0);
    silent.silence(2);
    expect(verdictFor(silent, 'success>=99%')).toBe('unknown');
    expect(verdictFor(withFailures(0), 'success>=99%,min=11')).toBe('unknown');
    expect(verdictFor(withFailures(0), 'success>=99%,to=nobody')).toBe('unknown');
  });
});
