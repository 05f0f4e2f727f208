import { Agent, get } from 'node:http';
import { connect } from 'node:net';

/** One answer, its body counted and dropped unless it was asked for. */
export interface CallResult {
  status: number;
  /** From the request to the last byte. */
  tookMs: number;
  /** Of the body, as it came over the wire. */
  bytes: number;
  /** `Content-Encoding`; '' = plain. */
  encoding: string;
  text: string;
}

const CALL_TIMEOUT_MS = 30_000;

/** How a call is made. */
export interface CallOptions {
  /** Whether the body is wanted. */
  keep?: boolean;
  headers?: Record<string, string>;
}

/** Gets `url` on a fresh connection. Rejects on any network error and after 30 s. */
export function call(url: string, { keep = false, headers = {} }: CallOptions = {}): Promise<CallResult> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const agent = new Agent({ keepAlive: false });
    const request = get(url, { agent, headers, timeout: CALL_TIMEOUT_MS }, (response) => {
      let bytes = 0;
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (keep) chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const encoding = response.headers['content-encoding'] ?? '';
        resolve({ status: response.statusCode ?? 0, tookMs: performance.now() - startMs, bytes, encoding, text });
      });
    });
    request.on('timeout', () => request.destroy(new Error(`${url}: no answer within ${CALL_TIMEOUT_MS} ms`)));
    request.on('error', reject);
  });
}

/** Whether somebody accepts connections there. */
export function isListening(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
