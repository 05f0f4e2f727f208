import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { ApiAccess } from '../state-folder.ts';

const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** A request to a cluster's API. */
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
  const text = await textOf(answer);
  const failed = (answer.statusCode ?? 0) >= 400;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(`the API answered ${answer.statusCode} with something that is not JSON`);
  }
  if (failed) throw new Error(`Error from server: ${(json as { message?: string }).message ?? answer.statusCode}`);
  return json;
}

/** Reads the whole body of an answer as text. Rejects if it is larger than MAX_ANSWER_BYTES. */
export async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Yields the lines of an answer as they arrive. */
export async function* linesOf(answer: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  answer.setEncoding('utf8');
  for await (const chunk of answer as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
