import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { ApiAccess } from '../state-folder.ts';

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
  { method, path, body, contentType = 'application/json', accept = 'application/json' }: ApiCall,
): Promise<IncomingMessage> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}`, accept };
  const sent = body === undefined ? '' : JSON.stringify(body);
  if (body !== undefined) {
    headers['content-type'] = contentType;
    // Without this header Node would send the body of a DELETE without its length, and the server would not read it.
    headers['content-length'] = String(Buffer.byteLength(sent));
  }
  // A URL drops `.` and `..`: `pods/..` would name the namespace.
  if (/\/\.\.?(?=[/?]|$)/.test(path)) return Promise.reject(new Error('"." and ".." are no names of objects'));
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, url), { method, headers, ca: caPem, agent: false }, resolve);
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const isAway = error.code === 'ECONNREFUSED';
      reject(isAway ? new Error('no local cluster is running: start one with: npm start') : error);
    });
    outgoing.end(sent);
  });
}

/** Sends a request and resolves with its JSON answer. Rejects with the API's own message if the request failed. */
export async function callJson(access: ApiAccess, request: ApiCall): Promise<unknown> {
  return JSON.parse(await text(await answerTo(access, request)));
}

/** Sends a request and yields the lines of the answer as they arrive. Rejects as `callJson` does. */
export async function* callLines(access: ApiAccess, request: ApiCall): AsyncGenerator<string> {
  const answer = await answerTo(access, request);
  answer.setEncoding('utf8');
  let rest = '';
  // Not by `readline`: it would wait for ever after a connection that was reset.
  for await (const chunk of answer as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

async function answerTo(access: ApiAccess, request: ApiCall): Promise<IncomingMessage> {
  const answer = await call(access, request);
  const { statusCode = 0 } = answer;
  if (statusCode < 400) return answer;
  throw new Error(`Error from server: ${messageIn(await text(answer)) ?? `HTTP ${statusCode}`}`);
}

/** The message of a Status; undefined if the text is none: Node itself answers to a request with a very long URL. */
function messageIn(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { message?: string }).message;
  } catch {
    return undefined;
  }
}
