import { Agent, get } from 'node:http';

/** The answer to one request. */
export interface CallResult {
  status: number;
  /** From the request to the last byte. */
  tookMs: number;
  /** Size of the body as it came over the network. */
  bytes: number;
  /** `Content-Encoding`; '' = plain. */
  encoding: string;
  /** The body; '' unless `keep` was set. */
  text: string;
}

/** Options of a request. */
export interface CallOptions {
  /** Whether the body is kept; otherwise it is only counted. */
  keep?: boolean;
  headers?: Record<string, string>;
}

const CALL_TIMEOUT_MS = 30_000;

/** Gets `url` on a fresh connection. Rejects on a network error and after `CALL_TIMEOUT_MS`. */
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
