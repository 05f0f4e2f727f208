import { describe, expect, it } from 'vitest';
import { findingsAnswer } from '../../../server/analysis/findings/findings.ts';
import { parseClause } from '../../../server/analysis/verdict/parse-clause.ts';
import { judge } from '../../../server/analysis/verdict/verdict.ts';
import { clusterHealthAnswer } from '../../../server/goldpinger/cluster-health-answer.ts';
import { heatmapPng } from '../../../server/heatmap-png/heatmap.ts';
import { DEFAULT_THRESHOLDS } from '../../../server/protocol/link-state.ts';
import { podNamer } from '../../../server/protocol/pod-names.ts';
import { podNames } from '../../../web/model/names.ts';
import { runToEnd } from '../../support/generator.ts';
import { MeshBuilder, meshOf, podOf } from '../../support/mesh.ts';

const pod = (namespace: string, name: string) => ({ namespace, name });

describe('the name of a pod in texts', () => {
  it('has the namespace only if another pod has the same name in another one', () => {
    const pods = [pod('a', 'x'), pod('b', 'x'), pod('a', 'y'), pod('a', 'z'), pod('a', 'z')];
    expect(pods.map(podNamer(pods))).toEqual(['a/x', 'b/x', 'y', 'z', 'z']);
    expect([...pods].reverse().map(podNamer(pods))).toEqual(['z', 'z', 'y', 'b/x', 'a/x']);
  });

  it('tells a pod that is not in the list from those that are', () => {
    const nameOf = podNamer([pod('a', 'x'), null]);
    expect([pod('b', 'x'), pod('a', 'x'), pod('b', 'y'), null].map(nameOf)).toEqual(['b/x', 'x', 'y', '']);
  });

  it('is short for a pod that does not know its namespace', () => {
    const pods = [pod('', 'x'), pod('a', 'x')];
    expect(pods.map(podNamer(pods))).toEqual(['x', 'x']);
  });
});

describe('all that names pods of a mesh tells namesakes apart, and leaves other names short', () => {
  /** `a/same` and `b/same`, the second of which is unreachable; `other-2` and `other-3`. */
  const builder = new MeshBuilder(4);
  const names = [pod('a', 'same'), pod('b', 'same'), pod('a', 'other-2'), pod('b', 'other-3')];
  for (const [i, name] of names.entries()) builder.pods[i] = podOf(i, name);
  builder.each((_, to) => to === 1, { outcome: 'refused', phase: 'connect' }, true);
  builder.silence(0);
  const { pods, reports } = builder;
  const mesh = meshOf(pods, reports, { findings: builder.findings(2) });

  it('findings, health and verdicts', () => {
    const { findings } = findingsAnswer(mesh);
    expect(findings.map(({ subject }) => subject)).toEqual(['b/same', 'a/same']);
    expect(findings[0]?.title).toMatch(/^b\/same: unreachable/);
    expect(findings[0]).toMatchObject({ pods: ['b/same'], from: expect.arrayContaining(['other-2', 'other-3']) });
    expect(Object.values(clusterHealthAnswer(mesh).reasons).flat()).toEqual([
      'a/same did not report (timeout: words)',
      'b/same 2 of 2 links into it fail: refused (from other-2, other-3)',
    ]);
    const { result } = runToEnd(judge(mesh, [parseClause('healthy')], 30_000));
    const links = result.violations.map(({ from, to }) => `${from} → ${to}`);
    expect(links).toEqual(['b/same → b/same', 'other-2 → b/same', 'other-3 → b/same']);
    expect(result.missing_reports).toEqual(['a/same']);
  });

  it('the legend of the PNG', async () => {
    const inOneNamespace = pods.map((one) => ({ ...one, namespace: 'a' }));
    const draw = (shown: typeof pods) => heatmapPng({ ...mesh, pods: shown }, DEFAULT_THRESHOLDS);
    expect(await draw(pods)).not.toEqual(await draw(inOneNamespace));
  });

  it('the page', () => {
    const shown = podNames(pods, false);
    const expected = ['a/same', 'b/same', 'other-2', 'other-3'];
    expect([shown.names, shown.labels]).toEqual([expected, expected]);
  });
});
