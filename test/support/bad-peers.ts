import { createServer, type Socket } from 'node:net';
import { close, listen } from '../../deploy/local/sockets.ts';
import type { Outcome, Phase } from '../../server/protocol/sample.ts';

/** The behaviour of a kind of peer, and the result that a probe of it must have. */
interface Kind {
  outcome: Outcome;
  phase: Phase | null;
  /** Called when the whole request has arrived. Without it the peer never answers. */
  answer?: (socket: Socket) => void;
  /** Called when a connection has been accepted. */
  accept?: (socket: Socket) => void;
}

const BOOT = '{"boot_time":"2026-11-22T14:39:48.013Z"}';

/** A whole HTTP/1.1 answer. */
function http(status: string, body: string, fields: string[] = ['Content-Type: application/json']): string {
  const lines = [`HTTP/1.1 ${status}`, ...fields, `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close'];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

const head = (...fields: string[]) => `${['HTTP/1.1 200 OK', ...fields].join('\r\n')}\r\n\r\n`;

/** A peer that sends `text` and closes. */
const says = (outcome: Outcome, text: string): Kind => ({
  outcome,
  phase: outcome === 'ok' ? null : 'body',
  answer: (socket) => void socket.end(text),
});

/** A peer that sends `start` at once and then `character` every 20 ms, without end. */
const drips = (start: string, character: string): Kind => ({
  outcome: 'timeout',
  phase: 'body',
  answer(socket) {
    socket.write(start);
    const timer = setInterval(() => socket.write(character), 20);
    socket.on('close', () => clearInterval(timer));
  },
});

/** A peer that sends `start` and then `block` as fast as the client takes it, without end. */
const floods = (start: string, block: string): Kind => ({
  outcome: 'malformed',
  phase: 'body',
  answer(socket) {
    const pour = () => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on('drain', pour);
    socket.write(start);
    pour();
  },
});

/** All kinds of peers. The healthy ones show that the parser accepts everything that the protocol allows. */
export const BAD_PEERS = {
  refuses: { outcome: 'refused', phase: 'connect' },
  'never-answers': { outcome: 'timeout', phase: 'first-byte' },
  'answers-late': {
    outcome: 'timeout',
    phase: 'first-byte',
    answer(socket) {
      // Later than the timeout of any probe in the tests.
      const timer = setTimeout(() => socket.end(http('200 OK', BOOT)), 5_000);
      socket.on('close', () => clearTimeout(timer));
    },
  },
  'drips-head': drips('HTTP/1.1 200 OK\r\nX-Slow: ', 'z'),
  'drips-body': drips(head('Content-Length: 60000'), ' '),
  'drips-chunks': drips(head('Transfer-Encoding: chunked'), '1\r\n \r\n'),
  'resets-on-accept': { outcome: 'reset', phase: 'first-byte', accept: (socket) => void socket.resetAndDestroy() },
  'resets-on-request': { outcome: 'reset', phase: 'first-byte', answer: (socket) => void socket.resetAndDestroy() },
  'resets-in-body': {
    outcome: 'reset',
    phase: 'body',
    answer(socket) {
      // The pause makes the reset arrive after the client has read the bytes; a reset discards what it has not read.
      socket.write(`${head('Content-Length: 500')}{"boot_`, () => setTimeout(() => socket.resetAndDestroy(), 20));
    },
  },
  'closes-on-accept': { outcome: 'reset', phase: 'first-byte', accept: (socket) => void socket.end() },
  'closes-on-request': { outcome: 'reset', phase: 'first-byte', answer: (socket) => void socket.end() },
  'closes-in-head': says('reset', 'HTTP/1.1 200 OK\r\nContent-Ty'),
  'closes-in-body': says('reset', `${head('Content-Length: 500')}{"boot_time":`),
  'closes-in-chunk': says('reset', `${head('Transfer-Encoding: chunked')}40\r\n{"boot_time":`),
  'huge-head': floods('HTTP/1.1 200 OK\r\n', `X-Huge: ${'x'.repeat(4000)}\r\n`),
  'huge-body': floods(head('Content-Length: 1000000000'), ' '.repeat(16_384)),
  'endless-body': floods(head(), ' '.repeat(16_384)),
  'endless-chunks': floods(head('Transfer-Encoding: chunked'), `1000\r\n${' '.repeat(4096)}\r\n`),
  'many-interim': floods('', 'HTTP/1.1 100 Continue\r\n\r\n'),
  'garbage-status-line': says('malformed', 'HTTP/1.1 OK two hundred\r\nContent-Length: 0\r\n\r\n'),
  'http-0.9': says('malformed', '<html>it works</html>\n'),
  'ssh-banner': {
    outcome: 'malformed',
    phase: 'body',
    accept: (socket) => void socket.write('SSH-2.0-OpenSSH_9.6\r\n'),
  },
  'http-2': says('malformed', Buffer.from([0, 0, 18, 4, 0, 0, 0, 0, 0]).toString('latin1')),
  'bare-line-feeds': says('malformed', `HTTP/1.1 200 OK\nContent-Length: 40\n\n${BOOT}`),
  'two-lengths': says('malformed', `${head('Content-Length: 40', 'Content-Length: 41')}${BOOT}`),
  'length-and-chunks': says('malformed', `${head('Content-Length: 40', 'Transfer-Encoding: chunked')}${BOOT}`),
  'bad-chunk': says('malformed', `${head('Transfer-Encoding: chunked')}zz\r\n${BOOT}\r\n0\r\n\r\n`),
  'switches-protocol': says('malformed', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'),
  'not-found': says('http-status', http('404 Not Found', '{"code":404,"message":"path /ping was not found"}')),
  'server-error': says('http-status', http('500 Internal Server Error', '')),
  redirects: says('http-status', http('302 Found', '', ['Location: /login'])),
  'empty-body': says('malformed', http('200 OK', '')),
  'login-page': says('malformed', http('200 OK', '<!doctype html><title>Sign in</title>', ['Content-Type: text/html'])),
  'wrong-json': says('malformed', http('200 OK', '[1,2]')),
  'no-boot-time': says('ok', http('200 OK', '{"OK":true}')),
  'boot-time-number': says('malformed', http('200 OK', '{"boot_time":1795358388013}')),
  'boot-time-nonsense': says('malformed', http('200 OK', '{"boot_time":"yesterday"}')),
  'continue-then-200': says('ok', `HTTP/1.1 100 Continue\r\n\r\n${http('200 OK', BOOT)}`),
  'extra-fields': says('ok', http('200 OK', `{"version":"9.9","nested":{"a":[1]},${BOOT.slice(1)}`)),
  chunked: says(
    'ok',
    `${head('Transfer-Encoding: chunked')}5;x=y\r\n{"boo\r\n23\r\n${BOOT.slice(5)}\r\n0\r\nT: z\r\n\r\n`,
  ),
  'http-1.0': says('ok', `HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n${BOOT}`),
  'two-packets': {
    outcome: 'ok',
    phase: null,
    answer(socket) {
      const text = http('200 OK', BOOT);
      // Without the pause the system would send both parts in one packet.
      socket.write(text.slice(0, 30), () => setTimeout(() => socket.end(text.slice(30)), 20));
    },
  },
} satisfies Record<string, Kind>;

/** A kind of peer; see `BAD_PEERS`. */
export type BadPeerKind = keyof typeof BAD_PEERS;

/** All kinds, for `it.each`. */
export const BAD_PEER_KINDS = Object.keys(BAD_PEERS) as BadPeerKind[];

/** A peer that has been started. */
export type BadPeer = Awaited<ReturnType<typeof startBadPeer>>;

/**
 * Starts a peer of a kind on loopback: by default on a free port of 127.0.0.1, or where `at` says (integration tests give
 * it a pod's address and port 8080). `refuses` closes its port again, so that nothing listens there.
 */
export async function startBadPeer(kind: BadPeerKind, at: { host?: string; port?: number } = {}) {
  const behaviour: Kind = BAD_PEERS[kind];
  const host = at.host ?? '127.0.0.1';
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A probe closes its connection to most of these peers early.
    socket.on('error', () => {});
    let request = '';
    socket.on('data', (bytes) => {
      request += bytes.toString('latin1');
      if (!request.endsWith('\r\n\r\n')) return;
      requests.push(request);
      request = '';
      behaviour.answer?.(socket);
    });
    behaviour.accept?.(socket);
  });
  const port = await listen(server, host, at.port ?? 0);
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    return close(server);
  };
  if (kind === 'refuses') await stop();
  const { outcome, phase } = behaviour;
  return {
    host,
    port,
    /** How a probe of it must end; the phase is null for ok. */
    outcome,
    phase,
    /** Requests that have arrived in full so far, each as text. */
    requests,
    /** Closes everything; resolves once nothing is left. */
    stop,
    /** Connections accepted so far. */
    get accepted() {
      return accepted;
    },
    /** Connections open right now. */
    get open() {
      return sockets.size;
    },
  };
}
