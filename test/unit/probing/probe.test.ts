import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { listen } from '../../../deploy/local/sockets.ts';
import { BusyMeter } from '../../../server/probing/starvation.ts';
import type { Target } from '../../../server/protocol/pod.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { BAD_PEER_KINDS, type BadPeer, type BadPeerKind, startBadPeer } from '../../support/bad-peers.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { soon } from '../../support/loopback-peer.ts';
import { probeOnce, proberWith } from '../../support/probe-once.ts';
import { targetOf } from '../../support/samples.ts';

const never = () => 0;

/** Starts a peer until the test ends. */
async function start(kind: BadPeerKind): Promise<BadPeer> {
  const peer = await startBadPeer(kind);
  onTestFinished(() => peer.stop());
  return peer;
}

const targetAt = (address: string, port: number): Target => ({ ...targetOf('1'), address, port });

/** A clock that moves on by 1 ms whenever it is read, and counts that. */
class TickingClock extends FakeClock {
  reads = 0;

  override monotonicMs(): number {
    this.reads += 1;
    this.freeze(1);
    return super.monotonicMs();
  }
}

/** A server on a free port, which takes one connection; `socket` is its end of it. */
async function listenForOne(): Promise<{ port: number; socket: Promise<Socket> }> {
  const server = createServer();
  const port = await listen(server, '127.0.0.1', 0);
  const socket = once(server, 'connection').then(([connection]) => {
    server.close();
    return connection as Socket;
  });
  return { port, socket };
}

/** Probes with a fake clock. */
const probeWith = (clock: FakeClock, target: Target) => probeOnce(proberWith(clock), target);

const atOnce = BAD_PEER_KINDS.filter((kind) => !/never|late|drips/.test(kind));

describe('a probe of a peer of the kind', () => {
  it.each(atOnce)('%s', async (kind) => {
    const peer = await start(kind);
    const sample = await probeWith(new FakeClock(), targetAt(peer.host, peer.port));
    expect([sample.outcome, sample.phase]).toEqual([peer.outcome, peer.phase]);
    expect(sample.detail === '').toBe(peer.outcome === 'ok');
    expect(sample.bootTimeMs).toBe(
      peer.outcome === 'ok' && kind !== 'no-boot-time' ? Date.UTC(2026, 10, 22, 14, 39, 48, 13) : -1,
    );
    await soon(() => expect(peer.open).toBe(0));
  });

  it.each([
    ['never-answers', 0],
    ['answers-late', 0],
    ['drips-head', 2],
    ['drips-body', 2],
    ['drips-chunks', 2],
  ] as const)('%s ends at its timeout', async (kind, more) => {
    const peer = await start(kind);
    const clock = new FakeClock();
    const ended = probeWith(clock, targetAt(peer.host, peer.port));
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
  it('requests /ping with host, user agent and Connection: close', async () => {
    const peer = await start('extra-fields');
    await probeWith(new FakeClock(), targetAt(peer.host, peer.port));
    expect(peer.requests).toEqual([
      `GET /ping HTTP/1.1\r\nHost: 127.0.0.1:${peer.port}\r\nUser-Agent: goldpinger-ts/test\r\n` +
        'Accept: application/json\r\nConnection: close\r\n\r\n',
    ]);
  });

  it.each<[what: string, address: string, port: number, Partial<Sample>]>([
    ['of a target without an address does not connect', '', 80, { outcome: 'no-address', totalUs: -1, connectUs: -1 }],
    ['never puts a hostile address on the wire', 'x\r\nEvil: yes', 80, { outcome: 'dns' }],
    ['of an impossible port does not throw', '127.0.0.1', 70_000, { outcome: 'unreachable', phase: 'connect' }],
  ])('%s', async (_, address, port, expected) => {
    const sample = await probeWith(new FakeClock(), targetAt(address, port));
    expect(sample).toMatchObject({ ...expected, suspect: false });
    expect(sample.detail).not.toMatch(/[\r\n]/);
  });

  it('splits the time by phase: a body that comes 150 ms later belongs neither to connect nor to first byte', async () => {
    const clock = new TickingClock();
    const { port, socket } = await listenForOne();
    const ended = probeWith(clock, targetAt('127.0.0.1', port));
    const peer = await socket;
    await once(peer, 'data');
    const { reads } = clock;
    peer.write('HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"boot');
    await soon(() => expect(clock.reads).toBeGreaterThan(reads));
    clock.freeze(150);
    peer.end('_time":"2026-11-22T14:39:48.013Z"}');
    const sample = await ended;
    expect(sample.outcome).toBe('ok');
    expect(sample.connectUs).toBeGreaterThan(0);
    expect(sample.firstByteUs).toBeGreaterThan(0);
    expect(sample.connectUs + sample.firstByteUs).toBeLessThan(150_000);
    expect(sample.totalUs).toBeGreaterThanOrEqual(sample.connectUs + sample.firstByteUs + 150_000);
    expect(sample.starvedUs).toBeLessThanOrEqual(sample.totalUs);
  });

  it('reads an answer that came while our own process was busy, and marks the sample suspect', async () => {
    const clock = new FakeClock();
    let fireDeadline = () => {};
    vi.spyOn(clock, 'setTimer').mockImplementation((fn) => {
      fireDeadline = fn;
      return { cancel() {} };
    });
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"boot_time":"2026-11-22T14:39:48.013Z"}');
        // The loop is blocked past the deadline: the timer runs on its next turn, before the socket is read.
        clock.freeze(400);
        setTimeout(() => fireDeadline(), 0);
        for (const endMs = performance.now() + 5; performance.now() < endMs; );
      });
    });
    const port = await listen(server, '127.0.0.1', 0);
    const meter = new BusyMeter(clock, never, never);
    const sample = await probeOnce(proberWith(clock, { meter }), targetAt('127.0.0.1', port));
    server.close();
    expect(sample).toMatchObject({ outcome: 'ok', suspect: true, starvedUs: 400_000, totalUs: 400_000 });
  });

  it.each(['EADDRNOTAVAIL', 'EMFILE'])(
    'names what our own machine lacks (%s), because it says nothing about the peer',
    async (code) => {
      const prober = proberWith(new FakeClock());
      const error = Object.assign(new Error(`connect ${code} 127.0.0.1:1`), { code });
      vi.spyOn(prober, 'open').mockImplementation(() => {
        throw error;
      });
      const sample = await probeOnce(prober, targetAt('127.0.0.1', 1));
      expect(sample).toMatchObject({ suspect: true, failsOnly: '' });
      expect(sample.ownFault).toContain(code);
    },
  );
});
