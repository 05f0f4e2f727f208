import { describe, expect, it } from 'vitest';
import { FindingTally, namedFindings } from '../../../../server/analysis/findings/findings.ts';
import { MAX_FINDINGS } from '../../../../server/protocol/finding.ts';
import { encodeMesh, parseMesh } from '../../../../server/protocol/mesh.ts';
import { meshOf, meshRowOf, NOW_MS, podOf, podsOf, statusOf } from '../../../support/mesh.ts';
import { only, REFUSED, TIMEOUT, titles } from './findings-scene.ts';
import { LATE_ANSWER, Matrix } from './matrix.ts';

describe('more than one cause', () => {
  it('are told the gravest first, each once', () => {
    const matrix = new Matrix(24, { perNode: 2, zones: 3 });
    const isDead = (pod: number) => matrix.pods[pod]?.node === 'node-4';
    matrix.each((_, to) => isDead(to), TIMEOUT);
    matrix.silence(8);
    matrix.silence(9);
    matrix.each((_, to) => to === 0, REFUSED);
    matrix.each((_, to) => to === 20, LATE_ANSWER);
    matrix.set(3, 5, TIMEOUT);
    matrix.starve(15);
    matrix.silence(17, 'malformed');
    matrix.status = statusOf({ phase: 'stale', lastError: { fault: 'refused', message: 'words', atMs: NOW_MS } });
    expect(titles(matrix, 2)).toEqual([
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
    const mutual = new Matrix(12, { zones: 3 });
    const zone = (pod: number) => pod % 3;
    mutual.each((from, to) => zone(from) + zone(to) === 1, TIMEOUT);
    expect(mutual.findings().map(({ subject, affected, of }) => [subject, affected, of])).toEqual([
      ['zone zone-0 ⇄ zone zone-1', 32, 32],
    ]);
    const island = new Matrix(12, { zones: 3 });
    island.each((from, to) => zone(from) !== 2 && zone(to) === 2, TIMEOUT);
    expect(titles(island)).toEqual([
      'zone zone-2: 100 % of the links from all other zones fail, timeout in connect: the network between the zones, or a policy',
    ]);
  });

  it('many rows that are starved or missing are one each', () => {
    const matrix = new Matrix(20);
    for (let pod = 10; pod < 15; pod++) matrix.starve(pod);
    for (let pod = 15; pod < 20; pod++) matrix.silence(pod, 'http-status');
    expect(titles(matrix)).toEqual([
      '5 of 20 pods: starved, their own measurements are not to be trusted',
      '5 of 20 pods: did not report, http-status: what they reach is not known',
    ]);
  });

  it('are bounded in number and length, whatever names and links are like', () => {
    const matrix = new Matrix(120);
    for (const [i] of matrix.pods.entries()) matrix.pods[i] = podOf(i, { name: `${i}${'x'.repeat(250)}` });
    for (let from = 0; from < 120; from++) matrix.set(from, (from + 1) % 120, TIMEOUT);
    const findings = matrix.findings();
    expect(findings).toHaveLength(MAX_FINDINGS);
    expect(findings.at(-1)?.detail).toMatch(/\d+ more are left out\.$/);
    const mesh = meshOf(matrix.pods, matrix.rows, { findings });
    expect(parseMesh(JSON.parse([...encodeMesh(mesh)].join(''))).findings).toEqual(findings);
  });

  it('take small steps however many links are bad', () => {
    const pods = podsOf(3_000);
    const tally = new FindingTally(pods, 100);
    const wishes = pods.map((_, to) => (to % 3 === 0 ? { to, ...TIMEOUT } : { to, totalUs: 250_000 }));
    for (const from of [0, 1, 2]) tally.add(meshRowOf(from, wishes));
    const steps = [...tally.findings({ discovery: statusOf(), servedBy: 0 })].length;
    // Each pair is at least looked for among the pods, and given to its cause.
    expect(steps).toBeGreaterThan((2 * 3 * pods.length) / 512);
  });

  it('of slow links say since when, by the median of the rows that tell', () => {
    const matrix = new Matrix(5);
    matrix.each((_, to) => to === 3, LATE_ANSWER, true);
    expect(only(matrix).sinceMs).toBe(0);
    for (const [from, forMs] of [9_000, 11_000, 10_000].entries()) {
      const row = matrix.rows[from]!;
      matrix.rows[from] = { ...row, slow: [[(3 - from + 5) % 5, forMs]] };
    }
    expect(only(matrix)).toMatchObject({ kind: 'pod-slow', sinceMs: NOW_MS - 10_000 });
  });

  it('are told by name to those who have no matrix', () => {
    const matrix = new Matrix(4);
    matrix.each((_, to) => to === 1, REFUSED);
    const [named] = namedFindings(meshOf(matrix.pods, matrix.rows, { findings: matrix.findings() })).findings;
    expect(named).toMatchObject({ kind: 'pod-unreachable', pods: ['pod-1'], from: ['pod-0', 'pod-2', 'pod-3'] });
    expect(named).toMatchObject({
      since: new Date(NOW_MS - 60_000).toISOString(),
      connect_ms: null,
      total_ms: 300.032,
    });
  });
});
