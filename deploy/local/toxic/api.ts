import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { goJson, JsonFault, parseGoJson } from './go-json.ts';
import type { Populated, Registry } from './registry.ts';

/** A request that cannot be followed: what the API answers, with Toxiproxy's words. */
export class ApiFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Calls `read`; a JsonFault in it becomes ApiFault 400 `bad request body: ...`. */
export function badBody<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof JsonFault) throw new ApiFault(400, `bad request body: ${error.message}`);
    throw error;
  }
}

/** The version whose API this is: that of the chapter. */
export const API_VERSION = '2.1.4';

const MAX_BODY_BYTES = 1024 * 1024;
const JSON_TYPE = 'application/json';
const ERROR_TYPE = 'text/plain; charset=utf-8';

interface Answer {
  status: number;
  type?: string;
  text?: string;
}

const NOT_FOUND: Answer = { status: 404, type: ERROR_TYPE, text: '404 page not found\n' };

interface Call {
  registry: Registry;
  request: IncomingMessage;
  /** Parts of the path after the first. */
  names: string[];
}

type Handler = (call: Call) => Answer | Promise<Answer>;

/**
 * Toxiproxy's HTTP API on a registry of proxies: endpoints, status codes and messages of version 2.1.4, and PATCH as
 * later versions have it. The caller makes it listen.
 */
export function createApi(registry: Registry): Server {
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    void answerTo(registry, request).then(
      (answer) => send(response, answer),
      () => send(response, { status: 500, type: ERROR_TYPE, text: '' }),
    );
  });
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request');
  });
  return server;
}

async function answerTo(registry: Registry, request: IncomingMessage): Promise<Answer> {
  // A page of any web site can send requests here: browsers are kept out by name, as Toxiproxy does.
  if (request.headers['user-agent']?.startsWith('Mozilla/')) {
    return { status: 403, type: ERROR_TYPE, text: 'User agent not allowed\n' };
  }
  const [path = ''] = (request.url ?? '').split('?', 1);
  const [first = '', ...names] = partsOf(path);
  const shape = names.map((name, i) => (i === 1 ? name : '*'));
  const route = [first, ...shape].join('/');
  const method = request.method === 'PATCH' && route.endsWith('*') ? 'POST' : request.method;
  const key = `${method} ${route}`;
  const handler = names.includes('') || !Object.hasOwn(ROUTES, key) ? undefined : ROUTES[key];
  if (!handler) return names.includes('') ? NOT_FOUND : refused(route);
  try {
    return await handler({ registry, request, names });
  } catch (error) {
    if (!(error instanceof ApiFault)) throw error;
    const text = `${goJson({ error: error.message, status: error.status })}\n`;
    return { status: error.status, type: ERROR_TYPE, text };
  }
}

const ROUTES: Record<string, Handler> = {
  'GET proxies': ({ registry }) => json(200, registry.views()),
  'POST proxies': async ({ registry, request }) => json(201, await registry.create(await bodyOf(request))),
  'GET proxies/*': ({ registry, names: [proxy = ''] }) => json(200, registry.proxy(proxy).view),
  'POST proxies/*': async ({ registry, request, names: [proxy = ''] }) => {
    registry.proxy(proxy);
    return json(200, await registry.update(proxy, await bodyOf(request)));
  },
  'DELETE proxies/*': async ({ registry, names: [proxy = ''] }) => {
    await registry.remove(proxy);
    return { status: 204 };
  },
  'GET proxies/*/toxics': ({ registry, names: [proxy = ''] }) => json(200, registry.proxy(proxy).view.toxics),
  'POST proxies/*/toxics': async ({ registry, request, names: [proxy = ''] }) => {
    registry.proxy(proxy);
    const body = await bodyOf(request);
    return json(200, registry.proxy(proxy).addToxic(body));
  },
  'GET proxies/*/toxics/*': ({ registry, names: [proxy = '', , toxic = ''] }) =>
    json(200, registry.proxy(proxy).toxic(toxic)),
  'POST proxies/*/toxics/*': async ({ registry, request, names: [proxy = '', , toxic = ''] }) => {
    registry.proxy(proxy).toxic(toxic);
    const body = await bodyOf(request);
    return json(200, registry.proxy(proxy).changeToxic(toxic, body));
  },
  'DELETE proxies/*/toxics/*': ({ registry, names: [proxy = '', , toxic = ''] }) => {
    registry.proxy(proxy).removeToxic(toxic);
    return { status: 204 };
  },
  'POST populate': async ({ registry, request }) => {
    const { proxies, fault } = await populated(registry, request);
    if (fault === undefined) return json(201, { proxies });
    return json(fault.status, { error: fault.message, status: fault.status, proxies });
  },
  'POST reset': async ({ registry }) => {
    await registry.reset();
    return { status: 204 };
  },
  'GET version': () => ({ status: 200, type: 'text/plain;charset=utf-8', text: API_VERSION }),
};

/** Its faults are answered like its success: as JSON, with the proxies. */
async function populated(registry: Registry, request: IncomingMessage): Promise<Populated> {
  try {
    return await registry.populate(await bodyOf(request));
  } catch (error) {
    if (!(error instanceof ApiFault)) throw error;
    return { proxies: null, fault: error };
  }
}

/** 405 where another method has an answer, else 404. */
function refused(route: string): Answer {
  const isKnown = ['GET', 'POST', 'DELETE'].some((method) => Object.hasOwn(ROUTES, `${method} ${route}`));
  return isKnown ? { status: 405 } : NOT_FOUND;
}

function json(status: number, value: unknown): Answer {
  return { status, type: JSON_TYPE, text: goJson(value) };
}

/** The parts of a path, decoded first as Go's router does: a name with a slash is out of reach there too. */
function partsOf(path: string): string[] {
  let decoded = path;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    // What cannot be decoded stays as it is, and names nothing.
  }
  return decoded.split('/').slice(1);
}

/** The body as JSON, whatever its content type says. Rejects with ApiFault 400, 413. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new ApiFault(413, `bad request body: more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return badBody(() => parseGoJson(Buffer.concat(chunks).toString('utf8')));
}

function send(response: ServerResponse, { status, type, text }: Answer): void {
  response.statusCode = status;
  if (type !== undefined) response.setHeader('Content-Type', type);
  if (type === ERROR_TYPE) response.setHeader('X-Content-Type-Options', 'nosniff');
  if (text !== undefined) response.setHeader('Content-Length', Buffer.byteLength(text));
  if (status === 413) response.setHeader('Connection', 'close');
  response.end(text);
}
