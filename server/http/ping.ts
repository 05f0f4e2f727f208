import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ProcessContext } from './context.ts';

/**
 * The answer to `/ping`, the hot path of the whole mesh: made once, and sent without express. The body is Goldpinger's:
 * `{"boot_time": <RFC 3339>}`. Once shutdown has begun, each answer closes the connection, so that no later ping breaks.
 */
export function pingAnswer({ metrics, bootTimeMs, isReady }: ProcessContext) {
  const body = Buffer.from(JSON.stringify({ boot_time: new Date(bootTimeMs).toISOString() }));
  const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length, 'Cache-Control': 'no-store' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const rawWith = (connection: string) =>
    Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join('')}Connection: ${connection}\r\n\r\n${body}`);
  const raw = { close: rawWith('close'), keepAlive: rawWith('keep-alive') };
  return {
    /** Sends the answer. Counts the ping. */
    send(res: ServerResponse): void {
      metrics.received('ping');
      if (!isReady()) res.shouldKeepAlive = false;
      res.writeHead(200, headers);
      res.end(body);
    },

    /** Sends the answer on a connection that the HTTP server does not know. Counts the ping. */
    sendRaw(socket: Socket, keepAlive: boolean): void {
      metrics.received('ping');
      if (!keepAlive || !isReady()) socket.end(raw.close);
      // A client that sends without reading is cut off.
      else if (socket.writableLength > 0) socket.destroy();
      else socket.write(raw.keepAlive);
    },
  };
}
export type PingAnswer = ReturnType<typeof pingAnswer>;

/** The whole request of a ping: `GET /ping`, then the fields of the head, which are captured as one text. It has no body. */
const PING = /^GET \/ping(?:\/|\?[^ ]*)? HTTP\/1\.1\r\n((?:[!-9;-~]+:[^\r\n]*\r\n)*)\r\n$/;
/** Fields that need the HTTP server: they announce a body, or ask for another protocol. */
const OTHER_FIELDS = /^(content-length|transfer-encoding|expect|upgrade):/im;

/** A request that is larger is no ping, bytes. */
const MAX_PING_REQUEST_BYTES = 4096;

/** Reads bytes that are exactly one ping; null for anything else. `keepAlive`: whether the client wants to send more. */
export function parsePing(bytes: Buffer): { host: string; keepAlive: boolean } | null {
  if (bytes.length > MAX_PING_REQUEST_BYTES) return null;
  const [, fields] = PING.exec(bytes.toString('latin1')) ?? [];
  if (fields === undefined || OTHER_FIELDS.test(fields)) return null;
  const [, host = ''] = /^host:[ \t]*(.*?)[ \t]*$/im.exec(fields) ?? [];
  return host === '' ? null : { host, keepAlive: !/^connection:.*\bclose\b/im.test(fields) };
}

/** Whether a request is a ping that is answered without express: the usual forms of `GET /ping`. */
export function isPing(method: string | undefined, url: string | undefined): boolean {
  return method === 'GET' && (url === '/ping' || url === '/ping/' || url?.startsWith('/ping?') === true);
}
