import { describe, expect, it } from 'vitest';
import { encodeMesh, type Mesh, parseMesh } from '../../../server/contract/mesh.ts';
import type { Pod } from '../../../server/contract/pod.ts';
import { withAwaited } from '../../../server/mesh/awaited.ts';
import type { CollectSettings } from '../../../server/mesh/collection.ts';
import { createCollector } from '../../../server/mesh/collector.ts';
import type { RowAnswer, RowAsk } from '../../../server/mesh/row-transport.ts';
import { FakeClock } from '../../fake-clock.ts';
import { NOW_MS, podOf, podsOf, rowOf, settingsOf, snapshotOf } from './scene.ts';

interface Scene {
  pods: readonly Pod[];
  selfUid?: string;
  settings?: Partial<CollectSettings>;
  /** How each pod answers, after how many ms; by default with its row at once. */
  answer?(uid: string, pods: readonly Pod[]): { answer?: RowAnswer; afterMs?: number };
}

/** A collector in pod 0 of a scene, over a network that only exists here. */
function start({ pods, selfUid = 'uid-0', settings, answer }: Scene) {
  const clock = new FakeClock(NOW_MS);
  const asks: RowAsk[] = [];
  const calls: [string, boolean, number][] = [];
  const state = { mostAtOnce: 0, atOnce: 0, ownRows: [] as number[], ownRowFails: false };
  const fetchRow = (ask: RowAsk): Promise<RowAnswer> => {
    asks.push(ask);
    state.atOnce += 1;
    state.mostAtOnce = Math.max(state.mostAtOnce, state.atOnce);
    const pod = pods.find(({ uid }) => uid === ask.uid) as Pod;
    const told = answer?.(ask.uid, pods) ?? {};
    const row = rowOf(pod, pods, undefined, ask.known === null ? {} : { peers: ask.known.peers });
    return new Promise((resolve) => {
      const end = (reply: RowAnswer) => {
        state.atOnce -= 1;
        for (const timer of timers) timer.cancel();
        ask.signal.removeEventListener('abort', ended);
        resolve(reply);
      };
      const late: RowAnswer = {
        kind: 'missing',
        reason: 'timeout',
        detail: `no whole answer within ${ask.timeoutMs} ms`,
      };
      const timers = [
        clock.setTimer(() => end(told.answer ?? { kind: 'row', row }), told.afterMs ?? 0),
        clock.setTimer(() => end(late), ask.timeoutMs),
      ];
      const ended = () => end({ kind: 'missing', reason: 'not-asked', detail: 'ended' });
      ask.signal.addEventListener('abort', ended);
    });
  };
  const collector = createCollector(
    {
      ...{ checkTimeoutMs: 1_000, checkAllTimeoutMs: 5_000, concurrency: 4, port: 8080 },
      ...{ families: [4], useHostIP: false },
      ...settings,
    },
    {
      clock,
      random: () => 0,
      snapshot: () => snapshotOf(pods),
      ownRow: async (windowMs) => {
        state.ownRows.push(windowMs);
        if (state.ownRowFails) throw new Error('no row');
        return rowOf(pods[0] ?? podOf(0), pods);
      },
      fetchRow,
      selfUid: () => selfUid,
      settings: () => settingsOf(),
    },
    { onPeerCall: (pod, _, us, ok) => calls.push([pod.uid, ok, us]) },
  );
  /** Collects while time passes. */
  const collect = async (passMs = 10_000, windowMs = 0) => {
    const mesh = collector.collect({ windowMs, maxAgeMs: 0 });
    await clock.advance(passMs);
    return mesh;
  };
  return { clock, asks, calls, state, collector, collect };
}

const reasonsOf = (rows: { missing: string }[]) => rows.map(({ missing }) => missing);

