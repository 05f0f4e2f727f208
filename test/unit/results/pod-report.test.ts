import { describe, expect, it } from 'vitest';
import { INTERMITTENT } from '../../../server/protocol/link-state.ts';
import { FLAG_IPV6, FLAG_NOT_YET, FLAG_SUSPECT, outcomeOf, phaseOf, unpack16 } from '../../../server/protocol/links.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { podOf, refusedSample, sampleOf, targetOf } from '../../support/samples.ts';
import { SECOND, scene } from './scene.ts';

const OVER_OPEN: Partial<Sample> = { connectUs: -1, firstByteUs: 200, totalUs: 220 };
const FAILED: Partial<Sample> = { outcome: 'refused', phase: 'connect', connectUs: -1, firstByteUs: -1 };
const SILENT: Partial<Sample> = { outcome: 'timeout', phase: 'first-byte', connectUs: -1, firstByteUs: -1 };

describe('the report of now', () => {
  const pods = [podOf('3'), podOf('1'), podOf('2'), podOf('4', { lifecycle: 'starting', podIPs: [] })];

  it('has all peers that are not gone, sorted by uid, and the links to those that are probed', async () => {
    const { clock, results, probe } = scene();
    probe('1', '3');
    results.record(targetOf('1'), sampleOf({ connectUs: 101, firstByteUs: 202, totalUs: 333 }));
    await clock.advance(500);
    results.record(targetOf('3'), refusedSample());
    await clock.advance(1_500);
    const { links, peers, ...report } = await results.report(pods, 0);
    expect(peers?.map(({ uid, podIP }) => `${uid} ${podIP}`)).toEqual(['1 10.0.0.1', '2 10.0.0.2', '3 10.0.0.3', '4 ']);
    expect(report).toMatchObject({ gonePeers: [], stats: null, windowMs: 0, details: [[1, 'connection refused']] });
    const linkAt = (i: number) => {
      const figures = [links.connectUs, links.firstByteUs, links.totalUs, links.ageMs, links.sinceMs];
      return [links.to[i], outcomeOf(links, i), phaseOf(links, i), ...figures.map((column) => unpack16(column[i]!))];
    };
    expect([links.length, linkAt(0), linkAt(1)]).toEqual([
      2,
      [0, 'ok', null, 101, 202, 333, 2000, 2000],
      [2, 'refused', 'connect', -1, -1, 90, 1500, 1500],
    ]);
  });

  it('marks links without a sample, suspect links and the IP family', async () => {
    const { results } = scene();
    results.setTargets([targetOf('1'), targetOf('2'), targetOf('2', 6), targetOf('3')]);
    results.record(targetOf('2'), sampleOf());
    results.record(targetOf('2'), refusedSample({ suspect: true }));
    results.record(targetOf('2', 6), sampleOf());
    results.record(targetOf('3'), refusedSample({ suspect: true }));
    const { links, details } = await results.report(pods, 0);
    expect([...links.to]).toEqual([0, 1, 1, 2]);
    expect([...links.flags]).toEqual([FLAG_NOT_YET, FLAG_SUSPECT, FLAG_IPV6, FLAG_NOT_YET | FLAG_SUSPECT]);
    expect(outcomeOf(links, 1)).toBe('ok');
    expect(details).toEqual([]);
  });

  it('marks no link whose suspect answer stands for it in the first 15 s, when every process is busy, live or later', async () => {
    const { results, clock, pass, probe } = scene();
    const flagOf = async (sample: Partial<Sample>) => {
      results.record(targetOf('1'), sampleOf({ suspect: true, ...sample }));
      const live = (await results.report(pods, 0)).links.flags[0]!;
      const later = (await results.reportOf({ fromAgeMs: 60 * SECOND, toAgeMs: 0 })).links.flags[0]!;
      return [live, later].map((flags) => flags & FLAG_SUSPECT);
    };
    probe('1');
    clock.freeze(14 * SECOND);
    expect(await flagOf({})).toEqual([0, 0]);
    clock.freeze(500);
    // It is doubted: the link keeps its state.
    expect(await flagOf({ totalUs: 250_000 })).toEqual([FLAG_SUSPECT, FLAG_SUSPECT]);
    expect(await flagOf({})).toEqual([0, 0]);
    pass(2 * SECOND);
    expect(await flagOf({})).toEqual([FLAG_SUSPECT, FLAG_SUSPECT]);
  });

  it.each<[string, Partial<Sample>[], number, Partial<Sample>['failsOnly'] | undefined]>([
    ['of the last new connection, after a ping over an open one', [{ connectUs: 700 }, OVER_OPEN], 700, undefined],
    ['not of that, if the ping failed to connect', [{ connectUs: 700 }, FAILED], -1, undefined],
    ['none before a new connection was opened', [OVER_OPEN], -1, undefined],
    ['and not that only new connections fail after one failure', [{ ...FAILED, failsOnly: 'new' }], -1, undefined],
    ['and that only new connections fail after two', Array(2).fill({ ...FAILED, failsOnly: 'new' }), -1, 'new'],
    ['and nothing of the kind if two failures differ', [{ ...FAILED, failsOnly: 'new' }, FAILED], -1, undefined],
    [
      'and nothing of the kind if two failures are far apart',
      [{ ...FAILED, failsOnly: 'new' }, ...Array(INTERMITTENT.samples).fill({}), { ...FAILED, failsOnly: 'new' }],
      -1,
      undefined,
    ],
    ['and that only open ones failed a ping ago', [{ ...SILENT, failsOnly: 'open' }, { connectUs: 700 }], 700, 'open'],
    ['and nothing of an older failure', [{ ...SILENT, failsOnly: 'open' }, ...Array(9).fill({})], 100, undefined],
  ])('has the connect time %s', async (_, samples, connectUs, failsOnly) => {
    const { results, probe } = scene();
    probe('1');
    for (const sample of samples) results.record(targetOf('1'), sampleOf(sample));
    const report = await results.report(pods, 0);
    expect(unpack16(report.links.connectUs[0]!)).toBe(connectUs);
    expect(report.failsOnly?.[0]?.[1]).toBe(failsOnly);
  });

  it('has statistics over a window if one is asked for', async () => {
    const { clock, results, probe } = scene();
    probe('1', '2');
    results.record(targetOf('1'), sampleOf({ totalUs: 9_000 }));
    await clock.advance(60_000);
    for (const totalUs of [100, 200, 300]) results.record(targetOf('1'), sampleOf({ totalUs }));
    results.record(targetOf('1'), refusedSample());
    const { stats, windowMs } = await results.report(pods, 30_000);
    expect(windowMs).toBe(30_000);
    const { samples, failures, p50Us, p95Us, maxUs, jitterUs } = stats!;
    const statsAt = (i: number) => [
      ...[samples, failures].map((column) => column[i]),
      ...[p50Us, p95Us, maxUs, jitterUs].map((column) => unpack16(column[i]!)),
    ];
    expect(statsAt(0)).toEqual([4, 1, 200, 300, 300, 100]);
    expect(statsAt(1)).toEqual([0, 0, -1, -1, -1, -1]);
  });

  it('keeps a departed pod with its last results until the retention is over', async () => {
    const { clock, results, probe } = scene();
    probe('1', '2');
    results.record(targetOf('2'), refusedSample());
    probe('1');
    results.record(targetOf('2'), sampleOf());
    const after = [podOf('1'), podOf('2', { lifecycle: 'gone' })];
    const { gonePeers, links } = await results.report(after, 0);
    expect([gonePeers.map(({ uid }) => uid), [...links.to], outcomeOf(links, 1)]).toEqual([['2'], [0, 1], 'refused']);
    await clock.advance(300_000);
    expect(await results.report(after, 0)).toMatchObject({ gonePeers: [], links: { length: 1 } });
    expect(results.linkSamples('2').samples).toEqual([]);
  });

  it('leaves out a pod that is no longer probed but still exists, and has its samples when it is probed again', async () => {
    const { results, probe } = scene();
    const probed = async (...uids: string[]) => {
      probe(...uids);
      return [...(await results.report(pods, 0)).links.to];
    };
    expect(await probed('1', '2')).toEqual([0, 1]);
    results.record(targetOf('2'), sampleOf());
    expect(await probed('1')).toEqual([0]);
    expect(await probed('1', '2')).toEqual([0, 1]);
    expect(results.linkSamples('2').samples).toHaveLength(1);
  });

  it('has the same fingerprint for the same peers and another one for other peers', async () => {
    const { results } = scene();
    const hash = async (list: typeof pods) => (await results.report(list, 0)).peersHash;
    const base = await hash(pods);
    expect(base).toMatch(/^[0-9a-f]{16}$/);
    expect(await hash(pods.toReversed())).toBe(base);
    expect(await hash([...pods, podOf('9', { lifecycle: 'gone' })])).toBe(base);
    expect(await hash(pods.slice(1))).not.toBe(base);
    expect(await hash([...pods.slice(1), podOf('3', { podIPs: ['10.0.0.99'] })])).not.toBe(base);
  });

  it('has at most 200 error texts', async () => {
    const { results, probe, pass } = scene();
    const uids = Array.from({ length: 300 }, (_, i) => String(i));
    probe(...uids);
    pass(2 * SECOND, () => refusedSample());
    const report = await results.report(
      uids.map((uid) => podOf(uid)),
      0,
    );
    expect(report.details).toHaveLength(200);
  });

  it('has no failures in a window of suspect samples alone until there are three', async () => {
    const { clock, results, probe, pass } = scene({ intervalMs: 500 });
    probe('1');
    pass(500);
    clock.freeze(10 * SECOND);
    const failuresAfter = async () => {
      pass(500, () => refusedSample({ suspect: true }));
      const { links, stats } = await results.report([podOf('1')], 3_000);
      return [outcomeOf(links, 0), stats?.samples[0], stats?.failures[0]];
    };
    expect(await failuresAfter()).toEqual(['ok', 1, 0]);
    expect(await failuresAfter()).toEqual(['ok', 2, 0]);
    expect(await failuresAfter()).toEqual(['refused', 3, 3]);
  });
});
