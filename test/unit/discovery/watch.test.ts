import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineSplitter, type WatchEvent, watch } from '../../../server/discovery/watch.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { answering } from './discovery-scene.ts';

const CALL = {
  path: '/api/v1/pods',
  query: {},
  resourceVersion: '7',
  lifetimeMs: 60_000,
  openTimeoutMs: 1_000,
  slackMs: 1_000,
};

/** The events of a watch on a server that answers with `status` and `chunks`. */
async function watched(chunks: string[], status = 200): Promise<WatchEvent[]> {
  const { client } = answering(() => ({ status, body: chunks }));
  const events: WatchEvent[] = [];
  for await (const event of watch(client, new FakeClock(), CALL, new AbortController().signal)) events.push(event);
  return events;
}

describe('a watch', () => {
  test('hears of the server also by an object that is too large to be read', async () => {
    const large = Array.from({ length: 17 }, () => 'x'.repeat(1024 * 1024));
    const object = { metadata: { resourceVersion: '8' } };
    expect(await watched([`${JSON.stringify({ type: 'ADDED', object })}\n`, ...large, '\n'])).toEqual([
      { type: 'opened', durationMs: 0 },
      { type: 'put', object },
      { type: 'put', object: null },
      { type: 'end', why: 'closed', resourceVersion: '8' },
    ]);
  });

  test('has expired, whether the server says so when it is opened or later', async () => {
    const expired = { type: 'end', why: 'expired', resourceVersion: '' };
    expect(await watched(['{"kind":"Status"}'], 410)).toEqual([expired]);
    // As Kubernetes 1.33 sent it.
    const recorded = readFileSync('test/fixtures/kubernetes/watch-410.watch.jsonl', 'utf8');
    const events = await watched([`${JSON.stringify(JSON.parse(recorded).event)}\n`]);
    expect(events.at(-1)).toEqual(expired);
  });
});

test('lines come out as they went in, however the bytes are cut', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replaceAll('\n', ' '));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (texts, sizes) => {
      const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
      const lines = new LineSplitter(1_000);
      const found: (string | null)[] = [];
      for (let from = 0, i = 0; from < bytes.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        found.push(...lines.push(bytes.subarray(from, from + size)));
        from += size;
      }
      expect(found).toEqual(texts);
      expect(lines.hasRest).toBe(false);
    }),
  );
});

test('a line that is too long is dropped, and costs no other line', () => {
  const lines = new LineSplitter(100);
  expect(lines.push(Buffer.from(`a\n${'x'.repeat(100)}`))).toEqual(['a']);
  expect(lines.push(Buffer.from('x'))).toEqual([]);
  expect(lines.hasRest).toBe(true);
  expect(lines.push(Buffer.from(`${'x'.repeat(500)}\nb\n`))).toEqual([null, 'b']);
  // The limit holds for one line, not for all together.
  expect(lines.push(Buffer.from('123456789\n'.repeat(50)))).toHaveLength(50);
  expect(lines.hasRest).toBe(false);
});
