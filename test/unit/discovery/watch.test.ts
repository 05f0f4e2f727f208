import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type WatchEvent, watch } from '../../../server/discovery/watch.ts';
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
async function watched(chunks: (string | Buffer)[], status = 200): Promise<WatchEvent[]> {
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

  test('comes in pieces of any size', async () => {
    const object = { text: 'aé€\u{1F600}' };
    const bytes = Buffer.from(`\n${JSON.stringify({ type: 'DELETED', object })}\n\n`.repeat(2));
    for (const size of [1, 3, 7, bytes.length]) {
      const pieces = Array.from({ length: bytes.length }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
      expect((await watched(pieces)).slice(1, -1)).toEqual(Array(2).fill({ type: 'deleted', object }));
    }
    await expect(watched(['{"type":'])).rejects.toMatchObject({ message: expect.stringMatching('within an event') });
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
