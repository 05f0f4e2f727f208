import { describe, expect, it } from 'vitest';
import { namedPods, targetsOf } from '../../../../server/analysis/comparison/targets.ts';
import { parseClauses } from '../../../../server/analysis/verdict/parse-clause.ts';
import type { Lifecycle } from '../../../../server/protocol/pod.ts';
import { runToEnd } from '../../../support/generator.ts';
import { LATE_ANSWER, MeshBuilder } from '../../../support/mesh.ts';
import { FROM_MS, pastOf, reportOf, slowPod, TO_MS } from '../../../support/report-scene.ts';

describe('the hypothesis of a report', () => {
  it('is judged over the range "during", healthy by default', async () => {
    expect((await reportOf()).data.verdict).toMatchObject({ verdict: 'pass', expect: ['healthy'], window_s: 120 });
    const clauses = ['latency>=200ms,to=pod:pod-3', 'latency<5ms,to=pod:pod-?,from=pod:pod-0'];
    const { verdict } = (await reportOf({ query: { expect: clauses } })).data;
    expect(verdict).toMatchObject({ verdict: 'fail', clauses: ['pass', 'fail'] });
  });

  it.each([
    [['latency<5ms,to=pod:pod-1', 'failed,to=pod:pod-3'], [3]],
    [['latency<5ms,to=pod:pod-1'], [1]],
    [['latency<5ms,to=pod:pod-1', 'loss>=10%,to=pod:pod-3'], [3]],
    [['latency<5ms,to=pod:pod-1', 'success<90%,to=pod:pod-3'], [3]],
    [['loss<1%,to=pod:pod-1', 'success>99%,to=pod:pod-2', 'success<=50%,to=pod:pod-3'], [3]],
    [['failed,from=node:node-2'], [2]],
    [['failed,from=pod:pod-0,to=pod:pod-2'], [2]],
    [['healthy', 'healthy,to=pod:*', 'failed,to=pod:nobody'], []],
  ])('%j: names where it expects the fault, before what else it names; all pods are no target', (texts, pods) => {
    const mesh = pastOf(slowPod(), FROM_MS, TO_MS);
    expect(runToEnd(namedPods(parseClauses(texts), mesh)).result).toEqual(pods);
  });

  it('names no target if it is about all pods that are judged, whichever others start or are gone', () => {
    const named = (text: string, ...lifecycles: Lifecycle[]) => {
      const mesh = pastOf(new MeshBuilder(lifecycles.length), FROM_MS, TO_MS);
      const pods = mesh.pods.map((pod, i) => ({ ...pod, lifecycle: lifecycles[i] ?? 'ready' }));
      return runToEnd(namedPods(parseClauses([text]), { ...mesh, pods })).result;
    };
    expect(named('latency<5ms,to=pod:*', 'ready', 'ready', 'starting')).toEqual([]);
    expect(named('latency<5ms,to=pod:pod-2', 'ready', 'ready', 'starting')).toEqual([2]);
    // Each pod that was lost is a target, also if there are no fewer of them than of the others.
    expect(named('recovered<60s,to=pod:*', 'ready', 'ready', 'gone', 'gone')).toEqual([2, 3]);
    expect(named('recovered<60s,to=pod:*', 'starting', 'gone')).toEqual([1]);
  });

  it('makes a link away from its target collateral', async () => {
    const during = new MeshBuilder(5).each((from, to) => to === 4 || (from === 0 && to === 1), LATE_ANSWER);
    const { data } = await reportOf({ during, query: { expect: ['latency>=200ms,to=pod:pod-4,self=exclude'] } });
    expect(data.targets).toMatchObject({ by: 'hypothesis', names: ['pod-4'] });
    expect(data.affected).toMatchObject({ links: 5, of: 25 });
    expect(data.collateral).toEqual({ count: 1, names: ['pod-0 → pod-1'] });
  });
});

describe('the target', () => {
  const oneMost = Uint32Array.of(0, 2, 9, 2);

  it('is what the hypothesis names, else the subject of the gravest finding of a fault, else the most affected pod', () => {
    expect(targetsOf([3], [6], oneMost)).toEqual({ by: 'hypothesis', pods: new Set([3]) });
    expect(targetsOf([], [6], oneMost)).toEqual({ by: 'finding', pods: new Set([6]) });
    expect(targetsOf([], [], oneMost)).toEqual({ by: 'most-affected', pods: new Set([2]) });
  });

  it('is not a pod of a finding of what is not known', async () => {
    const { findings, targets } = (await reportOf({ during: new MeshBuilder(4).silence(1) })).data;
    expect(findings).toMatchObject([{ severity: 'unknown', before: false }]);
    expect(targets).toMatchObject({ by: 'none', names: [] });
  });

  it('is no pod if all pods are affected alike, or none is', () => {
    for (const counts of [Uint32Array.of(4, 4, 4, 4), new Uint32Array(4)]) {
      expect(targetsOf([], [], counts)).toEqual({ by: 'none', pods: new Set() });
    }
  });
});
