import { describe, expect, it } from 'vitest';
import { type Finding, MAX_FINDINGS } from '../../../../server/contract/finding.ts';
import { encodeMesh, parseMesh } from '../../../../server/contract/mesh.ts';
import { namedFindings } from '../../../../server/mesh/findings/named.ts';
import { FindingTally } from '../../../../server/mesh/findings/tally.ts';
import { meshOf, meshRowOf, NOW_MS, podOf, podsOf, statusOf } from '../scene.ts';
import { LATE_ANSWER, LATE_NETWORK, Matrix, type Wish } from './matrix.ts';

const REFUSED: Wish = { outcome: 'refused', phase: 'connect' };
const TIMEOUT: Wish = { outcome: 'timeout', phase: 'connect' };
const titles = (matrix: Matrix, servedBy = 0) => matrix.findings(servedBy).map(({ title }) => title);
const kinds = (matrix: Matrix, servedBy = 0) => matrix.findings(servedBy).map(({ kind }) => kind);
const only = (matrix: Matrix): Finding => {
  const found = matrix.findings();
  expect(found).toHaveLength(1);
  return found[0]!;
};

describe('a healthy matrix', () => {
  it.each([1, 2, 3, 100])('of %i pods has nothing that stands out', (size) => {
    expect(new Matrix(size).findings()).toEqual([]);
  });
});

describe('experiment 2', () => {
  const chaos = (wish: Wish) => {
    const matrix = new Matrix(4);
    matrix.pods[3] = podOf(3, { name: 'goldpinger-chaos' });
    matrix.each((_, to) => to === 3, wish, true);
    return matrix;
  };

  it('with 250 ms is told in one sentence, with its evidence', () => {
    expect(only(chaos(LATE_ANSWER))).toEqual({
      ...{ kind: 'pod-slow', severity: 'slow', subject: 'goldpinger-chaos', pods: [3], from: [0, 1, 2] },
      ...{ affected: 3, of: 3, outcome: null, phase: 'first-byte', sinceMs: 0 },
      ...{ connectUs: 200, firstByteUs: 251_008, totalUs: 251_232 },
      title: 'goldpinger-chaos: slow from all 3 others, first byte only: process or proxy, not the network',
      detail:
        '3 of 3 links into it are slow (100 %). Median 251 ms: connect 0.20 ms, first byte 251 ms. ' +
        'It reaches the others: one direction only.',
    });
  });

  it('with a slow network is told so', () => {
    const { title, phase } = only(chaos(LATE_NETWORK));
    expect([title, phase]).toEqual(['goldpinger-chaos: slow from all 3 others, in connect too: network', null]);
  });

  it('without the proxy: refused', () => {
    const matrix = chaos(REFUSED);
    matrix.silence(3, 'refused');
    const { title, detail, sinceMs, outcome } = only(matrix);
    expect(title).toBe('goldpinger-chaos: unreachable from all 3 others, refused: nothing listens on its port');
    expect(detail).toBe('3 of 3 links into it fail (100 %). What it reaches is not known.');
    expect([outcome, sinceMs]).toEqual(['refused', NOW_MS - 60_000]);
  });

  it('some too late and some slow are one cause', () => {
    const matrix = chaos(LATE_ANSWER);
    matrix.set(1, 3, { outcome: 'timeout', phase: 'first-byte' });
    expect(kinds(matrix)).toEqual(['pod-slow']);
  });
});

describe('of two pods', () => {
  const pair = (there: Wish, back: Wish | null) => {
    const matrix = new Matrix(2);
    matrix.set(0, 1, there);
    if (back === null) matrix.silence(1);
    else matrix.set(1, 0, back);
    return matrix;
  };

  it('that do not reach each other nobody can tell which one it is', () => {
    const words = 'timeout in connect: with two pods nobody can tell which of them it is';
    expect(titles(pair(TIMEOUT, null))).toEqual([`pod-0 → pod-1: ${words}`]);
    expect(titles(pair(TIMEOUT, TIMEOUT))).toEqual([`pod-0 ⇄ pod-1: ${words}`]);
  });

  it('one that answers in any way is reached, and so the one that is not well', () => {
    const expected = 'pod-1: unreachable from the only other pod, refused: nothing listens on its port';
    expect(titles(pair(REFUSED, null))).toEqual([expected]);
    expect(titles(pair(REFUSED, {}))).toEqual([expected]);
    expect(kinds(pair({ outcome: 'timeout', phase: 'first-byte' }, {}))).toEqual(['pod-unreachable']);
  });

  it('one direction', () => {
    expect(titles(pair(TIMEOUT, {}))).toEqual([
      'pod-0 → pod-1: timeout in connect: pod-1 reaches it, one direction only: a policy, a firewall or a route',
    ]);
  });
});

describe('of three pods', () => {
  it('two voices are a quorum, one is not', () => {
    const matrix = new Matrix(3);
    matrix.set(0, 2, TIMEOUT);
    expect(kinds(matrix)).toEqual(['one-way']);
    matrix.set(1, 2, TIMEOUT);
    expect(kinds(matrix)).toEqual(['pod-unreachable']);
  });

  it('one that is asked and reaches nobody is the odd one, for nobody else can speak', () => {
    const matrix = new Matrix(3);
    matrix.each((from) => from === 0, TIMEOUT);
    matrix.silence(1);
    matrix.silence(2);
    expect(matrix.findings().map(({ title, detail }) => [title, detail])).toEqual([
      [
        'pod-0: reaches none of the 2 others, timeout in connect: its own network',
        '2 of 2 links out of it fail (100 %). Nobody else could say whether it is reached.',
      ],
    ]);
  });
});

describe('a quorum', () => {
  it('keeps a liar from accusing the rest, and two among five', () => {
    const matrix = new Matrix(5);
    matrix.each((from) => from < 2, REFUSED);
    expect(matrix.findings().map(({ kind, subject }) => [kind, subject])).toEqual([
      ['pod-reaches-nobody', 'pod-0'],
      ['pod-reaches-nobody', 'pod-1'],
    ]);
  });

  it('does not count starved pods', () => {
    const matrix = new Matrix(4);
    for (const pod of [0, 1]) {
      matrix.set(pod, 3, TIMEOUT);
      matrix.starve(pod);
    }
    expect(kinds(matrix, 2)).toEqual(['row-starved', 'row-starved']);
  });

  it('of many that are probed by few each (PING_NUMBER) wants more than a coincidence', () => {
    const sparse = new Matrix(300, { pingNumber: 4 });
    sparse.set(296, 299, { ...TIMEOUT, fresh: true });
    sparse.set(297, 299, { ...TIMEOUT, fresh: true });
    expect(kinds(sparse)).not.toContain('pod-unreachable');
    sparse.set(298, 299, TIMEOUT);
    expect(titles(sparse)).toEqual([
      'pod-299: unreachable from all 3 pods that probe it, timeout in connect: its network, or it is away',
    ]);
  });
});

describe('what is not a fault', () => {
  it.each(['starting', 'not-ready', 'terminating', 'gone'] as const)('a pod that is %s', (lifecycle) => {
    const matrix = new Matrix(4);
    matrix.each((from, to) => from === 3 || to === 3, REFUSED);
    matrix.silence(2);
    matrix.pods[2] = podOf(2, { lifecycle });
    matrix.pods[3] = podOf(3, { lifecycle });
    expect(matrix.findings()).toEqual([]);
  });

  it('one sample that was slow where the others of its window were not', () => {
    const matrix = new Matrix(3);
    matrix.set(0, 1, { ...LATE_ANSWER, fresh: true });
    expect(matrix.findings()).toEqual([]);
  });
});

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
