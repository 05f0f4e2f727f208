import { describe, expect, test } from 'vitest';
import { discoveryOfFile, until } from './discovery-scene.ts';

const api = discoveryOfFile();
const { start, synced, watching, putReady, received } = api;

describe('list and watch', () => {
  test('starts in phase waiting and knows the pods of its namespace after the first list', async () => {
    putReady('b', 'a');
    api.stub.putPod({ name: 'elsewhere', namespace: 'other', ip: '10.1.0.3' });
    api.stub.putPod({ name: 'stranger', ip: '10.1.0.4', labels: { app: 'else' } });
    const discovery = start();
    expect(discovery.snapshot()).toMatchObject({ pods: [], status: { phase: 'waiting', lastGoodMs: 0, attempts: 0 } });
    await watching(discovery);
    expect(discovery.stages()).toEqual(['a ready', 'b ready']);
    expect(discovery.snapshot().status).toMatchObject({ mode: 'watch', lastError: null, namespace: 'default' });
    // The list, and the opening of the watch.
    await until(() => expect(discovery.requests).toEqual([expect.any(Number), expect.any(Number)]));
  });

  test('namespace "" lists all namespaces', async () => {
    putReady('a');
    api.stub.putPod({ name: 'a', uid: 'second', namespace: 'other', ip: '10.1.0.3' });
    const discovery = await synced([], { namespace: '' });
    expect(discovery.snapshot().pods.map((pod) => pod.namespace)).toEqual(['default', 'other']);
    expect(api.stub.requests[0]?.path).toBe('/api/v1/pods');
  });

  test('lists in pages of 50 without a field selector, then watches from that version with bookmarks', async () => {
    for (let i = 0; i < 120; i++) api.stub.putPod({ name: `p${i}`, ip: `10.1.0.${i}` });
    const discovery = await synced();
    expect(discovery.snapshot().pods).toHaveLength(120);
    const lists = api.stub.requests.filter((request) => request.kind === 'list');
    expect(lists.map(({ query }) => query.get('limit'))).toEqual(['50', '50', '50']);
    expect(lists[0]?.query.get('fieldSelector')).toBeNull();
    const watch = api.stub.requests.find((request) => request.kind === 'watch');
    expect(Object.fromEntries(watch?.query ?? [])).toMatchObject({
      labelSelector: 'app=goldpinger',
      allowWatchBookmarks: 'true',
      resourceVersion: '220',
      timeoutSeconds: '10',
    });
  });

  test('follows a pod from starting to gone, and names its replacement', async () => {
    const owner = 'replicaset';
    api.stub.putPod({ name: 'a', owner });
    const discovery = await synced();
    expect(discovery.stages()).toEqual(['a starting']);
    api.stub.putPod({ name: 'a', owner, ip: '10.1.0.1' });
    await until(() => expect(discovery.stages()).toEqual(['a ready']));
    api.stub.putPod({ name: 'a', owner, ip: '10.1.0.1', deletedMs: Date.now() });
    await until(() => expect(discovery.stages()).toEqual(['a terminating']));
    const uid = api.stub.putPod({ name: 'b', owner, createdMs: Date.now() + 2_000 });
    api.stub.deletePod('a');
    await until(() => expect(discovery.stages()).toEqual(['a gone', 'b starting']));
    expect(discovery.snapshot().pods[0]?.replacedBy).toBe(uid);
    expect(received('list')).toHaveLength(1);
  });

  test('forgets a departed pod after the retention', async () => {
    const discovery = await synced(['a', 'b'], { goneRetentionMs: 30 });
    api.stub.deletePod('b');
    await until(() => expect(discovery.changes.at(-1)?.pods.map(({ name }) => name)).toEqual(['a']));
    expect(discovery.changes.some(({ pods }) => pods.some(({ lifecycle }) => lifecycle === 'gone'))).toBe(true);
  });

  test('announces a burst of changes together', async () => {
    const discovery = await synced([], {}, { coalesceMs: 50 });
    const before = discovery.changes.length;
    for (let i = 0; i < 200; i++) api.stub.putPod({ name: `p${i}`, ip: '10.1.0.1' });
    await until(() => expect(discovery.changes.at(-1)?.pods).toHaveLength(200));
    expect(discovery.changes.length - before).toBeLessThan(20);
  });

  test('continues from the last version when the server ends the watch', async () => {
    const discovery = await synced(['a']);
    putReady('b');
    await until(() => expect(discovery.stages()).toHaveLength(2));
    api.stub.closeWatches();
    await until(() => expect(received('watch')).toHaveLength(2));
    expect(api.stub.requests.at(-1)?.query.get('resourceVersion')).toBe('102');
    putReady('c');
    await until(() => expect(discovery.stages()).toHaveLength(3));
    expect(received('list')).toHaveLength(1);
    expect(discovery.faults).toEqual([]);
  });

  test('a bookmark moves the version on and counts as news', async () => {
    const discovery = await synced(['a']);
    api.stub.putPod({ name: 'other', labels: { app: 'else' } });
    const goodMs = discovery.snapshot().status.lastGoodMs;
    await until(() => {
      api.stub.bookmark();
      expect(discovery.snapshot().status.lastGoodMs).toBeGreaterThan(goodMs);
    });
    api.stub.closeWatches();
    await until(() => expect(received('watch').at(-1)?.query.get('resourceVersion')).toBe('102'));
    expect(received('list')).toHaveLength(1);
  });

  test.each([true, false])(
    'lists again when the version has expired (reported within the stream: %s)',
    async (inStream) => {
      putReady('a');
      putReady('b');
      const discovery = start();
      await watching(discovery);
      await api.stub.break('hung', 'watch');
      api.stub.deletePod('b');
      putReady('c');
      api.stub.compact(inStream);
      await api.stub.heal();
      if (!inStream) api.stub.closeWatches();
      await until(() => expect(discovery.stages()).toEqual(['a ready', 'b gone', 'c ready']));
      await watching(discovery);
      expect(discovery.faults).toEqual([]);
    },
  );

  test.each(['403', '405'] as const)(
    'lists every refresh interval where the watch is answered with %s, and logs that once',
    async (code) => {
      putReady('a');
      await api.stub.break(Number(code) as 403 | 405, 'watch');
      const discovery = start({}, { forbiddenRetryMs: 150 });
      await until(() => expect(discovery.snapshot().status).toMatchObject({ phase: 'synced', mode: 'list' }));
      putReady('b');
      await until(() => expect(discovery.stages()).toEqual(['a ready', 'b ready']));
      await until(() => expect(discovery.requests.length).toBeGreaterThan(4));
      expect(discovery.lines.filter((line) => line.startsWith('info watching pods is forbidden'))).toHaveLength(1);
      expect(discovery.faults).toEqual([]);
      await api.stub.heal();
      await until(() => expect(api.stub.watchCount).toBe(1));
      putReady('c');
      await until(() => expect(discovery.snapshot().status.mode).toBe('watch'));
    },
  );

  test('lists where the watch fails for another reason', async () => {
    putReady('a');
    await api.stub.break(500, 'watch');
    const discovery = start();
    await until(() => expect(discovery.snapshot().status).toMatchObject({ phase: 'synced', mode: 'list' }));
    putReady('b');
    await until(() => expect(discovery.stages()).toEqual(['a ready', 'b ready']));
    expect(discovery.changes.map(({ status }) => status.phase)).not.toContain('stale');
    expect(new Set(discovery.faults)).toEqual(new Set(['server-error']));
    await api.stub.heal();
    await until(() => expect(api.stub.watchCount).toBe(1));
  });

  test('leaves out a pod that cannot be read, counts it and logs it once', async () => {
    const discovery = await synced(['a']);
    const odd = '{"type":"ADDED","object":{"metadata":{"name":"odd","uid":7}}}';
    api.stub.sendLine(odd);
    api.stub.sendLine(odd);
    putReady('b');
    await until(() => expect(discovery.stages()).toEqual(['a ready', 'b ready']));
    expect(received('list')).toHaveLength(1);
    expect(discovery.faults).toEqual(['malformed', 'malformed']);
    expect(discovery.lines.filter((line) => line === 'warn a pod cannot be read and is left out')).toHaveLength(1);
  });

  test('lists again after nonsense in a watch', async () => {
    putReady('a');
    const discovery = start();
    const lines = ['<html>', '"text"', '{"type":"WHAT"}'];
    for (const [i, line] of lines.entries()) {
      await until(() => expect(received('watch')).toHaveLength(i + 1));
      await watching(discovery);
      const { length } = discovery.faults;
      api.stub.sendLine(line);
      await until(() => expect(discovery.faults.length).toBeGreaterThan(length));
      expect(discovery.faults.at(-1)).toBe('malformed');
    }
    await watching(discovery);
    expect(discovery.stages()).toEqual(['a ready']);
  });
});

