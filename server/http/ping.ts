import type { ServerResponse } from 'node:http';
import type { RouteContext } from './context.ts';

/**
 * The answer to `/ping`, the hot path of the whole mesh: made once, and sent without express. The body is Goldpinger's:
 * `{"boot_time": <RFC 3339>}`.
 */
export class PingAnswer {
  readonly #metrics: RouteContext['metrics'];
  readonly #body: Buffer;
  readonly #headers: Record<string, string | number>;

  constructor({ metrics, bootTimeMs }: Pick<RouteContext, 'metrics' | 'bootTimeMs'>) {
    this.#metrics = metrics;
    this.#body = Buffer.from(JSON.stringify({ boot_time: new Date(bootTimeMs).toISOString() }));
    this.#headers = {
      'Content-Type': 'application/json',
      'Content-Length': this.#body.length,
      'Cache-Control': 'no-store',
    };
  }

  /** Sends the answer. Counts the ping. */
  send(res: ServerResponse): void {
    this.#metrics.received('ping');
    res.writeHead(200, this.#headers);
    res.end(this.#body);
  }
}

/** Whether a request is a ping as peers send it. */
export function isPing(method: string | undefined, url: string | undefined): boolean {
  return method === 'GET' && (url === '/ping' || url === '/ping/' || url?.startsWith('/ping?') === true);
}
