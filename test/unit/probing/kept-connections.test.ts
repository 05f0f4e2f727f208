import { createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { listen } from '../../../deploy/local/sockets.ts';
import type { Connection } from '../../../server/probing/connection.ts';
import { type KeepSettings, KeptConnections } from '../../../server/probing/kept-connections.ts';
import type { Target } from '../../../server/protocol/pod.ts';
import { isOverOpenConnection, type Sample } from '../../../server/protocol/sample.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { soon } from '../../support/loopback-peer.ts';
import { probeOnce, proberWith } from '../../support/probe-once.ts';
import { refusedSample, sampleOf, targetOf } from '../../support/samples.ts';

const BODY = '{"boot_time":"2026-11-22T14:39:48.013Z"}';
const answer = (more = '', version = '1.1') =>
  `HTTP/${version} 200 OK\r\nContent-Length: ${BODY.length}\r\n${more}\r\n${BODY}`;

/** Answers the `request`-th request (from 1) of the `connection`-th connection (from 1). */
type Peer = (socket: Socket, connection: number, request: number) => unknown;
type When = (connection: number, request: number) => boolean;
/** A peer that answers some requests and is silent otherwise, or does something else. */
const answers =
  (when: When, otherwise: Peer = () => {}): Peer =>
  (socket, connection, request) =>
    when(connection, request) ? socket.write(answer()) : otherwise(socket, connection, request);
const healthy = answers(() => true);
const says =
  (fields: string, version?: string): Peer =>
  (socket) =>
    socket.write(answer(fields, version));
/** A peer that does this at the second ping over the first connection, and answers all others. */
const atSecond = (how: Peer) => answers((connection, request) => connection !== 1 || request !== 2, how);
const fails: Peer = (socket) => socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n');
const closes: Peer = (socket) => socket.end(answer());
const breaksOff: Peer = (socket) => socket.end('HTTP/1.1 200');

/** A peer on loopback, and pings of it. */
async function scene(peer: Peer = healthy, settings: Partial<KeepSettings> = {}) {
  const sockets: Socket[] = [];
  /** How many requests each connection has carried. */
  const requests: number[] = [];
  const server = createServer((socket) => {
    const i = sockets.push(socket) - 1;
    requests.push(0);
    socket.on('error', () => {});
    socket.on('data', () => {
      requests[i]! += 1;
      peer(socket, i + 1, requests[i]!);
    });
  });
  const port = await listen(server, '127.0.0.1', 0);
  const clock = new FakeClock();
  const prober = proberWith(clock, { freshConnectionIntervalMs: 10_000, ...settings });
  const target: Target = { ...targetOf('1'), address: '127.0.0.1', port };
  prober.kept.setTargets([target]);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  /** Pings once a second. */
  const ping = async (count: number) => {
    const samples: Sample[] = [];
    for (let i = 0; i < count; i++) {
      samples.push(await probeOnce(prober, target));
      await soon(() => expect(sockets.some((socket) => socket.writableEnded && !socket.closed)).toBe(false));
      clock.freeze(1_000);
    }
    return samples;
  };
  /** Pings once, and lets both halves of PING_TIMEOUT pass. `asked`: requests that have come by half time, and by its end. */
  const pingUntilTimeout = async (asked: [number, number]) => {
    const ended = probeOnce(prober, target);
    for (const count of asked) {
      await soon(() => expect(requests.reduce((sum, each) => sum + each, 0)).toBe(count));
      for (let i = 0; i < 20; i++) await nextTurn();
      await clock.advance(150);
    }
    return ended;
  };
  return { clock, prober, target, server, sockets, requests, ping, pingUntilTimeout };
}

describe('a ping a second for 12 s', () => {
  it.each<[string, number[], Peer | undefined, Parameters<typeof scene>[1]]>([
    ['opens a new connection after FRESH_CONNECTION_INTERVAL', [10, 2], healthy, {}],
    ['opens one each time if that is 0', Array(12).fill(1), healthy, { freshConnectionIntervalMs: 0 }],
    ['opens one each time if REFRESH_INTERVAL is as long', Array(12).fill(1), healthy, { refreshIntervalMs: 10_000 }],
    ['opens one each time if the peer says that it closes', Array(12).fill(1), says('Connection: close\r\n'), {}],
    ['opens one each time if the peer knows only HTTP/1.0', Array(12).fill(1), says('', '1.0'), {}],
    ['opens one after each that the peer has closed', [3, 3, 3, 3], answers((_, n) => n < 3, closes), {}],
    ['opens one after bytes that nobody asked for', Array(12).fill(1), (it) => it.write(answer() + answer()), {}],
  ])('%s', async (_, expected, peer, settings) => {
    const { ping, requests, prober, sockets } = await scene(peer, settings);
    const samples = await ping(12);
    expect(samples.map(({ outcome }) => outcome)).toEqual(Array(12).fill('ok'));
    expect(requests).toEqual(expected);
    // The connect time is that of new connections only.
    expect(samples.filter(({ connectUs }) => connectUs >= 0)).toHaveLength(expected.length);
    expect(samples.filter(isOverOpenConnection)).toHaveLength(12 - expected.length);
    expect(samples.every(({ firstByteUs }) => firstByteUs >= 0)).toBe(true);
    prober.kept.setTargets([]);
    await soon(() => expect(sockets.filter(({ closed }) => !closed)).toEqual([]));
  });
});

describe('after a ping that', () => {
  it.each([
    ['failed', fails],
    ['broke off', breaksOff],
  ])('%s, the next eight pings open a connection each', async (_, how) => {
    const { ping, requests } = await scene(atSecond(how));
    await ping(12);
    expect(requests).toEqual([2, ...Array(7).fill(1), 3]);
  });

  it('was late, the next eight pings open a connection each, and any further one that is late begins anew', () => {
    const target = targetOf('1');
    const kept = keptOf([target]);
    const isNew = (...samples: Sample[]) => {
      for (const sample of samples) kept.noteResult(target, sample);
      return kept.mustOpenNew(connectionTo(target), 1_000);
    };
    const good = (count: number) => Array<Sample>(count).fill(sampleOf({ totalUs: 300 }));
    expect(isNew(...good(1))).toBe(false);
    expect(isNew(sampleOf({ totalUs: 100_000 }), ...good(7))).toBe(true);
    expect(isNew(...good(1))).toBe(false);
    expect(isNew(sampleOf({ totalUs: 100_000 }), ...good(7), refusedSample(), ...good(7))).toBe(true);
    expect(isNew(...good(1))).toBe(false);
  });

  it.each([
    ['failed only because its connection was an old one', { failsOnly: 'open' as const }],
    ['our own process was too busy for', { suspect: true }],
  ])('%s, the next one uses the connection that is open', (_, more) => {
    const target = targetOf('1');
    const kept = keptOf([target]);
    kept.noteResult(target, { ...refusedSample(), ...more });
    expect(kept.mustOpenNew(connectionTo(target), 1_000)).toBe(false);
  });
});

describe('an answer', () => {
  const restarted = BODY.replace('48.013', '49.013');
  const bootTimes = async (peer: Peer, settings?: Parameters<typeof scene>[1]) => {
    const { ping } = await scene(peer, settings);
    return (await ping(4)).map(({ outcome, bootTimeMs, statusCode }) => [outcome, statusCode, bootTimeMs % 60_000]);
  };
  const OLD = ['ok', 200, 48_013];
  const NEW = ['ok', 200, 49_013];

  /** Answers pings with the same bytes, but the third with another time, which differs in a digit. */
  const restartsAtThird = (send: (socket: Socket, text: string, ping: number) => unknown): Peer => {
    let pings = 0;
    return (socket) => send(socket, answer().replace(BODY, ++pings === 3 ? restarted : BODY), pings);
  };
  const thenInPieces = async (socket: Socket, text: string, ping: number) => {
    if (ping < 3) return socket.write(text);
    socket.write(text.slice(0, -20));
    await nextTurn();
    return socket.write(text.slice(-20));
  };

  it.each<[string, Parameters<typeof restartsAtThird>[0], Partial<KeepSettings>]>([
    ['over open connections', (socket, text) => socket.write(text), {}],
    ['over new ones', (socket, text) => socket.write(text), { freshConnectionIntervalMs: 0 }],
    ['in two pieces, of which the first is as before', thenInPieces, {}],
  ])('that differs from the last one in a digit is read anew, %s', async (_, send, settings) => {
    expect(await bootTimes(restartsAtThird(send), settings)).toEqual([OLD, OLD, NEW, OLD]);
  });

  it('that fails is no model for the next one', async () => {
    expect(await bootTimes(fails)).toEqual(Array(4).fill(['http-status', 503, -1]));
  });
});

describe('an open connection', () => {
  it.each<[string, Peer]>([
    ['closed', (socket) => socket.end()],
    ['reset', (socket) => socket.resetAndDestroy()],
  ])('that is %s when the ping comes is no failure: a new one is opened', async (_, how) => {
    const { ping, requests } = await scene(atSecond(how));
    const [, second] = await ping(2);
    expect([second?.outcome, requests]).toEqual(['ok', [2, 1]]);
    expect(second?.connectUs).toBeGreaterThanOrEqual(0);
  });

  it('on which the answer breaks off is a failure, and the next ping opens a new one', async () => {
    const { ping, requests } = await scene(atSecond(breaksOff));
    const phases = (await ping(3)).map(({ outcome, phase }) => `${outcome} ${phase}`);
    expect([phases, requests]).toEqual([
      ['ok null', 'reset body', 'ok null'],
      [2, 1],
    ]);
  });

  it('is not used for another address of the target, and closed once the target has left', async () => {
    const { ping, prober, target, sockets } = await scene();
    await ping(1);
    expect(await probeOnce(prober, { ...target, port: 1 })).toMatchObject({ outcome: 'refused', phase: 'connect' });
    await ping(1);
    expect(sockets).toHaveLength(2);
    prober.kept.setTargets([]);
    await soon(() => expect(sockets.filter(({ closed }) => !closed)).toEqual([]));
  });
});

describe('a failure says', () => {
  const first: When = (connection, request) => connection === 1 && request < 2;

  it.each<[why: string, when: When, pings: number, asked: [number, number], isOverOpen: boolean, Partial<Sample>]>([
    [
      'only open connections fail, if a new one works',
      (c, n) => c > 1 || n < 2,
      1,
      [2, 3],
      true,
      { failsOnly: 'open' },
    ],
    ['only new ones fail, if the open one works', (c) => c === 1, 10, [11, 12], false, { failsOnly: 'new' }],
    ['neither kind alone fails, if both do', first, 1, [2, 3], true, { failsOnly: '' }],
    ['there is no connection, if a new one is refused', first, 1, [2, 2], false, { failsOnly: '', phase: 'connect' }],
  ])('after a timeout that %s', async (_, when, pings, asked, isOverOpen, expected) => {
    const { ping, pingUntilTimeout, server } = await scene(answers(when));
    await ping(pings);
    if (expected.phase === 'connect') server.close();
    const sample = await pingUntilTimeout(asked);
    expect(sample).toMatchObject({ outcome: 'timeout', phase: 'first-byte', totalUs: 300_000, ...expected });
    expect(isOverOpenConnection(sample)).toBe(isOverOpen);
  });

  it('that only new connections fail, if the open one works, as long as that lasts', async () => {
    const { ping, server, target, requests } = await scene();
    await ping(10);
    server.close();
    const failed = await ping(3);
    for (const sample of failed)
      expect(sample).toMatchObject({ outcome: 'refused', failsOnly: 'new', phase: 'connect' });
    expect(requests).toEqual([13]);
    await soon(() => expect(server.listening).toBe(false));
    await listen(server, '127.0.0.1', target.port).catch(() => {});
    expect(await ping(1)).toMatchObject([{ outcome: 'ok', failsOnly: '' }]);
  });

  it('nothing of the kind if the peer closes the open one after its answer: there is none for the next ping', async () => {
    const { ping, server } = await scene(answers((_, request) => request <= 10, says('Connection: close\r\n')));
    await ping(10);
    server.close();
    expect(await ping(1)).toMatchObject([{ outcome: 'refused', failsOnly: '' }]);
  });

  it('nothing of the kind, and at once, if the peer ends meanwhile, which closes both', async () => {
    const ends: Peer = async (socket) => {
      sockets[0]?.resetAndDestroy();
      // What a peer on loopback has sent reaches us within a few turns of the loop.
      for (let i = 0; i < 20; i++) await nextTurn();
      socket.resetAndDestroy();
    };
    const { ping, sockets } = await scene(answers((connection) => connection === 1, ends));
    await ping(10);
    expect(await ping(1)).toMatchObject([{ outcome: 'reset', failsOnly: '' }]);
  });

  it.each(['thrown', 'reported'])('nothing about connections if our process can open none (%s)', async (how) => {
    const { prober, ping, pingUntilTimeout } = await scene(answers(first));
    await ping(1);
    const error = Object.assign(new Error('connect EMFILE'), { code: 'EMFILE' });
    vi.spyOn(prober, 'open').mockImplementation((target, user) => {
      if (how === 'thrown') throw error;
      setImmediate(() => user.onError(error));
      return connectionTo(target);
    });
    const sample = await pingUntilTimeout([2, 2]);
    expect(sample).toMatchObject({ outcome: 'timeout', phase: 'first-byte', failsOnly: '', ownFault: '' });
  });
});

/** A connection without a socket. */
function connectionTo(target: Target): Connection {
  const close = () => Object.assign(connection, { isClosed: true });
  const connection = { target, openedMs: 0, isClosed: false, user: null, close };
  return connection as unknown as Connection;
}

function keptOf(targets: readonly Target[]): KeptConnections {
  const kept = new KeptConnections({ freshConnectionIntervalMs: 10_000, refreshIntervalMs: 1_000, slowLinkMs: 100 });
  kept.setTargets(targets);
  return kept;
}

it('connections of the first 256 targets are kept', () => {
  const targets = Array.from({ length: 300 }, (_, i) => targetOf(`${i}`));
  const kept = keptOf(targets);
  const all = targets.map(connectionTo);
  for (const connection of all) kept.keep(connection, 200);
  expect(all.map(({ isClosed }) => !isClosed)).toEqual(targets.map((_, i) => i < 256));
  expect([255, 256].map((i) => kept.mayKeep(targets[i]!))).toEqual([true, false]);
  kept.setTargets(targets.slice(200));
  expect(all.filter(({ isClosed }) => !isClosed)).toHaveLength(56);
  expect(kept.mayKeep(targets[299]!)).toBe(true);
  kept.setTargets([]);
  expect(all.every(({ isClosed }) => isClosed)).toBe(true);
});

it('the last good answer of a target is forgotten with the target, and not kept if it is long', () => {
  const meaning = { bootTimeMs: 1000, staysOpen: true };
  const one = targetOf('1');
  const kept = keptOf([one]);
  kept.keepAnswer(one, Buffer.alloc(513), meaning);
  expect(kept.meaningOf(one, Buffer.alloc(513))).toBeNull();
  kept.keepAnswer(one, Buffer.alloc(512), meaning);
  expect(kept.meaningOf(one, Buffer.alloc(512))).not.toBeNull();
  for (const targets of [[], [one]]) kept.setTargets(targets);
  expect(kept.meaningOf(one, Buffer.alloc(512))).toBeNull();
});
