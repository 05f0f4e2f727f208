import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Whom an attack hits. */
export interface Victim {
  host: string;
  port: number;
}

/** Runs until its process is killed. */
export type Attack = (victim: Victim) => Promise<unknown>;

/** What a client does on one connection. */
interface Script {
  /** Bytes to send once it is open; several are sent 5 ms apart. */
  sends: (string | Buffer)[];
  /** Reads what comes: 'all', a few bytes now and then ('slow'), or nothing. */
  reads: 'all' | 'slow' | 'nothing';
}

const get = (path: string, ...fields: string[]) =>
  `${[`GET ${path} HTTP/1.1`, 'Host: localhost', ...fields].join('\r\n')}\r\n\r\n`;
const GZIP = 'Accept-Encoding: gzip';
const BROTLI = 'Accept-Encoding: br';
const lines = (count: number, line: string) => Array.from({ length: count }, () => line).join('');

/** One client: connects from `localAddress`, plays the script, and ends with its connection. Never rejects. */
function play({ host, port }: Victim, localAddress: string, { sends, reads }: Script): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ host, port, localAddress });
    const slow = reads === 'slow' ? setInterval(() => socket.read(100), 200) : undefined;
    socket.on('error', () => {});
    // A client that does not read does not notice either that it has been cut off.
    const anew = reads === 'nothing' ? setTimeout(() => socket.destroy(), 2_000) : undefined;
    socket.once('close', () => {
      clearInterval(slow);
      clearTimeout(anew);
      resolve();
    });
    if (reads === 'all') socket.resume();
    socket.once('connect', async () => {
      for (const bytes of sends) {
        if (socket.destroyed) return;
        socket.write(bytes);
        await pause(5);
      }
    });
  });
}

/** `count` clients from `addresses` addresses. Each opens its next connection when the last has ended. */
const clients =
  (count: number, addresses: number, script: Script): Attack =>
  async (victim) => {
    const client = async (i: number) => {
      for (;;) {
        await play(victim, `127.0.77.${1 + (i % addresses)}`, script);
        await pause(20);
      }
    };
    await Promise.all(Array.from({ length: count }, (_, i) => client(i)));
  };

const HEAD = 'GET /check HTTP/1.1\r\nHost: localhost\r\n';
const PATHS = [
  '/check_all',
  '/metrics',
  '/api/v1/mesh?window=300000',
  '/api/v1/history',
  '/api/v1/events',
  '/heatmap.png',
];

/** The attacks of a client, by what they do. */
export const CLIENT_ATTACKS: Record<string, Attack> = {
  '900 requests with gzip in one send, on 20 connections that nobody reads': clients(20, 1, {
    sends: [lines(900, get('/check', GZIP))],
    reads: 'nothing',
  }),
  'the same, read': clients(20, 4, { sends: [lines(900, get('/check', GZIP))], reads: 'all' }),
  '15 requests in one send, again and again': clients(60, 3, {
    sends: [lines(15, get('/check', GZIP))],
    reads: 'slow',
  }),
  '4096 connections with 16 kB of unfinished headers': clients(4096, 1, {
    sends: [`${HEAD}X: ${'y'.repeat(16_000)}`],
    reads: 'all',
  }),
  'the same from 40 addresses, with 130 kB of short headers': clients(2000, 40, {
    sends: [HEAD, ...Array.from({ length: 13 }, () => lines(1900, 'a:b\r\n'))],
    reads: 'all',
  }),
  '4096 connections that send nothing': clients(4096, 20, { sends: [], reads: 'all' }),
  'unfinished bodies of annotations': clients(400, 20, {
    sends: [
      'POST /api/v1/annotations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 16000\r\n\r\n{',
    ],
    reads: 'all',
  }),
  '100 clients that read large answers slowly': (victim) =>
    Promise.all(
      PATHS.map((path) => clients(100 / PATHS.length, 5, { sends: [get(path, GZIP)], reads: 'slow' })(victim)),
    ),
  'compressed answers on 200 connections from 40 addresses': (victim) =>
    Promise.all(
      [GZIP, BROTLI].map((field) =>
        clients(100, 40, { sends: [lines(8, get('/metrics', field))], reads: 'all' })(victim),
      ),
    ),
  'streams: pipelined, by HEAD, and from 20 addresses, unread': (victim) =>
    Promise.all([
      clients(20, 1, { sends: [lines(40, get('/api/v1/stream'))], reads: 'nothing' })(victim),
      clients(32, 1, { sends: [get('/api/v1/stream').replace('GET', 'HEAD')], reads: 'nothing' })(victim),
      clients(100, 20, { sends: [get('/api/v1/stream?window=300000')], reads: 'slow' })(victim),
    ]),
  'new connections as fast as possible': clients(500, 20, {
    sends: [get('/nothing-here', 'Connection: close')],
    reads: 'all',
  }),
  'pings without end on connections that nobody reads': clients(50, 5, {
    sends: Array.from({ length: 50 }, () => lines(100, get('/ping'))),
    reads: 'nothing',
  }),
};

/** A JSON body of about `bytes` bytes around many copies of `item`. */
const body = (start: string, item: string, bytes: number, end: string) =>
  `${start}${Array.from({ length: Math.ceil(bytes / (item.length + 1)) }, () => item).join(',')}${end}`;

const ANNOTATIONS = '{"format":"goldpinger-ts/annotations/3","annotations":[';

/** What a hostile peer answers to everything but pings. */
export const HOSTILE_BODIES: Record<string, () => string> = {
  'a list of 0.6 MB of []': () => body(ANNOTATIONS, '[]', 600_000, ']}'),
  'a list of 3.9 MB of []': () => body(ANNOTATIONS, '[]', 3_900_000, ']}'),
  'peers of 0.4 MB of 0': () => body('{"format":"goldpinger-ts/row/1","peers":[', '0', 400_000, ']}'),
  '4 MB of nested [': () => '['.repeat(4_000_000),
  '8 MB of nested objects': () => '{"a":'.repeat(1_600_000),
  '800,000 keys': () => `{${Array.from({ length: 800_000 }, (_, i) => `"k${i}":0`).join(',')}}`,
  '60,000 peers': () => body('{"peers":[', '{"uid":"u","name":"n","podIPs":["10.0.0.1"]}', 60_000 * 45, ']}'),
  'events of 2 MB': () =>
    body('{"format":"goldpinger-ts/journal/1","id":"j","events":[', '{"kind":"x"}', 2_000_000, ']}'),
};

/** A peer that answers pings, and anything else with a hostile body. */
export async function startHostilePeer(host: string, port: number) {
  let hostile = '{}';
  const server = createServer((req, res) => {
    const isPing = req.url === '/ping';
    res.setHeader('Content-Type', 'application/json');
    res.end(isPing ? '{"boot_time":"2026-11-22T14:39:48.013Z"}' : hostile);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return {
    answerWith: (text: string) => {
      hostile = text;
    },
    stop: () => server.close(),
  };
}
