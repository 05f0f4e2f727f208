import { afterEach, describe, expect, it, vi } from 'vitest';
import { type HttpServer, listen } from '../../../server/http/server.ts';
import { emptyStats, NONE16 } from '../../../server/protocol/links.ts';
import { parseMergedReport } from '../../../server/protocol/mesh.ts';
import { meshOf, reportOf, stubAnswers } from './answers-stub.ts';

/** Waits for a condition, with room for a busy machine. */
const soon = (condition: () => unknown) => vi.waitFor(condition, { timeout: 10_000, interval: 5 });

const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Event {
  event: string;
  data: unknown;
}

/** A stream's events as they come. */
async function watch(url: string): Promise<{ events: Event[]; status: number; close(): void }> {
  const abort = new AbortController();
  const answer = await fetch(url, { signal: abort.signal });
  const events: Event[] = [];
  const read = async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const match = /^event: (\w+)\ndata: (.*)$/.exec(block);
        if (match !== null) events.push({ event: match[1] ?? '', data: JSON.parse(match[2] ?? '') });
      }
    }
  };
  read().catch(() => {});
  cleanups.unshift(() => abort.abort());
  return { events, status: answer.status, close: () => abort.abort() };
}

async function serve() {
  let mesh = meshOf(['a', 'b', 'c']);
  let held = Promise.resolve();
  let collections = 0;
  let podsChanged = () => {};
  const stub = stubAnswers({
    collect: async () => {
      collections++;
      await held;
      return mesh;
    },
    onPodsChange: (listener) => {
      podsChanged = listener;
      return () => {};
    },
  });
  const server: HttpServer = await listen(stub.answers, '127.0.0.1', 0);
  cleanups.push(() => server.close(0));
  return {
    ...stub,
    server,
    url: `${server.address}/api/v1/stream`,
    collections: () => collections,
    podsChanged: () => podsChanged(),
    show: (next: typeof mesh) => {
      mesh = next;
    },
    /** Lets collections take until the function given back is called. */
    hold: () => {
      let release = () => {};
      held = new Promise((resolve) => {
        release = resolve;
      });
      return release;
    },
  };
}

const names = (events: Event[]) => events.map(({ event }) => event);

describe('/api/v1/stream', () => {
  it('sends the whole picture first, then only the reports that changed', async () => {
    const { url, clock, show } = await serve();
    const { events } = await watch(url);
    await clock.advance(0);
    await soon(() => expect(names(events)).toEqual(['head', 'report', 'report', 'report', 'end']));
    expect(events[0]?.data).toMatchObject({
      reset: true,
      reportCount: 3,
      pods: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
    });
    events.length = 0;

    const next = meshOf(['a', 'b', 'c']);
    next.reports[1] = reportOf(1, 3, 250_000);
    show(next);
    await clock.advance(1000);
    await soon(() => expect(names(events)).toEqual(['head', 'report', 'end']));
    expect(events[0]?.data).toMatchObject({ reset: false, pods: null });
    expect(parseMergedReport(events[1]?.data, 3).pod).toBe(1);
    events.length = 0;

    const ready = { ...next, pods: next.pods.map((pod, i) => (i === 1 ? { ...pod, podIPs: ['10.9.9.9'] } : pod)) };
    show(ready);
    await clock.advance(1000);
    await soon(() => expect(names(events)).toEqual(['head', 'end']));
    expect(events[0]?.data).toMatchObject({ reset: false, pods: [{}, { podIPs: ['10.9.9.9'] }, {}] });
    events.length = 0;

    show(meshOf(['a', 'c']));
    await clock.advance(1000);
    await soon(() => expect(names(events)).toEqual(['head', 'report', 'report', 'end']));
    expect(events[0]?.data).toMatchObject({ reset: true });
  });

  it('leaves out the statistics that no page shows, and sends no report for them', async () => {
    const { url, clock, show } = await serve();
    const withStats = (minUs: number, p50Us: number) => {
      const mesh = meshOf(['a', 'b', 'c']);
      mesh.reports[1] = { ...reportOf(1, 3, 250), stats: emptyStats(3) };
      mesh.reports[1].stats?.minUs.fill(minUs);
      mesh.reports[1].stats?.p50Us.fill(p50Us);
      return mesh;
    };
    show(withStats(70, 100));
    const { events } = await watch(url);
    await clock.advance(0);
    await soon(() => expect(names(events)).toEqual(['head', 'report', 'report', 'report', 'end']));
    const report = events.map(({ data }) => data).find((data) => (data as { stats?: unknown }).stats);
    expect(report).not.toHaveProperty('stats.minUs');
    const { stats } = parseMergedReport(report, 3);
    expect([stats?.minUs[0], stats?.connectP50Us[0], stats?.firstByteP50Us[0]]).toEqual([NONE16, NONE16, NONE16]);
    expect(stats?.p50Us[0]).toBe(100);
    events.length = 0;
    show(withStats(60, 100));
    await clock.advance(1000);
    await soon(() => expect(names(events)).toEqual(['head', 'end']));
    events.length = 0;
    show(withStats(60, 90));
    await clock.advance(1000);
    await soon(() => expect(names(events)).toEqual(['head', 'report', 'end']));
  });

  it('collects once for all watchers, and only while somebody watches', async () => {
    const { url, clock, collections } = await serve();
    await clock.advance(60_000);
    expect(collections()).toBe(0);
    const one = await watch(url);
    const two = await watch(url);
    await clock.advance(0);
    await soon(() => expect(names(two.events)).toContain('end'));
    const before = collections();
    await clock.advance(1000);
    expect(collections()).toBe(before + 1);
    one.close();
    two.close();
    await soon(async () => {
      await clock.advance(10_000);
      expect(clock.pending).toBe(0);
    });
    const after = collections();
    await clock.advance(60_000);
    expect(collections()).toBe(after);
  });

  it('shows a change of the pod list at once', async () => {
    const { url, clock, collections, podsChanged } = await serve();
    const { events } = await watch(url);
    await clock.advance(0);
    await soon(() => expect(names(events)).toContain('end'));
    const before = collections();
    podsChanged();
    podsChanged();
    await clock.advance(100);
    expect(collections()).toBe(before + 1);
  });

  it('shows one that came during a collection right after it, not a whole pause later', async () => {
    const { url, clock, collections, podsChanged, hold } = await serve();
    const { events } = await watch(url);
    await clock.advance(0);
    await soon(() => expect(names(events)).toContain('end'));
    const release = hold();
    await clock.advance(1000);
    const before = collections();
    podsChanged();
    release();
    await clock.advance(100);
    expect(collections()).toBe(before + 1);
  });

  it('refuses more streams than MAX_STREAMS with 503', async () => {
    const { url } = await serve();
    expect((await watch(url)).status).toBe(200);
    expect((await watch(url)).status).toBe(200);
    expect((await watch(url)).status).toBe(503);
  });

  it('ends with the server', async () => {
    const { url, server } = await serve();
    await watch(url);
    await server.close(0);
    await expect(fetch(url)).rejects.toThrow();
  });
});
