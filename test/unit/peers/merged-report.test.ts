import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergedReportOf, mergedReportOfCheck } from '../../../server/peers/merged-report.ts';
import { PodIndex } from '../../../server/peers/pod-index.ts';
import { parseGoldpingerCheck } from '../../../server/protocol/goldpinger.ts';
import { emptyStats, NONE16, outcomeOf, phaseOf, unpack16 } from '../../../server/protocol/links.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import type { PodReport } from '../../../server/protocol/pod-report.ts';
import { OUTCOMES } from '../../../server/protocol/sample.ts';
import { type LinkSpec, NOW_MS, podOf, podsOf, refOf, reportOf } from '../../support/mesh.ts';

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

  it('keeps what is said of a link with it, and drops what is said of links that it does not have', () => {
    const [a, stranger, b] = [podOf(0), podOf(77), podOf(1)] as const;
    const stats = emptyStats(3);
    stats.samples.set([1, 2, 3]);
    const lists: Partial<PodReport> = {
      slow: [1, 2, 99].map((link) => [link, link * 1_000]),
      failsOnly: [1, 2, 99].map((link) => [link, link === 1 ? 'new' : 'open']),
      details: [99, -1, 1, 2].map((link) => [link, `of ${link}`]),
    };
    const merged = merge(reportOf(a, [a, stranger, b], undefined, { stats, ...lists }));
    expect([...merged.links.to]).toEqual([0, 1]);
    expect([[...(merged.stats?.samples ?? [])], merged.stats?.p50Us.length]).toEqual([[1, 3], 2]);
    expect([merged.slow, merged.failsOnly, merged.details]).toEqual([[[1, 2_000]], [[1, 'open']], [[1, 'of 2']]]);
    const whole = merge(reportOf(a, [a, b], undefined, { details: lists.details! }));
    expect([whole.details, whole.slow]).toEqual([[[1, 'of 1']], undefined]);
  });

  it('finds a peer without uid by its name, and another uid of that name not at all', () => {
    const [a, b] = [podOf(0), podOf(1)];
    const nameless = reportOf(a, [a, { ...b, uid: '' }]);
    expect([...merge(nameless).links.to]).toEqual([0, 1]);
    const reborn = reportOf(a, [a, { ...b, uid: 'another' }]);
    expect([...merge(reborn).links.to]).toEqual([0]);
  });
});

it('the external probes and the reliability of a report have their times by our clock, whatever that of the pod says', () => {
  const behindMs = 3_600_000;
  const probe = { target: 'db', protocol: 'dns', durationUs: 2_000, error: 'x', outcome: 'timeout' } as const;
  const atMs = NOW_MS - behindMs;
  const probes = [
    { ...probe, path: 'dns' as const, atMs: atMs - 4_000, sinceMs: atMs - 9_000 },
    { ...probe, atMs: 0 },
  ];
  const starvation = { loopDelayP99Us: 0, suspectShare: 0, unreliable: false, sinceMs: atMs - 5_000 };
  const merged = merge(reportOf(podOf(0), [], [], { atMs, probes, starvation }), []);
  expect(merged.probes).toMatchObject([{ atMs: NOW_MS - 4_000, sinceMs: NOW_MS - 9_000 }, { atMs: 0 }]);
  expect(merged.starvation?.sinceMs).toBe(NOW_MS - 5_000);
  expect(merged.clockOffsetMs).toBe(behindMs);
  // 0 is no time: the pod has been reliable since its start.
  const always = reportOf(podOf(0), [], [], { atMs, starvation: { ...starvation, sinceMs: 0 } });
  expect(merge(always, []).starvation?.sinceMs).toBe(0);
});

describe('whether a report knows the same peers', () => {
  const pods = podsOf(3);
  const LONG = 60_000;
  it.each<[string, boolean, Partial<Pod>, ageMs: number]>([
    ['is ready for long', false, { lifecycle: 'ready' }, LONG],
    ['has just become ready', true, { lifecycle: 'ready' }, 10_000],
    ['is terminating', true, { lifecycle: 'terminating' }, LONG],
    ['is starting', true, { lifecycle: 'starting' }, LONG],
    ['is gone', true, { lifecycle: 'gone' }, LONG],
  ])('that lacks a pod which %s: %s', (_, same, change, ageMs) => {
    const known = [...pods, podOf(3, { ...change, sinceMs: NOW_MS - ageMs })];
    expect(merge(reportOf(podOf(0), pods.toReversed()), known).samePeers).toBe(same);
  });

  it.each<[string, boolean, Partial<LinkSpec>]>([
    ['has been measured for long', false, { sinceMs: LONG }],
    ['has only just been met', true, { sinceMs: 10_000 }],
    ['is yet to be probed', true, { sinceMs: LONG, notYet: true }],
  ])('that has a pod more, which %s: %s', (_, same, wish) => {
    const report = () => reportOf(podOf(0), [...pods, podOf(3)], [{ to: 0 }, { to: 3, ...wish }]);
    expect(merge(report(), pods).samePeers).toBe(same);
    const gone = (ageMs: number) => podOf(3, { lifecycle: 'gone', sinceMs: NOW_MS - ageMs });
    expect(merge(report(), [...pods, gone(LONG)]).samePeers).toBe(same);
    expect(merge(report(), [...pods, gone(10_000)]).samePeers).toBe(true);
  });
});