describe('nodes', () => {
  test('give their pods a zone, also nodes that appear later', async () => {
    api.stub.putNode('n1', 'east');
    api.stub.putPod({ name: 'a', ip: '10.1.0.1', node: 'n1' });
    const discovery = start();
    await until(() => expect(discovery.snapshot().pods.map(({ zone }) => zone)).toEqual(['east']));
    api.stub.putNode('n2', 'west');
    api.stub.putNode('n3', '');
    api.stub.putPod({ name: 'b', ip: '10.1.0.2', node: 'n2' });
    api.stub.putPod({ name: 'c', ip: '10.1.0.3', node: 'n3' });
    await until(() => expect(discovery.snapshot().pods.map(({ zone }) => zone)).toEqual(['east', 'west', '']));
  });
});

describe('stop', () => {
  test.each(['hung', 'refuse', 500, 'drip'] as const)(
    'ends at once while the fault of the API server is %s',
    async (fault) => {
      await api.stub.break(fault);
      const discovery = start({}, { backoffBaseMs: 60_000, backoffCapMs: 60_000, requestTimeoutMs: 60_000 });
      if (fault === 'hung' || fault === 'drip') await until(() => expect(api.stub.requests).toHaveLength(1));
      else await until(() => expect(discovery.faults).toHaveLength(1));
      await discovery.stop();
      expect(api.stub.watchCount).toBe(0);
    },
  );

  test('closes the watch, and nothing is announced afterwards', async () => {
    const discovery = await synced(['a']);
    await discovery.stop();
    await until(() => expect(api.stub.connectionCount).toBe(0));
    const { length } = discovery.changes;
    putReady('b');
    expect(discovery.changes).toHaveLength(length);
    expect(discovery.faults).toEqual([]);
  });
});
