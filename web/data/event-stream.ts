import { createParser } from 'eventsource-parser';
import type { EventStream } from './stream.ts';

/** A stream with so much of one line unread makes no sense: a report of 1000 pods has 40 kB. */
const MAX_LINE = 16 * 2 ** 20;

/**
 * Opens the Server-Sent Events at `url` (WHATWG HTML, 9.2), and tells `error` once when they end, break or never come.
 * Read by fetch, because EventSource takes as long to cut 20 MB into lines as it takes to understand them.
 */
export function openEventStream(url: string): EventStream {
  const abort = new AbortController();
  const target = new EventTarget();
  const tell = (type: string, data = '') => {
    if (!abort.signal.aborted) target.dispatchEvent(new MessageEvent(type, { data }));
  };
  read(url, abort.signal, tell).then(
    () => tell('error'),
    () => tell('error'),
  );
  return {
    addEventListener: (type, listener) => target.addEventListener(type, listener as (event: Event) => void),
    close: () => abort.abort(),
  };
}

/** Resolves when the stream has ended. Rejects where it breaks, or is none. */
async function read(url: string, signal: AbortSignal, tell: (type: string, data: string) => void): Promise<void> {
  const response = await fetch(url, { signal, cache: 'no-store', headers: { accept: 'text/event-stream' } });
  const type = response.headers.get('content-type') ?? '';
  if (!response.ok || response.body === null || !type.startsWith('text/event-stream')) {
    throw new Error(`no stream: status ${response.status}, ${type}`);
  }
  let isTooLong = false;
  const parser = createParser({
    maxBufferSize: MAX_LINE,
    onEvent: ({ event, data }) => tell(event ?? 'message', data),
    onError: ({ type }) => {
      isTooLong ||= type === 'max-buffer-size-exceeded';
    },
  });
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  while (!isTooLong) {
    const { done, value } = await reader.read();
    if (done) return;
    parser.feed(decoder.decode(value, { stream: true }));
  }
  await reader.cancel();
}
