import { describe, expect, it } from 'vitest';
import { withAwaited } from '../../../server/peers/collector.ts';
import type { ReportResponse } from '../../../server/peers/peer-client.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { NOW_MS, podOf, podsOf } from '../../support/mesh.ts';
import { reasonsOf, start } from './collector-scene.ts';

describe('a collection of many', () => {
  it('asks four at a time', async () => {
    const { state, collect } = start({ pods: podsOf(40), answer: () => ({ afterMs: 10 }) });
    const mesh = await collect();
    expect(state.mostAtOnce).toBe(4);
    expect(mesh.collectMs).toBe(100);
  });

  it('is not held up by those that hang, and gives each its own deadline', async () => {
    const hung = new Set(Array.from({ length: 30 }, (_, n) => `uid-${n + 1}`));
    const { collect, calls } = start({
      pods: podsOf(200),
      answer: (uid) => ({ afterMs: hung.has(uid) ? 60_000 : 1 }),
    });
    const mesh = await collect();
    expect(mesh.reports.filter((report) => report.missing === 'timeout')).toHaveLength(30);
    expect(mesh.reports.filter((report) => report.missing === '')).toHaveLength(170);
    expect(mesh.collectMs).toBeLessThan(1_600);
    expect(calls.filter(([, ok]) => !ok).every(([, , us]) => us === 1_000_000)).toBe(true);
  });

  it('asks those that failed last time last', async () => {
    const { asks, collect } = start({
      pods: podsOf(6),
      answer: (uid) => (uid === 'uid-1' ? { answer: { kind: 'missing', reason: 'refused', detail: 'x' } } : {}),
    });
    await collect();
    asks.length = 0;
    await collect();
    expect(asks.map(({ uid }) => uid)).toEqual(['uid-2', 'uid-3', 'uid-4', 'uid-5', 'uid-1']);
  });

  it('ends in time even if nobody answers, and says who was not asked', async () => {
    const { collect } = start({ pods: podsOf(1_000), answer: () => ({ afterMs: 60_000 }) });
    const mesh = await collect();
    expect(mesh.collectMs).toBeGreaterThan(4_900);
    expect(mesh.collectMs).toBeLessThanOrEqual(5_000);
    expect(mesh.reports).toHaveLength(1_000);
    expect(reasonsOf(mesh.reports).filter((reason) => reason === 'timeout').length).toBeGreaterThan(250);
    expect(new Set(reasonsOf(mesh.reports))).toEqual(new Set(['', 'timeout', 'not-asked']));
  });

  it('ends soon when it is stopped, and starts no more', async () => {
    const { collector, clock } = start({ pods: podsOf(500), answer: () => ({ afterMs: 60_000 }) });
    const mesh = collector.collect({ windowMs: 0, maxAgeMs: 0 });
    await clock.advance(20);
    collector.stop();
    expect(reasonsOf((await mesh).reports).filter((reason) => reason === 'not-asked')).toHaveLength(499);
    expect(clock.pending).toBe(0);
    await expect(collector.collect({ windowMs: 0, maxAgeMs: 1_000 })).rejects.toThrow(/stopped/);
  });
});

describe('meshes of more than 90 000 links', () => {
  it('are collected for two windows at once, and one is kept', async () => {
    const { collector, clock, asks } = start({ pods: podsOf(301), settings: { concurrency: 64 } });
    const collect = (windowMs: number) => collector.collect({ windowMs, maxAgeMs: 1_000 });
    const two = [collect(1_000), collect(2_000)];
    await expect(collect(3_000)).rejects.toThrow(/more than 2 windows/);
    await clock.advance(50);
    await Promise.all(two);
    await collect(2_000);
    expect(asks).toHaveLength(600);
    const again = collect(1_000);
    await clock.advance(50);
    await again;
    expect(asks).toHaveLength(900);
    collector.stop();
  });
});

describe('a mesh within a budget of time', () => {
  const reportsOf = async (mesh: Promise<Mesh>) =>
    (await mesh).reports.map(({ missing, atMs }) => [missing, atMs - NOW_MS]);

  /** Five pods of which one hangs and one refuses, looked at `askMs` after all was well. */
  async function afterFault(askMs: number) {
    const state = { isFaulty: false };
    const lost: ReportResponse = { kind: 'missing', reason: 'refused', detail: 'nobody listens' };
    const scene = start({
      pods: podsOf(5),
      settings: { checkTimeoutMs: 3_000 },
      answer: (uid) => {
        if (!state.isFaulty) return uid === 'uid-3' ? { afterMs: 400 } : {};
        return uid === 'uid-3' ? { afterMs: 2_500 } : uid === 'uid-4' ? { answer: lost } : {};
      },
    });
    await scene.collect(askMs, 30_000);
    state.isFaulty = true;
    const mesh = scene.collector.collect({ windowMs: 30_000, maxAgeMs: 300, budgetMs: 800 });
    await scene.clock.advance(800);
    return { ...scene, mesh };
  }

  it('is of the reports that have come; a late one is borrowed from the last mesh while that is young', async () => {
    const { mesh, collector } = await afterFault(900);
    const [own, first, second, late, refused] = await reportsOf(mesh);
    expect([own, first, second]).toEqual([
      ['', 900],
      ['', 900],
      ['', 900],
    ]);
    expect(late).toEqual(['', 400]);
    expect(refused).toEqual(['refused', 900]);
    collector.stop();
  });

  it('lacks the late one if the last mesh is too old, however much more that had', async () => {
    const { mesh, clock, collector } = await afterFault(1_700);
    expect((await reportsOf(mesh)).map(([missing]) => missing)).toEqual(['', '', '', 'timeout', 'refused']);
    expect((await mesh).reports[3]?.missingDetail).toBe('its answer has not come yet');
    await clock.advance(3_000);
    const next = await collector.collect({ windowMs: 30_000, maxAgeMs: 2_000, budgetMs: 800 });
    expect(reasonsOf(next.reports)).toEqual(['', '', '', '', 'refused']);
    collector.stop();
  });

  it('borrows none where indexes of pods have come to mean others', async () => {
    const scene = await afterFault(900);
    const soFar = await scene.mesh;
    const others = { ...soFar, pods: soFar.pods.map((pod, i) => (i === 1 ? podOf(7) : pod)) };
    const lacking = { ...soFar, reports: soFar.reports.filter(({ pod }) => pod !== 3) };
    expect(withAwaited(lacking, { mesh: soFar, agoMs: 0 }).reports[3]?.missing).toBe('');
    expect(withAwaited(lacking, { mesh: others, agoMs: 0 }).reports[3]?.missing).toBe('timeout');
    scene.collector.stop();
  });
});
