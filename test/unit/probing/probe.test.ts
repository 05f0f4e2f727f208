import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { probe } from '../../../server/probing/probe.ts';
import { BusyMeter } from '../../../server/probing/starvation.ts';
import type { Target } from '../../../server/protocol/pod.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { realClock } from '../../../server/runtime/clock.ts';
import { BAD_PEER_KINDS, type BadPeer, type BadPeerKind, startBadPeer } from '../../support/bad-peer.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** Waits for a condition, with room for a busy machine. */
const soon = (condition: () => unknown) => vi.waitFor(condition, { timeout: 10_000, interval: 5 });

const OPTIONS = { timeoutMs: 300, userAgent: 'goldpinger-ts/test' };
const peers: BadPeer[] = [];

afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.stop()));
});

async function start(kind: BadPeerKind): Promise<BadPeer> {
  const peer = await startBadPeer(kind);
  peers.push(peer);
  return peer;
}

function targetAt(address: string, port: number): Target {
  const pod = { uid: 'u1', name: 'pod-1', namespace: 'default', node: 'n1', hostIP: '10.0.0.1' };
  return { ...pod, id: 'u1/4', podIP: address, family: 4, address, port };
}

/** Probes under a fake clock that only moves, to the deadline, once the probe has had ample turns to get there. */
async function probeToEnd(target: Target, clock: FakeClock, patient: boolean): Promise<Sample> {
  const meter = new BusyMeter({
    monotonicMs: () => clock.monotonicMs(),
    idleMs: () => clock.monotonicMs(),
    queuedMs: () => 0,
  });
  let sample: Sample | null = null;
  const ended = probe(target, OPTIONS, { clock, meter }).then((it) => {
    sample = it;
    return it;
  });
  if (!patient) await soon(() => expect(sample).not.toBeNull());
  return ended;
}

const atOnce = BAD_PEER_KINDS.filter((kind) => !/never|late|drips/.test(kind));

describe('a probe of a peer that', () => {
  it.each(atOnce)('%s', async (kind) => {
    const peer = await start(kind);
    const clock = new FakeClock();
    const sample = await probeToEnd(targetAt(peer.host, peer.port), clock, false);
    expect([sample.outcome, sample.phase]).toEqual([peer.outcome, peer.phase]);
    expect(sample.detail === '').toBe(peer.outcome === 'ok');
    expect(sample.bootTimeMs).toBe(peer.outcome === 'ok' ? Date.UTC(2026, 10, 22, 14, 39, 48, 13) : -1);
    expect(clock.pending).toBe(0);
    await soon(() => expect(peer.open).toBe(0));
  });

  it.each([
    ['never-answers', 0],
    ['answers-late', 0],
    ['drips-head', 2],
    ['drips-body', 2],
    ['drips-chunks', 2],
  ] as const)('%s, up to the deadline and not beyond it', async (kind, more) => {
    const peer = await start(kind);
    const clock = new FakeClock();
    const ended = probeToEnd(targetAt(peer.host, peer.port), clock, true);
    await soon(() => expect(peer.requests).toHaveLength(1));
    // What a peer on loopback has written is in our socket; a few turns of the loop read it.
    for (let i = 0; i < 20; i++) await nextTurn();
    await clock.advance(299);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    const sample = await ended;
    expect([sample.outcome, sample.phase]).toEqual(['timeout', peer.phase]);
    expect(sample.totalUs).toBe(300_000);
    expect(sample.firstByteUs >= 0).toBe(more > 0);
    expect(sample.detail).toMatch(/^timeout after 300 ms: /);
    expect(clock.pending).toBe(0);
    await soon(() => expect(peer.open).toBe(0));
  });
});

describe('a probe', () => {
  it('asks for /ping with host, agent and a connection that closes', async () => {
    const peer = await start('extra-fields');
    await probeToEnd(targetAt(peer.host, peer.port), new FakeClock(), false);
    expect(peer.requests).toEqual([
      `GET /ping HTTP/1.1\r\nHost: 127.0.0.1:${peer.port}\r\nUser-Agent: goldpinger-ts/test\r\n` +
        'Accept: application/json\r\nConnection: close\r\n\r\n',
    ]);
  });

  it('of a target without address says so and connects nowhere', async () => {
    const sample = await probeToEnd(targetAt('', 8080), new FakeClock(), false);
    expect(sample).toMatchObject({ outcome: 'no-address', totalUs: -1, connectUs: -1, suspect: false });
  });

  it('never puts a hostile address on the wire', async () => {
    const sample = await probeToEnd(targetAt('x\r\nEvil: yes', 8080), new FakeClock(), false);
    expect(sample.outcome).toBe('dns');
    expect(sample.detail).not.toMatch(/[\r\n]/);
  });

  it('of an impossible port is a failure and no exception', async () => {
    const clock = new FakeClock();
    const sample = await probeToEnd(targetAt('127.0.0.1', 70_000), clock, false);
    expect(sample).toMatchObject({ outcome: 'unreachable', phase: 'connect' });
    expect(clock.pending).toBe(0);
  });

  it('splits the time by phase: a body that comes 150 ms later counts neither as connection nor as first byte', async () => {
    const peer = await start('two-packets');
    const meter = new BusyMeter({
      monotonicMs: () => performance.now(),
      idleMs: () => performance.nodeTiming.idleTime,
      queuedMs: () => 0,
    });
    const sample = await probe(
      targetAt(peer.host, peer.port),
      { ...OPTIONS, timeoutMs: 10_000 },
      { clock: realClock, meter },
    );
    expect(sample.outcome).toBe('ok');
    expect(sample.connectUs).toBeGreaterThan(0);
    expect(sample.firstByteUs).toBeGreaterThan(0);
    // The second packet leaves 150 ms after the first, which a busy machine reads a little later than it left.
    expect(sample.totalUs).toBeGreaterThan(sample.connectUs + sample.firstByteUs + 50_000);
    expect(sample.starvedUs).toBeLessThanOrEqual(sample.totalUs);
  });

  it('reads an answer that came while our own process was too busy to look, and marks the sample suspect', async () => {
    const clock = new FakeClock();
    let fireDeadline = () => {};
    const busyClock = {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      setTimer(fn: () => void) {
        fireDeadline = fn;
        return { cancel() {} };
      },
    };
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"boot_time":"2026-11-22T14:39:48.013Z"}');
        // The loop is blocked past the deadline: the timer runs on its next turn, before the socket is read.
        clock.freeze(400);
        setTimeout(() => fireDeadline(), 0);
        for (const endMs = performance.now() + 5; performance.now() < endMs; );
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const meter = new BusyMeter({ monotonicMs: () => clock.monotonicMs(), idleMs: () => 0, queuedMs: () => 0 });
    const target = targetAt('127.0.0.1', (server.address() as AddressInfo).port);
    const sample = await probe(target, OPTIONS, { clock: busyClock, meter });
    server.close();
    expect(sample).toMatchObject({ outcome: 'ok', suspect: true, starvedUs: 400_000, totalUs: 400_000 });
  });
});
