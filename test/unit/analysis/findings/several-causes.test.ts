import { describe, expect, it } from 'vitest';
import { FindingTally, namedFindings } from '../../../../server/analysis/findings/findings.ts';
import { MAX_FINDINGS } from '../../../../server/protocol/finding.ts';
import { encodeMesh, parseMesh } from '../../../../server/protocol/mesh.ts';
import {
  LATE_ANSWER,
  MeshBuilder,
  mergedReportOf,
  meshOf,
  NOW_MS,
  podOf,
  podsOf,
  statusOf,
} from '../../../support/mesh.ts';
import { only, REFUSED, TIMEOUT, titles } from './findings-scene.ts';

describe('more than one cause', () => {
  it('are told the gravest first, each once', () => {
    const builder = new MeshBuilder(24, { perNode: 2, zones: 3 });
    const isDead = (pod: number) => builder.pods[pod]?.node === 'node-4';
    builder.each((_, to) => isDead(to), TIMEOUT);
    builder.silence(8);
    builder.silence(9);
    builder.each((_, to) => to === 0, REFUSED);
    builder.each((_, to) => to === 20, LATE_ANSWER);
    builder.set(3, 5, TIMEOUT);
    builder.starve(15);
    builder.silence(17, 'malformed');
    builder.status = statusOf({ phase: 'stale', lastError: { fault: 'refused', message: 'words', atMs: NOW_MS } });
    expect(titles(builder, 2)).toEqual([
      'Kubernetes API: away, refused, the 24 known pods are still pinged, the list may be out of date',
      'node node-4: its 2 pods are unreachable from all 20 pods that report, timeout in connect: the node or its network',
      'pod-0: unreachable from all 19 pods that probe it, refused: nothing listens on its port',
      'pod-3 → pod-5: timeout in connect: pod-5 reaches it, one direction only: a policy, a firewall or a route',
      'pod-20: slow from all 19 pods that probe it, first byte only: process or proxy, not the network',
      'pod-15: starved, its own measurements are not to be trusted',
      'pod-17: did not report, malformed: what it reaches is not known',
    ]);
  });

  it('zones that do not reach each other are one, and a zone that no other reaches is one', () => {
    const mutual = new MeshBuilder(12, { zones: 3 });
    const zone = (pod: number) => pod % 3;
    mutual.each((from, to) => zone(from) + zone(to) === 1, TIMEOUT);
    expect(mutual.findings().map(({ subject, affected, of }) => [subject, affected, of])).toEqual([
      ['zone zone-0 ⇄ zone zone-1', 32, 32],
    ]);
    const island = new MeshBuilder(12, { zones: 3 });
    island.each((from, to) => zone(from) !== 2 && zone(to) === 2, TIMEOUT);
    expect(titles(island)).toEqual([
      'zone zone-2: 100 % of the links from all other zones fail, timeout in connect: the network between the zones, or a policy',
    ]);
  });

  it('many reports that are starved or missing are one each', () => {
    const builder = new MeshBuilder(20);
    for (let pod = 10; pod < 15; pod++) builder.starve(pod);
    for (let pod = 15; pod < 20; pod++) builder.silence(pod, 'http-status');
    expect(titles(builder)).toEqual([
      '5 of 20 pods: starved, their own measurements are not to be trusted',
      '5 of 20 pods: did not report, http-status: what they reach is not known',
    ]);
  });

  it('are bounded in number and length, whatever names and links are like', () => {
    const builder = new MeshBuilder(120);
    for (const [i] of builder.pods.entries()) builder.pods[i] = podOf(i, { name: `${i}${'x'.repeat(250)}` });
    for (let from = 0; from < 120; from++) builder.set(from, (from + 1) % 120, TIMEOUT);
    const findings = builder.findings();
    expect(findings).toHaveLength(MAX_FINDINGS);
    expect(findings.at(-1)?.detail).toMatch(/\d+ more are left out\.$/);
    const mesh = meshOf(builder.pods, builder.reports, { findings });
    expect(parseMesh(JSON.parse([...encodeMesh(mesh)].join(''))).findings).toEqual(findings);
  });

  it('take small steps however many links are bad', () => {
    const pods = podsOf(3_000);
    const tally = new FindingTally(pods, 100);
    const wishes = pods.map((_, to) => (to % 3 === 0 ? { to, ...TIMEOUT } : { to, totalUs: 250_000 }));
    for (const from of [0, 1, 2]) tally.add(mergedReportOf(from, wishes));
    const steps = [...tally.findings({ discovery: statusOf(), servedBy: 0 })].length;
    // Each pair is at least looked for among the pods, and given to its cause.
    expect(steps).toBeGreaterThan((2 * 3 * pods.length) / 512);
  });

  it('of slow links say since when, by the median of the reports that tell', () => {
    const builder = new MeshBuilder(5);
    builder.each((_, to) => to === 3, LATE_ANSWER, true);
    expect(only(builder).sinceMs).toBe(0);
    for (const [from, forMs] of [9_000, 11_000, 10_000].entries()) {
      const report = builder.reports[from]!;
      builder.reports[from] = { ...report, slow: [[(3 - from + 5) % 5, forMs]] };
    }
    expect(only(builder)).toMatchObject({ kind: 'pod-slow', sinceMs: NOW_MS - 10_000 });
  });

  it('are told by name to those who have no builder', () => {
    const builder = new MeshBuilder(4);
    builder.each((_, to) => to === 1, REFUSED);
    const [named] = namedFindings(meshOf(builder.pods, builder.reports, { findings: builder.findings() })).findings;
    expect(named).toMatchObject({ kind: 'pod-unreachable', pods: ['pod-1'], from: ['pod-0', 'pod-2', 'pod-3'] });
    expect(named).toMatchObject({
      since: new Date(NOW_MS - 60_000).toISOString(),
      connect_ms: null,
      total_ms: 300.032,
    });
  });
});
