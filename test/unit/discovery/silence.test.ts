import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ApiClient } from '../../../server/discovery/api-client.ts';
import { Discovery } from '../../../server/discovery/discovery.ts';
import { StatusKeeper } from '../../../server/discovery/status.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { podObject } from '../../support/kube-objects.ts';
import { keptLog } from './discovery-scene.ts';

/**
 * How an API server treats watches: it ends them on time with a bookmark before, without one, never, or forbids them; or
 * something on the way resets connections that are idle for 6 s. `expires later`: the first watch brings nothing and does
 * not end, and the version of the next one is too old. `ends, then expired`: the first three end on time without a bookmark.
 */
type Mode =
  | 'bookmarks'
  | 'no bookmarks'
  | 'never ends'
  | 'forbidden'
  | 'always expired'
  | 'reset'
  | 'expires later'
  | 'ends, then expired';

let clock: FakeClock;
/** Whether all packets from and to the API server are lost. */
let isAway: boolean;
/** Whether it refuses all connections, as while it restarts. */
let isRefusing: boolean;
/** How long the credential plugin takes when a login is needed, ms, and when the credential expires, by the monotonic clock. */
let loginMs: number;
let expiresMs: number;
/** Runs of the credential plugin. */
let logins: number;
let requests: { query: Record<string, string> }[];
let pods: object[];

/** An API server that lives by the clock of the test. */
function clientOf(mode: Mode): Pick<ApiClient, keyof ApiClient> {
  let login: Promise<void> | null = null;
  return {
    namespace: 'default',
    hasLogin: true,
    async logIn() {
      if (clock.monotonicMs() < expiresMs) return;
      login ??= new Promise((resolve) => {
        logins += 1;
        clock.setTimer(resolve, loginMs);
      });
      await login;
      expiresMs = Number.POSITIVE_INFINITY;
    },
    get(_path, query, _accept, signal) {
      requests.push({ query });
      if (isRefusing) return Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        const answer = () => isAway || signal.aborted || resolve(answerOf(mode, query, signal));
        // Linux sends the first packet of a connection again after 1, 3 and 7 s.
        for (const delayMs of [0, 1_000, 3_000, 7_000]) clock.setTimer(answer, delayMs);
      });
    },
    drop: () => {},
    close: () => {},
  };
}

