import { validateHeaderValue } from 'node:http';
import { connect, type Socket } from 'node:net';
import { hostPort } from '../runtime/host-port.ts';
import { HttpResponseParser, type Progress, type Response } from '../runtime/http-response.ts';

/** An HTTP request to a pod: a POST if it has a body, else a GET. */
export interface HttpRequest {
  /** Path and query. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Where and how a request is sent. */
interface ExchangeOptions {
  /** An IP address. */
  host: string;
  port: number;
  /** The longest body of the response. */
  maxBytes: number;
  /** Every read goes into this buffer and is parsed at once, so all exchanges may share it. */
  readBuffer: Uint8Array;
  /** Called with the number of bytes that have just arrived. It may call `end`. */
  onBytes(count: number): void;
}

/** The response is not valid HTTP, or too long. The message says what is wrong. */
export class MalformedResponseError extends Error {
  override readonly name = 'MalformedResponseError';
}

const CUT_SHORT = 'the connection was closed before the end of the answer';

/**
 * One request to a pod and its response, on a connection of its own. A collection of the mesh makes a thousand of them, so they
 * are made on bare sockets: `node:http` takes three times the CPU time for each.
 */
export class Exchange {
  /**
   * The response. Its body is read only if the status is at most 299, or 503: with 503 a passive pod says that it is passive.
   * Rejects with the system's error (ECONNRESET also if the connection was closed too early), with a MalformedResponseError, or
   * with the error that `end` got.
   */
  readonly response: Promise<Response>;
  /** How many bytes of the response have come. */
  bytes = 0;
  readonly #socket: Socket;
  readonly #parser: HttpResponseParser;
  #resolve: (response: Response) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #isOver = false;

  /** Connects, and then sends the request. Throws a TypeError if HTTP does not allow its path or headers. */
  constructor(request: HttpRequest, { host, port, maxBytes, readBuffer, onBytes }: ExchangeOptions) {
    const head = headOf(request, hostPort(host, port));
    this.#parser = new HttpResponseParser(maxBytes, (status) => status <= 299 || status === 503);
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const onRead = (count: number) => {
      this.bytes += count;
      onBytes(count);
      if (!this.#isOver) this.#onProgress(this.#parser.push(readBuffer.subarray(0, count)));
      return true;
    };
    const onEnd = () => {
      if (!this.#isOver) this.#onProgress(this.#parser.end());
    };
    this.#socket = connect({ host, port, noDelay: true, onread: { buffer: readBuffer, callback: onRead } })
      .on('error', (error) => this.end(error))
      .on('end', onEnd)
      .on('close', onEnd);
    this.#socket.write(head, 'latin1');
    if (request.body !== undefined) this.#socket.write(request.body);
  }

  /** Closes the connection; `response` is rejected with `error` unless it has come already. */
  end(error: unknown): void {
    this.#isOver = true;
    this.#socket.destroy();
    this.#reject(error);
  }

  #onProgress(progress: Progress): void {
    if (progress.kind === 'malformed') this.end(new MalformedResponseError(progress.reason));
    if (progress.kind === 'cut-short') this.end(Object.assign(new Error(CUT_SHORT), { code: 'ECONNRESET' }));
    if (progress.kind !== 'complete') return;
    this.#resolve(progress);
    // Only closes the connection: the promise is settled already.
    this.end(null);
  }
}

/** What a path may consist of: no white space, which would end it, and nothing that needs an encoding. */
const PATH = /^\/[\x21-\x7e]*$/;

function headOf({ path, headers = {}, body }: HttpRequest, host: string): string {
  if (!PATH.test(path)) throw new TypeError('the path has characters that HTTP does not allow');
  const method = body === undefined ? 'GET' : 'POST';
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, 'Accept: application/json', 'Connection: close'];
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderValue(name, value);
    lines.push(`${name}: ${value}`);
  }
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
