import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseClause, shareMeetsLimit } from '../../../../server/analysis/verdict/parse-clause.ts';
import { FLAG_IPV6 } from '../../../../server/protocol/links.ts';
import { MeshBuilder, settingsOf } from '../../../support/mesh.ts';
import { answerFor, verdictFor } from './scene.ts';

/** 4 pods with 16 links. Each link has `all` pings and 100 datagrams in the window; so many of the link 0 → 1 were not ok. */
function withBad(failures: number, lost = 0, all = 10): MeshBuilder {
  const builder = new MeshBuilder(4).withUdp().set(0, 1, { udp: { windowLost: lost } });
  for (const { stats } of builder.reports) stats?.samples.fill(all);
  builder.reports[0]?.stats?.failures.fill(failures, 1, 2);
  return builder;
}

const ONE = ',from=pod-0,to=pod-1';

describe('success', () => {
  it('compares the share of ok samples over all selected links', () => {
    expect(answerFor(withBad(1), ['success>=99%', 'success>=99.4%']).clauses).toEqual(['pass', 'fail']);
    expect(answerFor(withBad(1), `success>=99%${ONE}`)).toMatchObject({
      verdict: 'fail',
      reason:
        'success>=99%,from=pod:pod-0,to=pod:pod-1: 90% of 10 samples are ok, for example pod-0 → pod-1: 1 of 10 probes failed, ok now',
    });
    expect(verdictFor(withBad(10), 'success<95%')).toBe('pass');
    expect(verdictFor(withBad(0), 'success<100%')).toBe('fail');
  });

  it('counts no more failures of a link than it has samples, whatever its pod claims', () => {
    expect(verdictFor(withBad(60_000), 'success>=93%')).toBe('pass');
    expect(answerFor(withBad(60_000), 'success>=94%').reason).toContain('93.75% of 160 samples are ok');
  });

  it.each([0, 1])('is unknown while a link has fewer samples than min=, whether %i of them failed', (failures) => {
    const builder = withBad(failures);
    builder.reports[0]?.stats?.samples.fill(3, 1, 2);
    expect(verdictFor(builder, 'success>=90%,min=10')).toBe('unknown');
  });

  it('is left open by a missing report only if that can change it', () => {
    /** 20 pods; `failures` of 10 samples of each link into pod-3 failed. */
    const failing = (failures: number) => {
      const builder = new MeshBuilder(20);
      for (const [from, { stats }] of builder.reports.entries()) stats!.failures[(3 - from + 20) % 20] = failures;
      return builder;
    };
    const oftenPinged = { settings: settingsOf({ refreshIntervalMs: 3_000 }) };
    // 38 of 3,800 samples failed, and up to 12 samples of each of 20 links are missing: from 38 to 278 of 4,040.
    const limits = ['success>=99%', 'success>=99.05%', 'success>=99.06%', 'success<93.2%', 'success<93.1%'];
    const verdicts = ['unknown', 'unknown', 'fail', 'unknown', 'fail'];
    expect(answerFor(failing(2).silence(1), limits, oftenPinged).clauses).toEqual(verdicts);
    expect(answerFor(failing(10).silence(1), 'success>=99%', oftenPinged)).toMatchObject({
      verdict: 'fail',
      reason: expect.stringContaining('95% of 3,800 samples are ok'),
    });
    // A part of a report is missing; or its pings go over both IP families.
    const partly = failing(2).report(1, { missingDetail: 'words' });
    expect(verdictFor(partly, 'success>=99.05%', oftenPinged)).toBe('unknown');
    const dual = failing(2).silence(1);
    dual.reports[0]!.links.flags.fill(FLAG_IPV6);
    expect(verdictFor(dual, 'success>=99.06%', oftenPinged)).toBe('unknown');
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
          expect([operator, shareMeetsLimit(ok, all, condition)]).toEqual([operator, expected[operator]]);
        }
      }),
    );
  });
});

describe('loss', () => {
  it('compares the share of lost datagrams over all selected links together', () => {
    expect(verdictFor(withBad(0, 0), 'loss<1%')).toBe('pass');
    // 16 of 1600 are 1 %.
    const answer = answerFor(withBad(0, 16), ['loss<1%', 'loss<=1%', 'loss>1%', 'loss>=1%']);
    expect(answer.clauses).toEqual(['fail', 'pass', 'fail', 'pass']);
    expect(answer.reason).toBe(
      'loss<1%: 1% of 1,600 datagrams are lost, for example pod-0 → pod-1: 16 of 100 datagrams lost',
    );
    expect(answer.violations[0]).toMatchObject({ from: 'pod-0', to: 'pod-1', samples: 100 });
    expect(verdictFor(withBad(0, 16), 'loss<1%,from=pod-1,to=pod-0')).toBe('pass');
  });

  it('is rounded away from the limit, so that the reason never reads as if the clause held', () => {
    const builder = withBad(0);
    const { udp } = builder.reports[0] ?? {};
    udp?.windowSent.fill(8000);
    udp?.windowLost.fill(81, 1, 2);
    const reasonOf = (text: string) => answerFor(builder, text + ONE).reason;
    expect(reasonOf('loss<1%')).toContain('1.02% of 8,000 datagrams are lost, for example pod-0 → pod-1: 81 of 8,000');
    expect(reasonOf('loss>1.1%')).toContain('1.01% of 8,000 datagrams are lost');
  });

  it('is unknown where it is not measured, and says how to measure it', () => {
    expect(answerFor(new MeshBuilder(4), 'loss<1%')).toMatchObject({
      verdict: 'unknown',
      violations: [],
      reason:
        'loss<1%: too few datagrams on 16 links, for example pod-0 → pod-0 (0 of 1); UDP_ENABLED=true measures it',
    });
    const half = (lost: number) => {
      const builder = withBad(0, lost);
      return builder.report(2, { udp: null }).report(3, { udp: null });
    };
    expect(answerFor(half(0), 'loss<1%').reason).toMatch(/too few datagrams on 8 links.*pod-2 → pod-2 \(0 of 1\)$/);
    expect(verdictFor(half(0), 'loss<1%,from=pod-0')).toBe('pass');
    // What is not measured cannot change it.
    expect(verdictFor(half(100), 'loss<1%')).toBe('fail');
  });

  it('needs as many datagrams of each link as min= says', () => {
    expect(verdictFor(withBad(0), 'loss<1%,min=100')).toBe('pass');
    expect(verdictFor(withBad(0), 'loss<1%,min=101')).toBe('unknown');
  });

  it('fails for certain without a report only if its datagrams cannot change it: as many cycles as the window has', () => {
    const limits = ['loss<1%', 'loss<0.6%', 'loss>36%', 'loss>37%'];
    // 4 links with up to 17 cycles of 10 datagrams are missing: 12 of 1200 becomes from 12 to 692 of 1880.
    expect(answerFor(withBad(0, 12).silence(2), limits).clauses).toEqual(['unknown', 'fail', 'unknown', 'fail']);
  });
});

it.each(['success>=99%', 'loss<1%'])(
  '%s is not known if a report is missing or not trusted, or nothing selected',
  (text) => {
    expect(verdictFor(withBad(0).silence(2), text)).toBe('unknown');
    expect(verdictFor(withBad(0).starve(2), text)).toBe('unknown');
    expect(verdictFor(withBad(0), `${text},to=nobody`)).toBe('unknown');
  },
);
