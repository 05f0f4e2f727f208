import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MeshBuilder } from '../../../support/mesh.ts';
import { answerFor, REFUSED, verdictFor } from './scene.ts';

/** 4 pods with 16 links; each sent 100 datagrams in the window, and `lost` of those from pod-0 to pod-1 were lost. */
function withLoss(lost: number): MeshBuilder {
  const builder = new MeshBuilder(4).withUdp();
  builder.set(0, 1, { udp: { windowLost: lost } });
  return builder;
}

describe('loss', () => {
  it('compares the share of lost datagrams over all selected links together', () => {
    expect(verdictFor(withLoss(0), 'loss<1%')).toBe('pass');
    // 16 of 1600 are 1 %.
    const answer = answerFor(withLoss(16), ['loss<1%', 'loss<=1%', 'loss>1%', 'loss>=1%']);
    expect(answer.clauses).toEqual(['fail', 'pass', 'fail', 'pass']);
    expect(answer.reason).toBe(
      'loss<1%: 1% of 1,600 datagrams are lost, for example pod-0 → pod-1: 16 of 100 datagrams lost',
    );
    expect(answer.violations[0]).toMatchObject({ from: 'pod-0', to: 'pod-1', samples: 100 });
  });

  it('of one link is judged by the names of its pods', () => {
    expect(verdictFor(withLoss(16), 'loss<1%,from=pod-0,to=pod-1')).toBe('fail');
    expect(verdictFor(withLoss(16), 'loss<1%,from=pod-1,to=pod-0')).toBe('pass');
    expect(verdictFor(withLoss(16), 'loss>=10%,from=pod-0,self=exclude')).toBe('fail');
    expect(verdictFor(withLoss(100), 'loss>=30%,from=pod-0,self=exclude')).toBe('pass');
  });

  it('is rounded away from the limit, so that the reason never reads as if the clause held', () => {
    const builder = withLoss(0);
    const { udp } = builder.reports[0] ?? {};
    udp?.windowSent.fill(8000);
    udp?.windowLost.fill(81, 1, 2);
    expect(answerFor(builder, 'loss<1%,from=pod-0,to=pod-1').reason).toContain(
      '1.02% of 8,000 datagrams are lost, for example pod-0 → pod-1: 81 of 8,000 datagrams lost',
    );
    expect(answerFor(builder, 'loss>1.1%,from=pod-0,to=pod-1').reason).toContain('1.01% of 8,000 datagrams are lost');
  });

  it('is unknown where it is not measured, and says how to measure it', () => {
    const answer = answerFor(new MeshBuilder(4), 'loss<1%');
    expect(answer).toMatchObject({ verdict: 'unknown', violations: [] });
    expect(answer.reason).toBe(
      'loss<1%: too few datagrams on 16 links, for example pod-0 → pod-0 (0 of 1); UDP_ENABLED=true measures it',
    );
    const half = withLoss(0);
    for (const report of half.reports.slice(2)) report.udp = null;
    expect(answerFor(half, 'loss<1%').reason).toMatch(/too few datagrams on 8 links.*pod-2 → pod-2 \(0 of 1\)$/);
    expect(verdictFor(half, 'loss<1%,from=pod-0')).toBe('pass');
  });

  it('fails for certain though some links are not measured', () => {
    const half = withLoss(100);
    for (const report of half.reports.slice(2)) report.udp = null;
    expect(verdictFor(half, 'loss<1%')).toBe('fail');
  });

  it('fails for certain without a report only if its datagrams cannot change it: as many cycles as the window has', () => {
    const silent = (lost: number) => {
      const builder = withLoss(lost);
      builder.silence(2);
      return builder;
    };
    // 4 links with up to 17 cycles of 10 datagrams are missing: 12 of 1200 becomes from 12 to 692 of 1880.
    expect(verdictFor(silent(12), 'loss<1%')).toBe('unknown');
    expect(verdictFor(silent(12), 'loss<0.6%')).toBe('fail');
    expect(verdictFor(silent(12), 'loss>36%')).toBe('unknown');
    expect(verdictFor(silent(12), 'loss>37%')).toBe('fail');
  });

  it('needs as many datagrams of each link as min= says, and every report', () => {
    expect(verdictFor(withLoss(0), 'loss<1%,min=100')).toBe('pass');
    expect(verdictFor(withLoss(0), 'loss<1%,min=101')).toBe('unknown');
    const silent = withLoss(0);
    silent.silence(2);
    expect(verdictFor(silent, 'loss<1%')).toBe('unknown');
  });

  it('does not count the report of a pod that is short of CPU', () => {
    const builder = withLoss(50);
    builder.starve(0);
    expect(verdictFor(builder, 'loss<1%')).toBe('unknown');
  });

  it('is apart from the pings: a link that fails can lose nothing, and a healthy link can lose all', () => {
    const failing = withLoss(0);
    failing.set(0, 1, { ...REFUSED, udp: {} });
    expect(answerFor(failing, ['healthy', 'loss<1%']).clauses).toEqual(['fail', 'pass']);
    expect(answerFor(withLoss(100), ['healthy', 'loss<1%']).clauses).toEqual(['pass', 'fail']);
  });

  it('and its opposite are never both true, whatever was lost', () => {
    fc.assert(
      fc.property(fc.nat(100), fc.nat(100), (lost, limit) => {
        const pairs = [
          ['<', '>='],
          ['<=', '>'],
        ];
        for (const [a, b] of pairs) {
          const expects = [`loss${a}${limit}%,from=pod-0,to=pod-1`, `loss${b}${limit}%,from=pod-0,to=pod-1`];
          expect(answerFor(withLoss(lost), expects).clauses.toSorted()).toEqual(['fail', 'pass']);
        }
        expect(verdictFor(withLoss(lost), `loss<=${lost}%,from=pod-0,to=pod-1`)).toBe('pass');
      }),
      { numRuns: 50 },
    );
  });
});
