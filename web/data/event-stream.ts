import { createParser } from 'eventsource-parser';
import type { EventStream } from './stream.ts';

/** The longest line of a stream, bytes. A report of 1000 pods has 40 kB. */
const MAX_LINE = 16 * 2 ** 20;

/**
 * Opens the Server-Sent Events at `url` (WHATWG HTML, section 9.2). Emits one `error` when they end, break or never start.
 * It uses fetch, because EventSource needs as long to split 20 MB into lines as the page needs to parse them.
 */
export function openEventStream(url: string): EventStream {
  const abort = new AbortController();
  const target = new EventTarget();
  const emit = (type: string, data = '') => {
    if (!abort.signal.aborted) target.dispatchEvent(new MessageEvent(type, { data }));
  };
  read(url, abort.signal, emit).then(
    () => emit('error'),
    () => emit('error'),
  );
  return {
    addEventListener: (type, listener) => target.addEventListener(type, listener as (event: Event) => void),
    close: () => abort.abort(),
  };
}

/** Reads the stream. Resolves at its end. Rejects if it breaks, or if the response is not an event stream. */
async function read(url: string, signal: AbortSignal, emit: (type: string, data: string) => void): Promise<void> {
  const response = await fetch(url, { signal, cache: 'no-store', headers: { accept: 'text/event-stream' } });
  const type = response.headers.get('content-type') ?? '';
  if (!response.ok || response.body === null || !type.startsWith('text/event-stream')) {
    throw new Error(`no stream: status ${response.status}, ${type}`);
  }
  let isTooLong = false;
  const parser = createParser({
    maxBufferSize: MAX_LINE,
    onEvent: ({ event, data }) => emit(event ?? 'message', data),
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
