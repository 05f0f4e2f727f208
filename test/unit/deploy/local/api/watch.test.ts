import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filterOf } from '../../../../../deploy/local/api/list.ts';
import type { KubeObject } from '../../../../../deploy/local/api/objects.ts';
import { NODES, PODS } from '../../../../../deploy/local/api/resources.ts';
import type { Store } from '../../../../../deploy/local/api/store.ts';
import { startWatch, type WatchEvent, type WatchRequest } from '../../../../../deploy/local/api/watch.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';
import { addPod, anyWrites, apply, newStore, relabel } from '../pod-store.ts';

const wanted = filterOf({ name: '', query: new URLSearchParams({ labelSelector: 'app=x' }) });

function watch(store: Store, request: Partial<WatchRequest> = {}, clock = new FakeClock()) {
  const events: WatchEvent[] = [];
  let ended = false;
  const stop = startWatch(
    store,
    {
      resource: PODS,
      namespace: '',
      filter: () => true,
      fromVersion: 0,
      bookmarks: false,
      initialEvents: false,
      ...request,
    },
    { send: (event) => events.push(event), end: () => (ended = true) },
    { clock, bookmarkMs: 1000, timeoutMs: 10_500 },
  );
  return { events, stop, isEnded: () => ended };
}

const brief = (events: WatchEvent[]) =>
  events.map(({ type, object }) => `${type} ${'code' in object ? object.code : (object as KubeObject).metadata.name}`);

describe('a watch', () => {
  it('without a version starts with the existing objects', () => {
    const store = newStore();
    addPod(store, 'a');
    const { events, stop } = watch(store);
    addPod(store, 'b');
    store.remove(PODS, 'default', 'a');
    stop();
    addPod(store, 'c');
    expect(brief(events)).toEqual(['ADDED a', 'ADDED b', 'DELETED a']);
  });

  it('from a compacted version sends 410 and ends', () => {
    const store = newStore(2);
    const fromVersion = store.version;
    for (const name of ['a', 'b', 'c', 'd', 'e']) addPod(store, name);
    const { events, isEnded } = watch(store, { fromVersion });
    expect(brief(events)).toEqual(['ERROR 410']);
    expect(events[0]?.object).toMatchObject({ kind: 'Status', status: 'Failure', reason: 'Expired' });
    expect(isEnded()).toBe(true);
  });

  it('reports ADDED and DELETED when an object begins and stops to match', () => {
    const store = newStore();
    const { events } = watch(store, { filter: wanted });
    addPod(store, 'a', { app: 'y' });
    relabel(store, 'a', { app: 'x' });
    relabel(store, 'a', { app: 'x', more: '1' });
    const { resourceVersion } = relabel(store, 'a', { app: 'y' }).metadata;
    store.remove(PODS, 'default', 'a');
    expect(brief(events)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    // The last matching state, at the version of the change.
    expect(events[2]?.object.metadata).toMatchObject({ resourceVersion, labels: { app: 'x', more: '1' } });
  });

  it('sees only its own kind and namespace', () => {
    const store = newStore();
    const { events } = watch(store, { namespace: 'one' });
    addPod(store, 'a', {}, 'one');
    addPod(store, 'b', {}, 'two');
    store.create(NODES, { metadata: { name: 'n' } });
    expect(brief(events)).toEqual(['ADDED a']);
  });

  it('gets bookmarks with the newest version if it asked for them, ends after its time, and leaves no timer behind', async () => {
    const store = newStore();
    const clock = new FakeClock();
    const [asked, silent, stopped] = [true, false, true].map((bookmarks) => watch(store, { bookmarks }, clock));
    store.create(NODES, { metadata: { name: 'n' } });
    await clock.advance(2500);
    stopped?.stop();
    const { version } = store;
    const bookmark = { type: 'BOOKMARK', object: { kind: 'Pod', metadata: { resourceVersion: `${version}` } } };
    expect(stopped?.events).toMatchObject([bookmark, bookmark]);
    await clock.advance(8000);
    // The last one comes at the end.
    expect(asked?.events).toMatchObject(Array(11).fill(bookmark));
    expect([asked?.isEnded(), silent?.isEnded(), silent?.events]).toEqual([true, true, []]);
    expect([stopped?.events.length, stopped?.isEnded(), clock.pending]).toEqual([2, false, 0]);
  });

  it('with initial events marks their end by a bookmark', () => {
    const store = newStore();
    addPod(store, 'a');
    const { events, stop } = watch(store, { bookmarks: true, initialEvents: true, fromVersion: store.version });
    stop();
    expect(events.map((event) => event.type)).toEqual(['ADDED', 'BOOKMARK']);
    expect(events[1]?.object.metadata).toMatchObject({ annotations: { 'k8s.io/initial-events-end': 'true' } });
  });

  it('lets a client reconstruct the list, whatever changes and from whichever version it starts, until that is compacted', () => {
    const matching = (store: Store) => store.list(PODS).filter(wanted);
    const byName = (pods: readonly KubeObject[]) => new Map(pods.map((one) => [one.metadata.name, one]));
    fc.assert(
      fc.property(anyWrites, anyWrites, anyWrites, fc.integer({ min: 1, max: 6 }), (early, missed, seen, keep) => {
        const store = newStore(keep);
        for (const write of early) apply(store, write);
        const fromVersion = store.version;
        const known = byName(matching(store));
        for (const write of missed) apply(store, write);
        const isLost = store.changesAfter(fromVersion) === null;
        if (isLost) expect(store.version - fromVersion).toBeGreaterThan(keep);
        const { events } = watch(store, { filter: wanted, fromVersion });
        for (const write of seen) apply(store, write);
        expect(brief(events).includes('ERROR 410')).toBe(isLost);
        if (isLost) return;
        for (const { type, object } of events as Extract<WatchEvent, { object: KubeObject }>[]) {
          const { name } = object.metadata;
          expect(known.has(name)).toBe(type !== 'ADDED');
          if (type === 'DELETED') known.delete(name);
          else known.set(name, object);
        }
        expect(known).toEqual(byName(matching(store)));
      }),
    );
  });
});