const FOLDER = new URL('../../fixtures/goldpinger/', import.meta.url);
const goPod = (n: number, change: Partial<Pod> = {}) =>
  podOf(n, { name: `goldpinger-00${n}`, podIPs: [`127.0.1.${n}`], node: `node-00${n}`, ...change });
const three = [goPod(1), goPod(2), goPod(3)];
const twins = [goPod(1, { name: 'same', namespace: 'a' }), goPod(2, { name: 'same', namespace: 'b' }), goPod(3)];

function reportOfCheck(wire: unknown, pods: readonly Pod[], atMs = NOW_MS, pingNumber = 0) {
  const index = new PodIndex(pods, NOW_MS, TOLERANCE_MS);
  return mergedReportOfCheck(parseGoldpingerCheck(wire), { pod: 0, atMs, fetchUs: 1 }, index, pingNumber);
}

const recorded = (name: string) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'));

describe("Goldpinger's /check as a report", () => {
  it('has its recorded links with their ends, times and ages', () => {
    const report = reportOfCheck(recorded('one-down-check.json'), three, Date.parse('2026-11-22T14:58:52.957Z'));
    expect(report.via).toBe('check');
    expect([...report.links.to]).toEqual([0, 1, 2]);
    expect([0, 1, 2].map((i) => outcomeOf(report.links, i))).toEqual(['ok', 'ok', 'refused']);
    expect(phaseOf(report.links, 2)).toBe('connect');
    expect(unpack16(report.links.ageMs[0] ?? 0)).toBe(1_000);
    expect([...report.links.totalUs]).toEqual([0, 0, 1_000]);
    expect(report.links.connectUs[0]).toBe(NONE16);
    expect(report.details).toEqual([[2, expect.stringContaining('connection refused')]]);
    expect(report.bootTimeMs).toBe(Date.parse('2026-11-22T14:58:43.065Z'));
    expect(report.samePeers).toBe(true);
  });

  it('has its external probes', () => {
    const { probes } = reportOfCheck(recorded('check-probes.json'), three.slice(0, 2));
    expect(probes).toHaveLength(8);
    expect(probes.find((probe) => probe.target === 'nope.invalid')).toMatchObject({
      protocol: 'dns',
      error: 'nope.invalid was resolved to 0 ips',
    });
  });

  const left = goPod(2, { lifecycle: 'gone', podIPs: ['127.0.1.3'] });
  it.each<[string, readonly Pod[], key: string, podIP: string, number | null]>([
    ['by the name of its node', twins, 'node-003', '127.0.1.3', 2],
    ['by its IP, if two have that name', twins, 'same', '127.0.1.2', 1],
    ['by its IP, if none has that name', twins, 'a/same', '127.0.1.1', 0],
    ['not at all, if two have that name and there is no IP', twins, 'same', '', null],
    ['not at all, if two have that name and neither has the IP', twins, 'same', '127.0.1.9', null],
    ['by its name, if it is gone and another pod has its IP', [three[0]!, left, three[2]!], left.name, '127.0.1.3', 1],
    ['by its name, if it is gone and has no IP', [three[0]!, left], left.name, '', 1],
    ['not by the name of its node, if it is gone', [three[0]!, left], left.node, '127.0.1.3', null],
  ])('finds a pod %s', (_, pods, key, PodIP, index) => {
    const { links } = reportOfCheck({ podResults: { [key]: { OK: true, PodIP } } }, pods);
    expect([...links.to]).toEqual(index === null ? [] : [index]);
  });

  it('does not know the same peers if it names a stranger or lacks a settled pod', () => {
    const knowsSame = (names: number[], pods: readonly Pod[], pingNumber = 0) => {
      const podResults = Object.fromEntries(names.map((n) => [`goldpinger-00${n}`, { OK: true }]));
      return reportOfCheck({ podResults }, pods, NOW_MS, pingNumber).samePeers;
    };
    expect(knowsSame([1, 2, 9], three.slice(0, 2))).toBe(false);
    expect(knowsSame([1, 2], three)).toBe(false);
    expect(knowsSame([1, 2], [...three.slice(0, 2), goPod(3, { sinceMs: NOW_MS - 1_000 })])).toBe(true);
    expect(knowsSame([1, 2], three, 2)).toBe(true);
  });

  it('takes a clock that is ahead for no age, and one far behind for an hour', () => {
    const at = (PingTime: string) => reportOfCheck({ podResults: { 'goldpinger-001': { OK: true, PingTime } } }, three);
    expect(unpack16(at('2030-01-01T00:00:00.000Z').links.ageMs[0] ?? 0)).toBe(0);
    expect(unpack16(at('2001-01-01T00:00:00.000Z').links.ageMs[0] ?? 0)).toBeCloseTo(3_600_000, -3);
    expect(at('yesterday').links.ageMs[0]).toBe(NONE16);
  });
});
