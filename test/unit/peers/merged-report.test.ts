import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergedReportOf } from '../../../server/peers/merged-report.ts';
import { PodIndex } from '../../../server/peers/pod-index.ts';
import { emptyStats, outcomeOf } from '../../../server/protocol/links.ts';
import { OUTCOMES } from '../../../server/protocol/sample.ts';
import { NOW_MS, podOf, podsOf, refOf, reportOf } from '../../support/mesh.ts';

const TOLERANCE_MS = 45_000;
const arrival = { pod: 0, atMs: NOW_MS, fetchUs: 1 };
const merge = (report: Parameters<typeof mergedReportOf>[0], pods = podsOf(4)) =>
  mergedReportOf(report, arrival, new PodIndex(pods, NOW_MS, TOLERANCE_MS));

/** A report over any mixture of pods that we know and strangers, in any order, some of them gone. */
const scene = fc
  .record({
    known: fc.uniqueArray(fc.nat({ max: 30 }), { minLength: 1, maxLength: 12 }),
    named: fc.uniqueArray(fc.nat({ max: 30 }), { minLength: 1, maxLength: 20 }),
    goneFrom: fc.nat({ max: 20 }),
    wishes: fc.array(
      fc.record({ to: fc.nat({ max: 19 }), outcome: fc.constantFrom(...OUTCOMES), totalUs: fc.nat({ max: 8_000 }) }),
      { maxLength: 40 },
    ),
  })
  .map(({ known, named, goneFrom, wishes }) => ({
    pods: known.map((n) => podOf(n)),
    peers: named.slice(0, goneFrom).map((n) => podOf(n)),
    gone: named.slice(goneFrom).map((n) => podOf(n)),
    wishes: wishes.filter(({ to }) => to < named.length),
  }));

describe('a report that joins the mesh', () => {
  it('keeps each link between the pods it was measured between, with its figures and words', () => {
    fc.assert(
      fc.property(scene, ({ pods, peers, gone, wishes }) => {
        const table = [...peers, ...gone];
        const details = wishes.map((wish, i): [number, string] => [i, `to ${table[wish.to]?.uid}`]);
        const report = reportOf(podOf(99), peers, wishes, { gonePeers: gone.map(refOf), details });
        const before = structuredClone(report);
        const { links, details: words } = merge(report, pods);
        const expected = wishes
          .map((wish) => ({ uid: table[wish.to]?.uid, outcome: wish.outcome, totalUs: wish.totalUs }))
          .filter(({ uid }) => pods.some((pod) => pod.uid === uid));
        const got = Array.from({ length: links.length }, (_, i) => ({
          uid: pods[links.to[i] ?? -1]?.uid,
          outcome: outcomeOf(links, i),
          totalUs: links.totalUs[i],
        }));
        expect(got).toEqual(expected);
        expect(words).toEqual(expected.map(({ uid }, i) => [i, `to ${uid}`]));
        // Only the columns are taken over.
        expect({ ...report, links: null }).toEqual({ ...before, links: null });
      }),
    );
  });

  it('keeps the statistics with their links', () => {
    const stats = emptyStats(3);
    stats.samples.set([1, 2, 3]);
    const [a, stranger, b] = [podOf(0), podOf(77), podOf(1)] as const;
    const { links, stats: kept } = merge(reportOf(a, [a, stranger, b], undefined, { stats }));
    expect([...links.to]).toEqual([0, 1]);
    expect([...(kept?.samples ?? [])]).toEqual([1, 3]);
    expect(kept?.p50Us).toHaveLength(2);
  });

  it('keeps for how long links have been slow, and which connections fail, with their links', () => {
    const [a, stranger, b] = [podOf(0), podOf(77), podOf(1)] as const;
    const slow: [number, number][] = [
      [1, 7_000],
      [2, 9_000],
      [99, 1],
    ];
    const failsOnly: [number, 'new' | 'open'][] = [
      [1, 'new'],
      [2, 'open'],
    ];
    const merged = merge(reportOf(a, [a, stranger, b], undefined, { slow, failsOnly }));
    expect([merged.slow, merged.failsOnly]).toEqual([[[1, 9_000]], [[1, 'open']]]);
    expect(merge(reportOf(a, [a, b])).slow).toBeUndefined();
  });

  it('ignores words for links that do not exist', () => {
    const report = reportOf(podOf(0), podsOf(2), undefined, {
      details: [
        [99, 'x'],
        [-1, 'y'],
        [1, 'z'],
      ],
    });
    expect(merge(report).details).toEqual([[1, 'z']]);
  });

  it('finds a peer without uid by its name, and another uid of that name not at all', () => {
    const [a, b] = [podOf(0), podOf(1)];
    const nameless = reportOf(a, [a, { ...b, uid: '' }]);
    expect([...merge(nameless).links.to]).toEqual([0, 1]);
    const reborn = reportOf(a, [a, { ...b, uid: 'another' }]);
    expect([...merge(reborn).links.to]).toEqual([0]);
  });
});

describe('whether a report knows the same peers', () => {
  const pods = podsOf(3);
  it('is so with the same pods in any order', () => {
    expect(merge(reportOf(podOf(0), [...pods].reverse()), pods).samePeers).toBe(true);
  });

  it.each([
    ['lacks a pod that has long been ready', 'ready', 60_000, false],
    ['lacks one that has just become ready', 'ready', 10_000, true],
    ['lacks one that is terminating', 'terminating', 60_000, true],
    ['lacks one that is starting', 'starting', 60_000, true],
    ['lacks one that is gone', 'gone', 60_000, true],
  ] as const)('when it %s', (_, lifecycle, ageMs, same) => {
    const known = [...pods, podOf(3, { lifecycle, sinceMs: NOW_MS - ageMs })];
    expect(merge(reportOf(podOf(0), pods), known).samePeers).toBe(same);
  });

  it.each([
    ['has measured one that we do not know for long', { sinceMs: 60_000 }, false],
    ['has only just met one that we do not know', { sinceMs: 10_000 }, true],
    ['is yet to probe one that we do not know', { sinceMs: 60_000, notYet: true }, true],
  ] as const)('when it %s', (_, wish, same) => {
    const report = reportOf(podOf(0), [...pods, podOf(50)], [{ to: 0 }, { to: 3, ...wish }]);
    expect(merge(report, pods).samePeers).toBe(same);
  });

  it.each([
    ['lately', 10_000, true],
    ['long ago', 60_000, false],
  ])('when it still has one that left %s', (_, ageMs, same) => {
    const known = [...pods, podOf(3, { lifecycle: 'gone', sinceMs: NOW_MS - ageMs })];
    expect(merge(reportOf(podOf(0), known), known).samePeers).toBe(same);
  });
});