describe('collecting the matrix', () => {
  it('asks every other pod once and itself never', async () => {
    const { asks, collect, calls } = start({ pods: podsOf(5) });
    const mesh = await collect();
    expect(asks.map(({ host, port }) => `${host}:${port}`)).toEqual([1, 2, 3, 4].map((n) => `127.0.0.${n + 1}:8080`));
    expect(mesh.rows.map((row) => row.pod)).toEqual([0, 1, 2, 3, 4]);
    expect(reasonsOf(mesh.rows)).toEqual(['', '', '', '', '']);
    expect(mesh.servedBy).toEqual({ pod: 0, name: 'pod-0' });
    expect(mesh.health).toEqual({ ok: true, reasons: [], general: [] });
    expect(calls.map(([uid, ok]) => [uid, ok])).toEqual([1, 2, 3, 4].map((n) => [`uid-${n}`, true]));
  });

  it('gives a matrix that passes its own validator', async () => {
    const mesh = await start({ pods: podsOf(4) }).collect();
    expect(parseMesh(JSON.parse([...encodeMesh(mesh)].join('')))).toEqual(mesh);
  });

  it('is one collection however many ask at once', async () => {
    const { asks, collector, clock, state } = start({ pods: podsOf(4) });
    const many = Array.from({ length: 60 }, () => collector.collect({ windowMs: 0, maxAgeMs: 0 }));
    await clock.advance(10);
    const meshes = await Promise.all(many);
    expect(asks).toHaveLength(3);
    expect(state.ownRows).toEqual([0]);
    expect(new Set(meshes.map((mesh) => mesh.rows)).size).toBe(1);
  });

  it('is used again while it is young enough, and says its age', async () => {
    const { asks, collector, clock } = start({ pods: podsOf(2) });
    const first = collector.collect({ windowMs: 0, maxAgeMs: 500 });
    await clock.advance(10);
    await first;
    await clock.advance(400);
    const again = await collector.collect({ windowMs: 0, maxAgeMs: 500 });
    expect(again.ageMs).toBeGreaterThan(390);
    expect(again.rows).toBe((await first).rows);
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
    expect(none?.rows).toBe(minute?.rows);
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
    state.ownRowFails = true;
    await expect(collector.collect({ windowMs: 0, maxAgeMs: 0 })).rejects.toThrow('no row');
    state.ownRowFails = false;
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
    expect(mesh.rows.map((row) => [row.pod, row.missing])).toEqual([
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
    expect(mesh.rows.filter((row) => row.missing === 'timeout')).toHaveLength(30);
    expect(mesh.rows.filter((row) => row.missing === '')).toHaveLength(170);
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
    expect(mesh.rows).toHaveLength(1_000);
    expect(reasonsOf(mesh.rows).filter((reason) => reason === 'timeout').length).toBeGreaterThan(250);
    expect(new Set(reasonsOf(mesh.rows))).toEqual(new Set(['', 'timeout', 'not-asked']));
  });

  it('ends soon when it is stopped, and starts no more', async () => {
    const { collector, clock } = start({ pods: podsOf(500), answer: () => ({ afterMs: 60_000 }) });
    const mesh = collector.collect({ windowMs: 0, maxAgeMs: 0 });
    await clock.advance(20);
    collector.stop();
    expect(reasonsOf((await mesh).rows).filter((reason) => reason === 'not-asked')).toHaveLength(499);
    expect(clock.pending).toBe(0);
    await expect(collector.collect({ windowMs: 0, maxAgeMs: 1_000 })).rejects.toThrow(/stopped/);
  });
});

describe('a row from a peer', () => {
  it('counts for the pod that was asked, whoever it claims to be', async () => {
    const pods = podsOf(3);
    const claim: RowAnswer = { kind: 'row', row: rowOf(pods[2] as Pod, pods, [{ to: 0, outcome: 'refused' }]) };
    const { collect } = start({ pods, answer: (uid) => (uid === 'uid-1' ? { answer: claim } : {}) });
    const mesh = await collect();
    expect(mesh.rows[1]?.links.length).toBe(1);
    expect(mesh.rows[2]?.links.length).toBe(3);
  });

  it("with a false table of peers under our own hash changes nobody else's row", async () => {
    const pods = podsOf(4);
    const own = rowOf(pods[0] as Pod, pods);
    const lie = rowOf(pods[1] as Pod, [...pods].reverse(), [{ to: 0, outcome: 'refused' }], {
      peersHash: own.peersHash,
    });
    const { collect } = start({
      pods,
      answer: (uid) => (uid === 'uid-1' ? { answer: { kind: 'row', row: lie } } : {}),
    });
    for (let round = 0; round < 2; round++) {
      const mesh = await collect();
      expect([...(mesh.rows[1]?.links.to ?? [])]).toEqual([3]);
      expect([...(mesh.rows[2]?.links.to ?? [])]).toEqual([0, 1, 2, 3]);
    }
  });

  it("may be Goldpinger's", async () => {
    const result = { OK: true, pingTime: '', podIP: '127.0.0.1', hostIP: '', bootTime: '', statusCode: 200 };
    const check = {
      podResults: new Map(['pod-0', 'pod-1'].map((name) => [name, { ...result, responseTimeMs: 3, error: '' }])),
      probeResults: new Map(),
    };
    const { collect } = start({ pods: podsOf(2), answer: () => ({ answer: { kind: 'check', check } }) });
    const mesh = await collect();
    expect(mesh.rows.map((row) => row.via)).toEqual(['row', 'check']);
    expect(mesh.health.ok).toBe(true);
  });
});

describe('a row of a process that is younger than the window', () => {
  const MINUTE_MS = 60_000;
  const detailOf = async (windowMs: number, createdMs: number, ranMs: number, clockIsOffMs = 0) => {
    const pods = [podOf(0), podOf(1, { createdMs })];
    const atMs = NOW_MS + clockIsOffMs;
    const row = rowOf(podOf(1), pods, undefined, { atMs, bootTimeMs: atMs - ranMs });
    const mesh = await start({ pods, answer: () => ({ answer: { kind: 'row', row } }) }).collect(100, windowMs);
    expect(mesh.rows[1]?.missing).toBe('');
    return mesh.rows[1]?.missingDetail;
  };
  const begins = `its memory begins at ${new Date(NOW_MS - MINUTE_MS).toISOString()}`;

  it('says so if its pod is older, by whatever clock', async () => {
    expect(await detailOf(10 * MINUTE_MS, NOW_MS - 60 * MINUTE_MS, MINUTE_MS)).toBe(begins);
    expect(await detailOf(10 * MINUTE_MS, NOW_MS - 60 * MINUTE_MS, MINUTE_MS, -3_600_000)).toBe(begins);
    expect(await detailOf(10 * MINUTE_MS, NOW_MS - 5 * MINUTE_MS, MINUTE_MS)).toBe(begins);
    expect(await detailOf(MINUTE_MS + 500, NOW_MS - 60 * MINUTE_MS, MINUTE_MS)).toBe(begins);
  });

  it('is whole if it is the first of its pod, or covers the window', async () => {
    expect(await detailOf(10 * MINUTE_MS, NOW_MS - MINUTE_MS - 20_000, MINUTE_MS)).toBe('');
    expect(await detailOf(MINUTE_MS, NOW_MS - 60 * MINUTE_MS, MINUTE_MS)).toBe('');
    expect(await detailOf(0, NOW_MS - 60 * MINUTE_MS, 5_000)).toBe('');
    expect(await detailOf(10 * MINUTE_MS, NOW_MS - 60 * MINUTE_MS, -MINUTE_MS)).toBe('');
  });
});

describe('matrices of more than 90 000 links', () => {
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

describe('a matrix within a budget of time', () => {
  const rowsOf = async (mesh: Promise<Mesh>) => (await mesh).rows.map(({ missing, atMs }) => [missing, atMs - NOW_MS]);

  /** Five pods of which one hangs and one refuses, looked at `askMs` after all was well. */
  async function afterFault(askMs: number) {
    const state = { isFaulty: false };
    const lost: RowAnswer = { kind: 'missing', reason: 'refused', detail: 'nobody listens' };
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

  it('is of the rows that have come; a late one is borrowed from the last matrix while that is young', async () => {
    const { mesh, collector } = await afterFault(900);
    const [own, first, second, late, refused] = await rowsOf(mesh);
    expect([own, first, second]).toEqual([
      ['', 900],
      ['', 900],
      ['', 900],
    ]);
    expect(late).toEqual(['', 400]);
    expect(refused).toEqual(['refused', 900]);
    collector.stop();
  });

  it('lacks the late one if the last matrix is too old, however much more that had', async () => {
    const { mesh, clock, collector } = await afterFault(1_700);
    expect((await rowsOf(mesh)).map(([missing]) => missing)).toEqual(['', '', '', 'timeout', 'refused']);
    expect((await mesh).rows[3]?.missingDetail).toBe('its answer has not come yet');
    await clock.advance(3_000);
    const next = await collector.collect({ windowMs: 30_000, maxAgeMs: 2_000, budgetMs: 800 });
    expect(reasonsOf(next.rows)).toEqual(['', '', '', '', 'refused']);
    collector.stop();
  });

  it('borrows none where indexes of pods have come to mean others', async () => {
    const scene = await afterFault(900);
    const soFar = await scene.mesh;
    const others = { ...soFar, pods: soFar.pods.map((pod, i) => (i === 1 ? podOf(7) : pod)) };
    const lacking = { ...soFar, rows: soFar.rows.filter(({ pod }) => pod !== 3) };
    expect(withAwaited(lacking, { mesh: soFar, agoMs: 0 }).rows[3]?.missing).toBe('');
    expect(withAwaited(lacking, { mesh: others, agoMs: 0 }).rows[3]?.missing).toBe('timeout');
    scene.collector.stop();
  });
});
