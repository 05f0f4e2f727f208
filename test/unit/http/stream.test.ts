import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { emptyStats, NONE16 } from '../../../server/protocol/links.ts';
import { parseMergedReport } from '../../../server/protocol/mesh.ts';
import { soon } from '../../support/loopback-peer.ts';
import { mergedReportOf, meshOf, podOf, podsOf } from '../../support/mesh.ts';
import { serve } from './serve.ts';

const PODS = podsOf(3);
/** A link to each pod, answered in `totalUs`. */
const linksIn = (totalUs: number) => PODS.map((_, to) => ({ to, totalUs }));

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
  onTestFinished(() => abort.abort());
  return { events, status: answer.status, close: () => abort.abort() };
}

async function start(env: Record<string, string> = {}) {
  let mesh = meshOf(PODS);
  let held = Promise.resolve();
  let collections = 0;
  let tookMs = 0;
  let lastMaxAgeMs = 0;
  const collect = async ({ maxAgeMs }: { maxAgeMs: number }) => {
    collections++;
    lastMaxAgeMs = maxAgeMs;
    await held;
    if (tookMs > 0) await new Promise<void>((resolve) => void rest.clock.setTimer(resolve, tookMs));
    return mesh;
  };
  const { url, context, ...rest } = await serve({ collector: { collect }, env });
  return {
    ...rest,
    url: `${url}/api/v1/stream`,
    collections: () => collections,
    /** The oldest mesh that would have done for the last collection, ms. */
    lastMaxAgeMs: () => lastMaxAgeMs,
    /** Lets collections take this long from now on. */
    slowDown: (ms: number) => {
      tookMs = ms;
    },
    podsChanged: () => context.podChanges.emit('change'),
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
  it('sends the whole mesh first, then only the reports that changed', async () => {
    const { url, clock, show } = await start();
    const { events } = await watch(url);
    await clock.advance(0);
    await soon(() => expect(names(events)).toEqual(['head', 'report', 'report', 'report', 'end']));
    expect(events[0]?.data).toMatchObject({
      reset: true,
      reportCount: 3,
      pods: [{ name: 'pod-0' }, { name: 'pod-1' }, { name: 'pod-2' }],
    });
    events.length = 0;

    const next = meshOf(PODS);
    next.reports[1] = mergedReportOf(1, linksIn(250_000));
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

    show(meshOf([podOf(0), podOf(2)]));
    await clock.advance(1000);
    await soon(() => expect(names(events)).toEqual(['head', 'report', 'report', 'end']));
    expect(events[0]?.data).toMatchObject({ reset: true });
  });

  it('leaves out the statistics that no page shows, and sends no report for them', async () => {
    const { url, clock, show } = await start();
    const withStats = (minUs: number, p50Us: number) => {
      const mesh = meshOf(PODS);
      mesh.reports[1] = mergedReportOf(1, linksIn(250), { stats: emptyStats(3) });
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

  it.each([
    ['jitter', 'jitterUs', 'usualUs'],
    ['usual', 'usualUs', 'jitterUs'],
    ['', '', 'jitterUs'],
  ])('sends the statistics that only one figure shows to a page that shows it: %j', async (figure, sent, unsent) => {
    const { url, clock, show } = await start();
    const mesh = meshOf(PODS);
    mesh.reports[1] = mergedReportOf(1, linksIn(250), { stats: emptyStats(3) });
    show(mesh);
    const { events } = await watch(`${url}?window=60000&figure=${figure}`);
    await clock.advance(0);
    await soon(() => expect(names(events)).toContain('end'));
    const report = events.map(({ data }) => data).find((data) => (data as { stats?: unknown }).stats);
    if (sent !== '') expect(report).toHaveProperty(`stats.${sent}`);
    expect(report).not.toHaveProperty(`stats.${unsent}`);
  });

  it('knows no other figure', async () => {
    const { url } = await start();
    expect((await watch(`${url}?figure=p95`)).status).toBe(400);
  });

  it('collects once for all watchers, and only while somebody watches', async () => {
    const { url, clock, collections } = await start();
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

  it('collects once for pages with different figures, and sends each one its statistics', async () => {
    const { url, clock, collections, show } = await start();
    const mesh = meshOf(PODS);
    mesh.reports[1] = mergedReportOf(1, linksIn(250), { stats: emptyStats(3) });
    show(mesh);
    const jitter = await watch(`${url}?window=60000&figure=jitter`);
    const usual = await watch(`${url}?window=60000&figure=usual`);
    await clock.advance(0);
    await soon(() =>
      expect([names(jitter.events), names(usual.events)].map((all) => all.at(-1))).toEqual(['end', 'end']),
    );
    expect(collections()).toBe(1);
    const statsOf = (events: Event[]) =>
      events.map(({ data }) => data).find((data) => (data as { stats?: unknown }).stats);
    expect(statsOf(jitter.events)).toHaveProperty('stats.jitterUs');
    expect(statsOf(usual.events)).not.toHaveProperty('stats.jitterUs');
  });

  it('gives the last mesh and its age to a page that opens while others watch, and collects none for it', async () => {
    const { url, clock, collections } = await start();
    const one = await watch(url);
    await clock.advance(0);
    await soon(() => expect(names(one.events)).toContain('end'));
    await clock.advance(700);
    const two = await watch(url);
    await soon(() => expect(names(two.events)).toEqual(['head', 'report', 'report', 'report', 'end']));
    expect(two.events[0]?.data).toMatchObject({ reset: true, ageMs: 700 });
    await clock.advance(0);
    expect(collections()).toBe(1);
  });

  it('sends a report whose texts alone have changed', async () => {
    const { url, clock, show } = await start();
    const missing = (missingDetail: string) => {
      const mesh = meshOf(PODS);
      mesh.reports[1] = { ...mergedReportOf(1, []), missing: 'refused', missingDetail };
      return mesh;
    };
    const failed = (detail: string) => {
      const mesh = meshOf(PODS);
      mesh.reports[1] = { ...mergedReportOf(1, linksIn(250)), details: [[0, detail]] };
      return mesh;
    };
    show(missing('port 8080 refused the connection'));
    const { events } = await watch(url);
    await clock.advance(0);
    await soon(() => expect(names(events)).toContain('end'));
    for (const mesh of [missing('port 9090 refused the connection'), failed('reset'), failed('reset by the peer')]) {
      events.length = 0;
      show(mesh);
      await clock.advance(1000);
      await soon(() => expect(names(events)).toEqual(['head', 'report', 'end']));
      expect(events[1]?.data).toMatchObject({
        missingDetail: mesh.reports[1]?.missingDetail,
        details: mesh.reports[1]?.details,
      });
    }
  });

  it('sends no report for its arrival, the ages of its links or the delay of the event loop', async () => {
    const { url, clock, show } = await start();
    const arrived = (atMs: number, loopDelayP99Us: number) => {
      const mesh = meshOf(PODS);
      const links = PODS.map((_, to) => ({ to, totalUs: 250, ageMs: loopDelayP99Us }));
      const starvation = { loopDelayP99Us, suspectShare: 0, unreliable: false, sinceMs: 0 };
      mesh.reports[1] = { ...mergedReportOf(1, links), atMs, fetchUs: atMs, starvation };
      return mesh;
    };
    show(arrived(1_000, 100));
    const { events } = await watch(url);
    await clock.advance(0);
    await soon(() => expect(names(events)).toContain('end'));
    events.length = 0;
    show(arrived(2_000, 200));
    await clock.advance(1000);
    await soon(() => expect(names(events)).toEqual(['head', 'end']));
  });

  it('shows a change of the pod list at once', async () => {
    const { url, clock, collections, podsChanged } = await start();
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
    const { url, clock, collections, podsChanged, hold } = await start();
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

  it('is not put off by further changes of the pod list', async () => {
    const { url, clock, collections, podsChanged } = await start();
    await watch(url);
    await clock.advance(0);
    for (let ms = 0; ms < 200; ms += 50) {
      podsChanged();
      await clock.advance(50);
    }
    // At 0 when the page opened, then 100 and 200 ms after the first change.
    expect(collections()).toBe(3);
  });

  it('collects for at most a fifth of the time, however often the pod list changes and pages open', async () => {
    const { url, clock, collections, podsChanged, slowDown } = await start({ MAX_STREAMS: '32' });
    slowDown(400);
    await watch(url);
    for (let ms = 0; ms < 11_800; ms += 150) {
      podsChanged();
      if (ms % 3000 === 0) await watch(url);
      await clock.advance(150);
    }
    // One that takes 400 ms begins every 2 s, the first one at 0.
    expect(collections()).toBe(6);
  });

  it('does not take a mesh of before the change for one that shows it', async () => {
    const { url, clock, collections, lastMaxAgeMs, podsChanged, show } = await start();
    await watch(url);
    await clock.advance(0);
    expect(lastMaxAgeMs()).toBe(500);
    await clock.advance(300);
    podsChanged();
    // It was begun for somebody else, 150 ms before the change.
    show({ ...meshOf(PODS), collectMs: 250 });
    await clock.advance(100);
    expect([collections(), lastMaxAgeMs()]).toEqual([2, 100]);
    show(meshOf(PODS));
    await clock.advance(100);
    expect(collections()).toBe(3);
    await clock.advance(900);
    expect(collections()).toBe(3);
  });

  it('cuts off a page that does not read a mesh to its end within 30 s, even if it reads a little', async () => {
    const { url, clock, show } = await start();
    // More than the socket buffers of both ends hold.
    show(meshOf([podOf(0, { labels: 'x'.repeat(32 * 2 ** 20) })]));
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write('GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'readable');
    await clock.advance(0);
    await soon(() => expect(socket.readableLength).toBeGreaterThan(10_000));
    await clock.advance(29_000);
    socket.read(1000);
    // The server forgets the stream, and with it every timer.
    expect(clock.pending).toBeGreaterThan(0);
    await clock.advance(1_000);
    await soon(() => expect(clock.pending).toBe(0));
  });

  it('gives one place to a connection, however many streams it asks for', async () => {
    const { url } = await start();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write('GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(10));
    await once(socket, 'readable');
    expect((await watch(url)).status).toBe(200);
  });

  it('gives 8 places to an address', async () => {
    const { url } = await start({ MAX_STREAMS: '32' });
    for (let i = 0; i < 8; i++) expect((await watch(url)).status).toBe(200);
    expect((await watch(url)).status).toBe(503);
  });

  it('refuses more streams than MAX_STREAMS with 503', async () => {
    const { url } = await start();
    expect((await watch(url)).status).toBe(200);
    expect((await watch(url)).status).toBe(200);
    expect((await watch(url)).status).toBe(503);
  });

  it('ends with the server', async () => {
    const { url, server } = await start();
    await watch(url);
    await server.close(0);
    await expect(fetch(url)).rejects.toThrow();
  });
});
