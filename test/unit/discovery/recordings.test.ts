import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ApiClient } from '../../../server/discovery/api-client.ts';
import { listAll } from '../../../server/discovery/list.ts';
import { readPod } from '../../../server/discovery/pod-reader.ts';
import { PodStore } from '../../../server/discovery/pod-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { answering } from './discovery-scene.ts';
import { LIMITS } from './store-scene.ts';

/** How a pod left: ms from the list to the first news of it, and to its end; `replacedBy` by the end of the name. */
interface Departure {
  pod: string;
  terminatingMs?: number;
  goneMs: number;
  replacedBy: string;
  reason?: string;
}

/** Recordings of Kubernetes 1.33, a list and the watch that follows it, and the departures that they show. */
const RECORDINGS: [name: string, Departure[]][] = [
  ['delete-graceful', [{ pod: '75h8x', terminatingMs: 1207, goneMs: 7751, replacedBy: 't7qvn' }]],
  [
    'drain',
    [{ pod: 'cjr45', terminatingMs: 1280, goneMs: 7981, replacedBy: 'nx77w', reason: 'EvictionByEvictionAPI' }],
  ],
  ['evicted', [{ pod: 'dbw6m', goneMs: 1219, replacedBy: 'sjwct', reason: 'Evicted' }]],
  ['label-removed-and-restored', [{ pod: 'cjr45', goneMs: 1236, replacedBy: 'qlw76' }]],
  ['never-scheduled', [{ pod: 'r-slo', terminatingMs: 9294, goneMs: 9298, replacedBy: '', reason: 'Unschedulable' }]],
  ['node-deleted', [{ pod: 'nx77w', goneMs: 45_006, replacedBy: 'wldkr', reason: 'DeletionByPodGC' }]],
  [
    'scale-down-then-delete-forced',
    [
      { pod: '59kqc', terminatingMs: 1092, goneMs: 7625, replacedBy: '' },
      { pod: 't7qvn', terminatingMs: 13_358, goneMs: 13_376, replacedBy: 'dbw6m' },
    ],
  ],
];

interface Recorded {
  afterMs: number;
  event: { type: string; object: { metadata: { creationTimestamp: string } } };
}

const readText = (file: string) => readFileSync(join(import.meta.dirname, '../../fixtures/kubernetes', file), 'utf8');

function read(name: string): { list: unknown[]; news: Recorded[] } {
  const lines = readText(`${name}.watch.jsonl`).trim().split('\n');
  const news = lines.map((line): Recorded => JSON.parse(line)).filter(({ event }) => event.type !== 'BOOKMARK');
  return { list: JSON.parse(readText(`${name}.list.json`)).items, news };
}

test.each(RECORDINGS.flatMap(([name, expected]) => [-3_000, 0, 3_000].map((skewMs) => ({ name, skewMs, expected }))))(
  '$name is told right where our clock is ahead by $skewMs ms',
  ({ name, skewMs, expected }) => {
    const { list, news } = read(name);
    const created = news.find(({ event }) => event.type === 'ADDED');
    const apiMs = Date.parse(created?.event.object.metadata.creationTimestamp ?? '') + 500 - (created?.afterMs ?? 0);
    const startMs = apiMs + skewMs;
    const store = new PodStore({ ...LIMITS, goneRetentionMs: 300_000, maxPods: 100, maxGone: 100 });
    const terminating = new Map<string, number>();
    const departures = new Map<string, Departure>();
    const end = (uid: string) =>
      uid &&
      (store
        .pods()
        .find((pod) => pod.uid === uid)
        ?.name.slice(-5) ??
        '');
    store.replaceAll(list.map(readPod), startMs);
    for (const { afterMs, event } of news) {
      const pod = readPod(event.object);
      if (event.type === 'DELETED') store.remove(pod, startMs + afterMs);
      else store.put(pod, startMs + afterMs);
      for (const { uid, lifecycle, sinceMs, replacedBy, reason } of store.pods()) {
        if (lifecycle === 'terminating') terminating.set(uid, sinceMs - startMs);
        if (lifecycle !== 'gone') continue;
        departures.set(uid, { pod: end(uid), goneMs: sinceMs - startMs, replacedBy: end(replacedBy), reason });
      }
    }
    const found = [...departures].sort(([, a], [, b]) => a.goneMs - b.goneMs);
    expect(found.map(([, departure]) => departure)).toEqual(
      expected.map(({ terminatingMs: _, ...departure }) => ({ reason: '', ...departure })),
    );
    for (const [i, { terminatingMs }] of expected.entries()) {
      const toldMs = terminating.get(found[i]?.[0] ?? '');
      if (terminatingMs === undefined) expect(toldMs).toBeUndefined();
      // The API names a whole second. Never is a time told that is still to come.
      else expect(Math.abs((toldMs ?? NaN) - terminatingMs)).toBeLessThanOrEqual(1_500 + Math.abs(skewMs));
    }
  },
);

const list = (client: Pick<ApiClient, 'get'>) => {
  const options = { path: '/', query: {}, accept: '', pageSize: 2, maxItems: 100, pageTimeoutMs: 1_000, read: readPod };
  return listAll(client, new FakeClock(), options, new AbortController().signal);
};

test.each([
  ['two pages', ['list-page-1.json', 'list-page-2.json'], 3],
  ['pods with an owner of an odd kind, and with an odd readiness gate', ['list-odd-pods.json'], 5],
  ['a namespace that does not exist', ['list-missing-namespace.json'], 0],
])('the recorded list of %s is read whole', async (_what, files, length) => {
  const { client } = answering((_token, count) => ({ body: [readText(files[count - 1] ?? '')] }));
  expect((await list(client)).items).toHaveLength(length);
});

test.each([
  [401, 'error-401.json', 'unauthorized', 'HTTP 401: Unauthorized'],
  [403, 'error-403.json', 'forbidden', /^HTTP 403: pods is forbidden: User "system:serviceaccount:default:default"/],
  [400, 'error-400-selector.json', 'config', /^HTTP 400: found '==', expected/],
])('a recorded answer %i is told as it is', async (status, file, fault, message) => {
  await expect(list(answering(() => ({ status, body: [readText(file)] })).client)).rejects.toMatchObject({
    fault,
    message: expect.stringMatching(message),
  });
});
