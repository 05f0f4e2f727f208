import { afterEach, expect, test, vi } from 'vitest';
import { getJson } from '../../../../web/data/client.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A server that sends the head of a response if `answers`, and then nothing. */
function silentServer(answers: boolean) {
  const never = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new DOMException('aborted'))));
  vi.stubGlobal('fetch', async (_: string, { signal }: { signal: AbortSignal }) =>
    answers ? { ok: true, json: () => never(signal) } : never(signal),
  );
}

test.each([true, false])(
  'a request that is not answered in time says after how long (head received: %s)',
  async (answers) => {
    silentServer(answers);
    const request = getJson('http://pod/api/v1/mesh', (wire) => wire, new AbortController().signal, 100);
    await expect(request).rejects.toThrow('no response within 0.1 s');
  },
);

test('a request that the page has given up keeps its own error', async () => {
  silentServer(false);
  const abort = new AbortController();
  const request = getJson('http://pod/api/v1/mesh', (wire) => wire, abort.signal);
  abort.abort();
  await expect(request).rejects.toThrow('aborted');
});

test('a network failure is worded by us, not by the browser', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  const request = getJson('http://pod/api/v1/mesh', (wire) => wire, new AbortController().signal);
  await expect(request).rejects.toThrow(new TypeError('no server answered'));
});
