import { textOf } from '../../server/runtime/errors.ts';
import { durationText } from '../../server/runtime/measure-text.ts';

/** Time limit of a request of the page, ms. */
export const REQUEST_TIMEOUT_MS = 10_000;

/** A URL on our server, relative to the page (`base`), because the page can be served under any sub-path. */
export function serverUrl(path: string, query: Record<string, string> = {}, base = document.baseURI): string {
  const url = new URL(path, base);
  url.hash = '';
  url.search = new URLSearchParams(query).toString();
  return url.href;
}

export interface FetchedText {
  text: string;
  cut: boolean;
  status: number;
  pod: string;
}

/**
 * Runs a request that is aborted after `timeoutMs` or by `signal`. Rejects as `request` does; after `timeoutMs` with words; with a
 * TypeError if the network fails, which each browser words in its own way.
 */
async function withTimeout<T>(
  signal: AbortSignal,
  timeoutMs: number,
  request: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await request(AbortSignal.any([signal, timeout]));
  } catch (error) {
    // Browsers have several errors for a body that is aborted.
    if (timeout.aborted && !signal.aborted) throw new Error(`no response within ${durationText(timeoutMs)}`);
    throw error instanceof TypeError ? new TypeError('no server answered') : error;
  }
}

/** Fetches the text at `path`, at most `limit` characters, whatever the status. Rejects with an Error that people can read. */
export function fetchText(path: string, limit: number, signal: AbortSignal): Promise<FetchedText> {
  const get = async (limited: AbortSignal) => readText(await fetch(serverUrl(path), { signal: limited }), limit);
  return withTimeout(signal, REQUEST_TIMEOUT_MS, get);
}

async function readText(response: Response, limit: number): Promise<FetchedText> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const { status } = response;
  const pod = response.headers.get('goldpinger-pod') ?? '';
  let text = '';
  while (reader !== undefined && text.length <= limit) {
    const { done, value } = await reader.read();
    if (done) return { text, cut: false, status, pod };
    text += value;
  }
  await reader?.cancel();
  return { text: text.slice(0, limit), cut: text.length > limit, status, pod };
}

/**
 * Requests JSON from `url` and validates it with `parse`. Rejects with an Error that people can read; for any status but
 * 2xx it is the server's message, if there is one.
 */
export function getJson<T>(
  url: string,
  parse: (wire: unknown) => T,
  signal: AbortSignal,
  timeoutMs = REQUEST_TIMEOUT_MS,
): Promise<T> {
  const get = async (limited: AbortSignal) => {
    const response = await fetch(url, { signal: limited, headers: { accept: 'application/json' } });
    if (response.ok) return validated(response, parse);
    const answer: unknown = await response.json().catch(() => null);
    throw new Error(messageOf(answer) ?? `the server answered with status ${response.status}`);
  };
  return withTimeout(signal, timeoutMs, get);
}

/** Validates the JSON of a response. Rejects with an Error that people can read. */
export async function validated<T>(response: Response, parse: (wire: unknown) => T): Promise<T> {
  let wire: unknown;
  try {
    wire = await response.json();
  } catch (error) {
    if (error instanceof SyntaxError) throw new Error('the response is not JSON: is there a login page in between?');
    throw error;
  }
  try {
    return parse(wire);
  } catch (error) {
    throw new Error(`the response does not match this version of the page: ${textOf(error, 160)}`);
  }
}

/** The message of an error response; null if it has none. */
export function messageOf(answer: unknown): string | null {
  const { message } = (answer ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : null;
}
