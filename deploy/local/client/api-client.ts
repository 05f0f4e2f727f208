import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { ApiAccess } from '../kubeconfig.ts';

const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** A request to a cluster's API. */
export interface ApiCall {
  method: 'GET' | 'POST' | 'DELETE' | 'PATCH';
  /** With query. */
  path: string;
  body?: object;
  contentType?: string;
  accept?: string;
}

/** Sends a request and gives the answer once its head is there. Rejects with an Error if the API cannot be reached. */
export function call(
  { url, token, caPem }: ApiAccess,
  { method, path, body, contentType, accept }: ApiCall,
): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${token}`,
    accept: accept ?? 'application/json',
    ...(text === undefined
      ? {}
      : { 'content-type': contentType ?? 'application/json', 'content-length': Buffer.byteLength(text) }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, url), { method, headers, ca: caPem, agent: false }, resolve);
    outgoing.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ECONNREFUSED' ? new Error('no local cluster is running: start one with: npm start') : error,
      ),
    );
    outgoing.end(text);
  });
}

/** Sends a request and gives its JSON answer. Rejects with the API's own message if that is a failure. */
export async function callJson(access: ApiAccess, wanted: ApiCall): Promise<unknown> {
  const answer = await call(access, wanted);
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

/** The whole body of an answer as text. Rejects if it is unreasonably large. */
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

/** The lines of an answer as they come. */
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
