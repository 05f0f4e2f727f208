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
  test('moves its version on with each object, and fails if one never ends', async () => {
    const object = { metadata: { resourceVersion: '8' } };
    const added = `${JSON.stringify({ type: 'ADDED', object })}\n`;
    expect(await watched([added])).toEqual([
      { type: 'opened', durationMs: 0 },
      { type: 'put', object },
      { type: 'end', why: 'closed', resourceVersion: '8' },
    ]);
    const endless = Array.from({ length: 17 }, () => 'x'.repeat(1024 * 1024));
    await expect(watched([added, ...endless])).rejects.toMatchObject({
      fault: 'malformed',
      message: expect.stringMatching('too long'),
    });
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
      const lines = new LineSplitter();
      const found: string[] = [];
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
