import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { ApiAccess } from '../state-folder.ts';

/** The most bytes of an answer. The largest is a whole log: 2000 lines of up to 8192 characters. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** The API refused a request. */
export class ApiCallError extends Error {
  readonly code: number | undefined;

  /** `message`: the API's own. `code`: the HTTP status. */
  constructor(message: string | undefined, code: number | undefined) {
    super(`Error from server: ${message ?? code}`);
    this.code = code;
  }
}

/** A request to the Kubernetes API of the local cluster. */
export interface ApiCall {
  method: 'GET' | 'POST' | 'DELETE' | 'PATCH';
  /** With the query. */
  path: string;
  body?: object;
  contentType?: string;
  accept?: string;
}

/** Sends a request and resolves with the answer when its headers arrive. Rejects if the API cannot be reached. */
export function call(
  { url, token, caPem }: ApiAccess,
  { method, path, body, contentType, accept }: ApiCall,
): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers: Record<string, string> = { authorization: `Bearer ${token}`, accept: accept ?? 'application/json' };
  if (text !== undefined) {
    headers['content-type'] = contentType ?? 'application/json';
    // Without this header Node would send the body of a DELETE without its length, and the server would not read it.
    headers['content-length'] = String(Buffer.byteLength(text));
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, url), { method, headers, ca: caPem, agent: false }, resolve);
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const isAway = error.code === 'ECONNREFUSED';
      reject(isAway ? new Error('no local cluster is running: start one with: npm start') : error);
    });
    outgoing.end(text);
  });
}

/** Sends a request and resolves with its JSON answer. Rejects with the API's own message if the request failed. */
export async function callJson(access: ApiAccess, request: ApiCall): Promise<unknown> {
  const answer = await call(access, request);
  await rejectFailure(answer);
  return JSON.parse(await readText(answer));
}

/** Sends a request and yields the lines of the answer as they arrive. Rejects as `callJson` does. */
export async function* callLines(access: ApiAccess, request: ApiCall): AsyncGenerator<string> {
  const answer = await call(access, request);
  await rejectFailure(answer);
  let rest = '';
  answer.setEncoding('utf8');
  for await (const chunk of answer as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

async function rejectFailure(answer: IncomingMessage): Promise<void> {
  if ((answer.statusCode ?? 0) < 400) return;
  const { message } = JSON.parse(await readText(answer)) as { message?: string };
  throw new ApiCallError(message, answer.statusCode);
}

/** Reads a whole stream as text; `name` is for the error. Rejects if it has more than `maxBytes`: a device has no end. */
export async function readText(
  stream: AsyncIterable<Buffer>,
  name = 'the answer',
  maxBytes = MAX_ANSWER_BYTES,
): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`${name} has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