function answerOf(mode: Mode, query: Record<string, string>, signal: AbortSignal): IncomingMessage {
  const body = Object.assign(new PassThrough(), { statusCode: 200, headers: {} });
  signal.addEventListener('abort', () => body.destroy(signal.reason));
  body.on('error', () => {});
  if (query['watch'] === undefined) {
    body.end(JSON.stringify({ kind: 'PodList', metadata: { resourceVersion: '7' }, items: pods }));
  } else if (mode === 'forbidden') {
    body.statusCode = 403;
    body.end();
  } else if (
    mode === 'always expired' ||
    (mode === 'expires later' && watches().length > 1) ||
    (mode === 'ends, then expired' && watches().length > 3)
  ) {
    body.end('{"type":"ERROR","object":{"code":410,"message":"too old"}}\n');
  } else if (mode === 'reset') {
    clock.setTimer(() => isAway || body.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' })), 6_000);
  } else if (mode !== 'never ends' && mode !== 'expires later') {
    const lifetimeMs = Number(query['timeoutSeconds']) * 1000;
    const bookmark = '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"8"}}}\n';
    if (mode === 'bookmarks') clock.setTimer(() => isAway || body.write(bookmark), lifetimeMs - 2_000);
    clock.setTimer(() => isAway || body.end(), lifetimeMs);
  }
  return body as unknown as IncomingMessage;
}

/** Starts discovery with the intervals of production. */
async function start(mode: Mode, { knowsOwnPod = true } = {}) {
  const { log, lines } = keptLog();
  const settings = { kubeconfig: null, namespace: null, labelSelector: 'app=a', refreshIntervalMs: 30_000 };
  const ignored = { onChange: () => {}, onRequest: () => {}, onFault: () => {} };
  const deps = { clock, log, client: clientOf(mode), random: () => 0.5, knowsOwnPod: () => knowsOwnPod, ...ignored };
  const discovery = new Discovery({ ...settings, goneRetentionMs: 60_000 }, deps);
  onTestFinished(() => discovery.stop());
  await vi.waitFor(() => expect(requests.length + logins).toBeGreaterThan(0));
  await clock.advance(1_000);
  return { discovery, lines, status: () => discovery.snapshot().status };
}

/** Lets time pass in steps of 100 ms until `condition` holds; returns how long that took, ms. */
async function msUntil(condition: () => boolean, limitMs = 300_000): Promise<number> {
  let passedMs = 0;
  while (!condition() && passedMs < limitMs) {
    await clock.advance(100);
    passedMs += 100;
  }
  return passedMs;
}

beforeEach(() => {
  clock = new FakeClock();
  isAway = false;
  isRefusing = false;
  [loginMs, expiresMs, logins] = [0, Number.POSITIVE_INFINITY, 0];
  requests = [];
  pods = [podObject({ name: 'a', ip: '10.1.0.1' })];
});

const lists = () =>
  requests.filter(
    ({ query }) => query['watch'] === undefined && query['limit'] !== '1' && query['labelSelector'] !== undefined,
  );

const watches = () => requests.filter(({ query }) => query['watch'] !== undefined);

describe.each<Mode>(['bookmarks', 'no bookmarks', 'never ends', 'forbidden', 'always expired', 'reset'])(
  'an API server whose watches are: %s',
  (mode) => {
    test('is not thought to be away while it answers, and is hardly asked', async () => {
      const { status, lines } = await start(mode);
      let oldestMs = 0;
      for (let i = 0; i < 6_000; i++) {
        await clock.advance(100);
        expect(status().phase).toBe('synced');
        oldestMs = Math.max(oldestMs, clock.nowMs() - status().lastGoodMs);
      }
      expect(oldestMs).toBeLessThan(14_000);
      // Whoever resets watches early makes us ask more often.
      expect(requests.length).toBeLessThan(mode === 'reset' ? 200 : 150);
      expect(lines.filter((line) => line.startsWith('warn'))).toEqual([]);
    });

    // At any moment of a watch, and for short and long times.
    test.each([
      [0, 16_000],
      [3_300, 165_000],
      [7_900, 60_000],
      [9_950, 20_000],
      [25_000, 190_000],
    ])(
      'is noticed within 15 s when it hangs after %i ms, and within 5 s when it is back after %i ms',
      async (beginMs, awayMs) => {
        const { status } = await start(mode);
        await clock.advance(beginMs);
        isAway = true;
        const noticedMs = await msUntil(() => status().phase === 'stale');
        expect(noticedMs).toBeLessThanOrEqual(15_000);
        expect(status()).toMatchObject({ phase: 'stale', lastError: { fault: 'timeout' } });
        await clock.advance(Math.max(0, awayMs - noticedMs));
        expect(clock.nowMs() - status().lastGoodMs).toBeGreaterThanOrEqual(awayMs);
        isAway = false;
        expect(await msUntil(() => status().phase === 'synced')).toBeLessThanOrEqual(5_000);
      },
    );
  },
);

describe('an API server that refuses connections', () => {
  /** Begins with a list that has just come; from then on the server refuses. */
  async function refused() {
    const started = await start('always expired');
    const { status } = started;
    await msUntil(() => status().mode === 'list');
    const { lastGoodMs } = status();
    await msUntil(() => status().lastGoodMs > lastGoodMs);
    isRefusing = true;
    await msUntil(() => status().attempts > 0);
    return { ...started, unheardMs: () => clock.nowMs() - status().lastGoodMs };
  }

  test('has not made the list old if it is back within 14 s', async () => {
    const { status, unheardMs } = await refused();
    while (unheardMs() < 13_800) {
      await clock.advance(100);
      expect(status()).toMatchObject({ phase: 'synced', lastError: { fault: 'refused' } });
    }
    isRefusing = false;
    await clock.advance(5_000);
    expect(status()).toMatchObject({ phase: 'synced', lastError: null });
  });

  test('has made the list old after 14 s, also while a request hangs', async () => {
    const { status, unheardMs } = await refused();
    await msUntil(() => unheardMs() >= 12_000);
    isRefusing = false;
    isAway = true;
    await msUntil(() => status().phase === 'stale');
    expect(unheardMs()).toBeGreaterThanOrEqual(14_000);
    expect(unheardMs()).toBeLessThanOrEqual(14_100);
    expect(clock.nowMs() - status().sinceMs).toBeLessThanOrEqual(100);
  });
});

describe('a login with a credential plugin that takes 40 s', () => {
  /** Begins with a credential that expires after 60 s. */
  async function expiring(mode: Mode) {
    const started = await start(mode);
    [loginMs, expiresMs] = [40_000, clock.monotonicMs() + 60_000];
    await msUntil(() => logins > 0);
    expect(started.status().phase).toBe('synced');
    return started;
  }

  test('succeeds at the first attempt, although a request may take only 8 s', async () => {
    [loginMs, expiresMs] = [40_000, 0];
    const { status } = await start('bookmarks');
    await msUntil(() => status().lastError !== null);
    expect(status()).toMatchObject({
      phase: 'waiting',
      attempts: 0,
      lastError: { message: expect.stringMatching('credential plugin') },
    });
    expect(await msUntil(() => status().phase === 'synced')).toBeLessThanOrEqual(40_000);
    expect(status()).toMatchObject({ attempts: 0, lastError: null });
    expect(logins).toBe(1);
  });

  test.each<Mode>(['bookmarks', 'forbidden', 'reset'])(
    'makes the list old meanwhile, by one run of the plugin, and a hang of the API afterwards is noticed (%s)',
    async (mode) => {
      const { status } = await expiring(mode);
      expect(await msUntil(() => status().phase === 'stale')).toBeLessThanOrEqual(15_000);
      expect(status().lastError?.message).toMatch(/credential plugin/);
      expect(await msUntil(() => expiresMs === Number.POSITIVE_INFINITY)).toBeLessThanOrEqual(40_000);
      expect(await msUntil(() => status().phase === 'synced')).toBeLessThanOrEqual(100);
      expect(logins).toBe(1);
      isAway = true;
      expect(await msUntil(() => status().phase === 'stale')).toBeLessThanOrEqual(15_000);
      expect(logins).toBe(1);
    },
  );
});

describe('the pods are listed every refresh interval, although they can be watched, while', () => {
  test.each([
    { what: 'nobody is there', present: [], knowsOwnPod: true },
    { what: 'our own pod is not among them', present: [podObject({ name: 'a' })], knowsOwnPod: false },
  ])('$what', async ({ present, knowsOwnPod }) => {
    pods = present;
    await start('bookmarks', { knowsOwnPod });
    await clock.advance(299_000);
    expect(lists().length).toBeGreaterThanOrEqual(9);
    expect(lists().length).toBeLessThanOrEqual(12);
  });

  test('each of them is too old to be watched', async () => {
    const { status } = await start('always expired');
    await clock.advance(5_000);
    expect(status().mode).toBe('list');
    await clock.advance(294_000);
    expect(lists().length).toBeGreaterThanOrEqual(9);
    expect(lists().length).toBeLessThanOrEqual(12);
  });
});

describe('a watch that opens proves nothing until something comes', () => {
  test('a pod that left before the version of a reopened watch was too old has left since the last news', async () => {
    pods = [podObject({ name: 'a', ip: '10.1.0.1', createdMs: clock.nowMs() - 60_000 })];
    const { discovery } = await start('expires later');
    const listedMs = clock.nowMs();
    pods = [podObject({ name: 'b', ip: '10.1.0.2', createdMs: listedMs + 2_000 })];
    await msUntil(() => lists().length > 1);
    expect(watches().length).toBeGreaterThanOrEqual(2);
    expect(clock.nowMs() - listedMs).toBeGreaterThan(8_000);
    await clock.advance(1_000);
    expect(discovery.snapshot().pods.map(({ name, lifecycle, replacedBy }) => [name, lifecycle, replacedBy])).toEqual([
      ['a', 'gone', 'uid-b'],
      ['b', 'ready', ''],
    ]);
  });

  test('the age of the list grows over watches that are reset without an event, until the pods are listed again', async () => {
    const { status } = await start('reset');
    const goodMs = status().lastGoodMs;
    pods = [];
    await msUntil(() => watches().length === 2);
    await clock.advance(2_000);
    expect(status().lastGoodMs).toBe(goodMs);
    expect(await msUntil(() => lists().length > 1)).toBeLessThanOrEqual(8_000);
  });
});

test('a watch that the server ends without an event says that nothing has changed: a pod can only have left after it', async () => {
  const { discovery } = await start('ends, then expired');
  await msUntil(() => watches().length === 3);
  pods = [podObject({ name: 'b', ip: '10.1.0.2' })];
  await msUntil(() => lists().length > 1);
  await clock.advance(1_000);
  const [a] = discovery.snapshot().pods;
  expect(a).toMatchObject({ name: 'a', lifecycle: 'gone' });
  expect(a?.unseenMs).toBeLessThanOrEqual(2_000);
});

test('one expired version after a long watch does not end watching: a new list is followed by a new watch', async () => {
  const { status } = await start('ends, then expired');
  await msUntil(() => watches().length === 5);
  expect(status().mode).toBe('watch');
});

test('the log says once that the API server hangs', async () => {
  const { lines } = await start('bookmarks');
  isAway = true;
  await clock.advance(120_000);
  expect(lines.filter((line) => line.startsWith('warn'))).toEqual([
    'warn the pods cannot be listed from the Kubernetes API',
  ]);
});

describe('the list is old after 14 s of silence', () => {
  function keeper() {
    const deps = { clock, log: keptLog().log, unheardMs: 14_000, podCount: () => 1, onChange: () => {} };
    const status = new StatusKeeper({ namespace: null, labelSelector: 'app=a' }, deps);
    onTestFinished(() => status.stop());
    status.heard();
    return status;
  }

  test('but not while the parts of a long list come; only if that list fails', async () => {
    const status = keeper();
    await clock.advance(10_000);
    status.heardPart();
    await clock.advance(13_999);
    expect(status.isSynced).toBe(true);
    status.failed({ fault: 'server-error', message: 'no' }, 0);
    expect(status.status).toMatchObject({ phase: 'stale', lastError: { fault: 'server-error' } });
  });

  test('and not because our process stood still for that long: it reads first what has come', async () => {
    const status = keeper();
    clock.freeze(60_000);
    await clock.advance(999);
    expect(status.isSynced).toBe(true);
    status.heard();
    await clock.advance(13_999);
    expect(status.isSynced).toBe(true);
    await clock.advance(1);
    expect(status.status).toMatchObject({ phase: 'stale', lastError: { fault: 'timeout' } });
  });
});
