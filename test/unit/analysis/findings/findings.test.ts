import { describe, expect, it } from 'vitest';
import { LATE_ANSWER, LATE_NETWORK, type LinkFault, MeshBuilder, NOW_MS, podOf } from '../../../support/mesh.ts';
import { kinds, only, REFUSED, TIMEOUT, titles } from './findings-scene.ts';

describe('a healthy builder', () => {
  it.each([1, 2, 3, 100])('of %i pods has nothing that stands out', (size) => {
    expect(new MeshBuilder(size).findings()).toEqual([]);
  });
});

describe('experiment 2', () => {
  const chaos = (wish: LinkFault) => {
    const builder = new MeshBuilder(4);
    builder.pods[3] = podOf(3, { name: 'goldpinger-chaos' });
    builder.each((_, to) => to === 3, wish, true);
    return builder;
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
    const builder = chaos(REFUSED);
    builder.silence(3, 'refused');
    const { title, detail, sinceMs, outcome } = only(builder);
    expect(title).toBe('goldpinger-chaos: unreachable from all 3 others, refused: nothing listens on its port');
    expect(detail).toBe('3 of 3 links into it fail (100 %). What it reaches is not known.');
    expect([outcome, sinceMs]).toEqual(['refused', NOW_MS - 60_000]);
  });

  it('some too late and some slow are one cause', () => {
    const builder = chaos(LATE_ANSWER);
    builder.set(1, 3, { outcome: 'timeout', phase: 'first-byte' });
    expect(kinds(builder)).toEqual(['pod-slow']);
  });
});

describe('of two pods', () => {
  const pair = (there: LinkFault, back: LinkFault | null) => {
    const builder = new MeshBuilder(2);
    builder.set(0, 1, there);
    if (back === null) builder.silence(1);
    else builder.set(1, 0, back);
    return builder;
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
    const builder = new MeshBuilder(3);
    builder.set(0, 2, TIMEOUT);
    expect(kinds(builder)).toEqual(['one-way']);
    builder.set(1, 2, TIMEOUT);
    expect(kinds(builder)).toEqual(['pod-unreachable']);
  });

  it('one that is asked and reaches nobody is the odd one, for nobody else can speak', () => {
    const builder = new MeshBuilder(3);
    builder.each((from) => from === 0, TIMEOUT);
    builder.silence(1);
    builder.silence(2);
    expect(builder.findings().map(({ title, detail }) => [title, detail])).toEqual([
      [
        'pod-0: reaches none of the 2 others, timeout in connect: its own network',
        '2 of 2 links out of it fail (100 %). Nobody else could say whether it is reached.',
      ],
    ]);
  });
});

describe('a quorum', () => {
  it('keeps a liar from accusing the rest, and two among five', () => {
    const builder = new MeshBuilder(5);
    builder.each((from) => from < 2, REFUSED);
    expect(builder.findings().map(({ kind, subject }) => [kind, subject])).toEqual([
      ['pod-reaches-nobody', 'pod-0'],
      ['pod-reaches-nobody', 'pod-1'],
    ]);
  });

  it('does not count starved pods', () => {
    const builder = new MeshBuilder(4);
    for (const pod of [0, 1]) {
      builder.set(pod, 3, TIMEOUT);
      builder.starve(pod);
    }
    expect(kinds(builder, 2)).toEqual(['cpu-starved', 'cpu-starved']);
  });

  it('of many that are probed by few each (PING_NUMBER) wants more than a coincidence', () => {
    const sparse = new MeshBuilder(300, { pingNumber: 4 });
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
  it.each(['starting', 'terminating', 'gone'] as const)('a pod that is %s', (lifecycle) => {
    const builder = new MeshBuilder(4);
    builder.each((from, to) => from === 3 || to === 3, REFUSED);
    builder.silence(2);
    builder.pods[2] = podOf(2, { lifecycle });
    builder.pods[3] = podOf(3, { lifecycle });
    expect(builder.findings()).toEqual([]);
  });

  it('one sample that was slow where the others of its window were not', () => {
    const builder = new MeshBuilder(3);
    builder.set(0, 1, { ...LATE_ANSWER, fresh: true });
    expect(builder.findings()).toEqual([]);
  });
});

it('a pod that hangs is found when it is not ready any more, too', () => {
  const builder = new MeshBuilder(4);
  builder.each((_, to) => to === 3, { outcome: 'timeout', phase: 'first-byte' });
  builder.silence(3);
  const whileReady = titles(builder);
  builder.pods[3] = podOf(3, { lifecycle: 'not-ready' });
  expect(titles(builder)).toEqual(whileReady);
  expect(whileReady[0]).toContain('pod-3: unreachable from all 3 others, timeout waiting for the first byte');
});
