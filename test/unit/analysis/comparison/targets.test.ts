import { describe, expect, it } from 'vitest';
import { targetsOf } from '../../../../server/analysis/comparison/targets.ts';
import type { Finding } from '../../../../server/protocol/finding.ts';

describe('the target', () => {
  const finding = (kind: Finding['kind'], severity: Finding['severity'], pods: number[]) =>
    ({ kind, severity, pods }) as unknown as Finding;
  const evidence = {
    named: [],
    newFindings: [],
    numbers: Int32Array.of(5, 6, 7),
    affectedLinks: Uint32Array.of(0, 2, 9, 2),
  };

  it('is what the hypothesis names, else the subject of the gravest finding about links, else the most affected pod', () => {
    const newFindings = [finding('api-away', 'unknown', []), finding('pod-slow', 'slow', [1])];
    expect(targetsOf({ ...evidence, named: [3], newFindings })).toEqual({ by: 'hypothesis', pods: new Set([3]) });
    expect(targetsOf({ ...evidence, newFindings })).toEqual({ by: 'finding', pods: new Set([6]) });
    expect(targetsOf(evidence)).toEqual({ by: 'most-affected', pods: new Set([2]) });
  });

  it('is no pod if all pods are affected alike, or none is', () => {
    expect(targetsOf({ ...evidence, affectedLinks: Uint32Array.of(4, 4, 4, 4) })).toEqual({
      by: 'none',
      pods: new Set(),
    });
    expect(targetsOf({ ...evidence, affectedLinks: new Uint32Array(4) })).toEqual({ by: 'none', pods: new Set() });
  });
});
