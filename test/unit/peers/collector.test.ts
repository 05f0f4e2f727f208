import { describe, expect, it } from 'vitest';
import { encodeMesh, parseMesh } from '../../../server/protocol/mesh.ts';
import { podOf, podsOf } from '../../support/mesh.ts';
import { reasonsOf, start } from './collector-scene.ts';

describe('collecting the mesh', () => {
  it('asks every other pod once and itself never', async () => {
    const { asks, collect, calls } = start({ pods: podsOf(5) });
    const mesh = await collect();
    expect(asks.map(({ host, port }) => `${host}:${port}`)).toEqual([1, 2, 3, 4].map((n) => `127.0.0.${n + 1}:8080`));
    expect(mesh.reports.map((report) => report.pod)).toEqual([0, 1, 2, 3, 4]);
    expect(reasonsOf(mesh.reports)).toEqual(['', '', '', '', '']);
    expect(mesh.servedBy).toEqual({ pod: 0, name: 'pod-0' });
    expect(mesh.health).toEqual({ ok: true, reasons: [], general: [] });
    expect(calls.map(([uid, ok]) => [uid, ok])).toEqual([1, 2, 3, 4].map((n) => [`uid-${n}`, true]));
  });

  it('gives a mesh that passes its own validator', async () => {
    const mesh = await start({ pods: podsOf(4) }).collect();
    expect(parseMesh(JSON.parse([...encodeMesh(mesh)].join('')))).toEqual(mesh);
  });

  it('is one collection however many ask at once', async () => {
    const { asks, collector, clock, state } = start({ pods: podsOf(4) });
    const many = Array.from({ length: 60 }, () => collector.collect({ windowMs: 0, maxAgeMs: 0 }));
    await clock.advance(10);
    const meshes = await Promise.all(many);
    expect(asks).toHaveLength(3);
    expect(state.ownReports).toEqual([0]);
    expect(new Set(meshes.map((mesh) => mesh.reports)).size).toBe(1);
  });

  it('is used again while it is young enough, and says its age', async () => {
    const { asks, collector, clock } = start({ pods: podsOf(2) });
    const first = collector.collect({ windowMs: 0, maxAgeMs: 500 });
    await clock.advance(10);
    await first;
    await clock.advance(400);
    const again = await collector.collect({ windowMs: 0, maxAgeMs: 500 });
    expect(again.ageMs).toBeGreaterThan(390);
    expect(again.reports).toBe((await first).reports);
    await clock.advance(200);
    const third = collector.collect({ windowMs: 0, maxAgeMs: 500 });
    await clock.advance(10);
    expect((await third).ageMs).toBe(0);
    expect(asks).toHaveLength(2);
  });

  it('is not kept for long', async () => {
    const { collector, clock, collect } = start({ pods: podsOf(2) });
    await collect(10);
    expect(clock.pending).toBe(1);
    await clock.advance(1_000);
    expect(clock.pending).toBe(0);
    collector.stop();
  });

  it('with statistics serves those who want none, and not the other way round', async () => {
    const { asks, collector, clock } = start({ pods: podsOf(2) });
    const all = [60_000, 0, 300_000].map((windowMs) => collector.collect({ windowMs, maxAgeMs: 0 }));
    await clock.advance(10);
    const [minute, none, five] = await Promise.all(all);
    expect(asks.map(({ windowMs }) => windowMs)).toEqual([60_000, 300_000]);
    expect(none?.reports).toBe(minute?.reports);
    expect(five?.windowMs).toBe(300_000);
  });

  it('is refused for more than four windows at once', async () => {
    const { collector, clock } = start({ pods: podsOf(2) });
    const four = [1, 2, 3, 4].map((windowMs) => collector.collect({ windowMs, maxAgeMs: 0 }));
    await expect(collector.collect({ windowMs: 5, maxAgeMs: 0 })).rejects.toThrow(/windows/);
    await clock.advance(10);
    await Promise.all(four);
  });

  it('begins anew after one that has failed', async () => {
    const { collect, collector, state } = start({ pods: podsOf(2) });
    state.ownReportFails = true;
    await expect(collector.collect({ windowMs: 0, maxAgeMs: 0 })).rejects.toThrow('no report');
    state.ownReportFails = false;
    expect((await collect()).health.ok).toBe(true);
  });
});

describe('whom a collection asks', () => {
  it('is nobody that is gone or has no address, with the reason as data', async () => {
    const pods = [
      podOf(0),
      podOf(1, { lifecycle: 'gone' }),
      podOf(2, { lifecycle: 'starting', podIPs: [] }),
      podOf(3, { podIPs: ['fd00::3'] }),
      podOf(4, { lifecycle: 'terminating' }),
    ];
    const { asks, collect } = start({ pods });
    const mesh = await collect();
    expect(asks.map(({ uid }) => uid)).toEqual(['uid-4']);
    expect(mesh.reports.map((report) => [report.pod, report.missing])).toEqual([
      [0, ''],
      [2, 'not-asked'],
      [3, 'no-address'],
      [4, ''],
    ]);
  });

  it('is every pod where we do not know ourselves', async () => {
    const { asks, collect } = start({ pods: podsOf(2), selfUid: '' });
    const mesh = await collect();
    expect(asks).toHaveLength(2);
    expect(mesh.servedBy).toEqual({ pod: -1, name: 'pod-0' });
  });

  it.each([
    ['IPv6 only', { families: [6] as const }, 'fd00::1'],
    ['IPv6 first', { families: [6, 4] as const }, 'fd00::1'],
    ['the host', { useHostIP: true }, '10.0.0.2'],
  ])('is called on its address for %s', async (_, settings, host) => {
    const pods = [podOf(0), podOf(1, { podIPs: ['127.0.0.2', 'fd00::1'] })];
    const { asks, collect } = start({ pods, settings });
    await collect();
    expect(asks[0]?.host).toBe(host);
  });
});
