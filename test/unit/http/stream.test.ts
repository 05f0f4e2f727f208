import { describe, expect, it, onTestFinished } from 'vitest';
import { emptyStats, NONE16 } from '../../../server/protocol/links.ts';
import { type MergedReport, type Mesh, parseMergedReport } from '../../../server/protocol/mesh.ts';
import { soon } from '../../support/loopback-peer.ts';
import { mergedReportOf, meshOf, podOf, podsOf } from '../../support/mesh.ts';
import { dial, serve } from './serve.ts';

const PODS = podsOf(3);
/** A link to each pod, answered in `totalUs`. */
const linksIn = (totalUs: number) => PODS.map((_, to) => ({ to, totalUs }));

/** Three pods; the report of the second is this one. */
function meshWith(report: MergedReport): Mesh {
  const mesh = meshOf(PODS);
  mesh.reports[1] = report;
  return mesh;
}

/** A report with statistics. */
function withStats(minUs: number, p50Us: number): MergedReport {
  const stats = emptyStats(3);
  stats.minUs.fill(minUs);
  stats.p50Us.fill(p50Us);
  return mergedReportOf(1, linksIn(250), { stats });
}

/** A stream's events as they come. */
async function watch(url: string) {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const { status, body } = await fetch(url, { signal: abort.signal });
  let text = '';
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>)
      text += decoder.decode(chunk, { stream: true });
  };
  read().catch(() => {});
  /** Waits until exactly these events have come; gives their data, and begins anew. */
  const received = (...names: string[]) =>
    soon(() => {
      const events = [...text.matchAll(/^event: (\w+)\ndata: (.*)\n\n/gm)];
      expect(events.map(([, event]) => event)).toEqual(names);
      text = '';
      return events.map(([, , data = '']) => JSON.parse(data) as unknown);
    });
  return { status, received, close: () => abort.abort() };
}

type Page = Awaited<ReturnType<typeof watch>>;
/** The events of a whole mesh of three pods. */
const WHOLE = ['head', 'report', 'report', 'report', 'end'];

async function start(env: Record<string, string> = {}) {
  /** What collections give and how long they take, how many there were, and the oldest mesh that would have done for the last. */
  const fake = { mesh: meshOf(PODS), tookMs: 0, collections: 0, maxAgeMs: 0 };
  const collect = async ({ maxAgeMs }: { maxAgeMs: number }) => {
    fake.collections++;
    fake.maxAgeMs = maxAgeMs;
    if (fake.tookMs > 0) await new Promise<void>((resolve) => void clock.setTimer(resolve, fake.tookMs));
    return fake.mesh;
  };
  const { url: origin, context, clock, server } = await serve({ collector: { collect }, env });
  const url = `${origin}/api/v1/stream`;
  /** Opens a page and collects for it. */
  const open = async () => {
    const page = await watch(url);
    await clock.advance(0);
    return page;
  };
  /** Shows a mesh at the usual time; `names`: the events that a page must get. Gives their data. */
  const next = async (page: Page, mesh: Mesh, ...names: string[]) => {
    fake.mesh = mesh;
    await clock.advance(1000);
    return page.received(...names);
  };
  const podsChanged = () => context.podChanges.emit('change');
  return { url, server, clock, fake, open, next, podsChanged };
}

describe('/api/v1/stream', () => {
  it('sends the whole mesh first, then only the reports that changed', async () => {
    const { open, next } = await start();
    const page = await open();
    expect((await page.received(...WHOLE))[0]).toMatchObject({
      reset: true,
      reportCount: 3,
      pods: [{ name: 'pod-0' }, { name: 'pod-1' }, { name: 'pod-2' }],
    });

    const slow = meshWith(mergedReportOf(1, linksIn(250_000)));
    const [head, report] = await next(page, slow, 'head', 'report', 'end');
    expect(head).toMatchObject({ reset: false, pods: null });
    expect(parseMergedReport(report, 3).pod).toBe(1);

    const moved = { ...slow, pods: slow.pods.map((pod, i) => (i === 1 ? { ...pod, podIPs: ['10.9.9.9'] } : pod)) };
    const [podsHead] = await next(page, moved, 'head', 'end');
    expect(podsHead).toMatchObject({ reset: false, pods: [{}, { podIPs: ['10.9.9.9'] }, {}] });

    const [whole] = await next(page, meshOf([podOf(0), podOf(2)]), 'head', 'report', 'report', 'end');
    expect(whole).toMatchObject({ reset: true });
  });

  it('leaves out the statistics that no page shows', async () => {
    const { open, fake } = await start();
    fake.mesh = meshWith(withStats(70, 100));
    const report = (await (await open()).received(...WHOLE)).find((one) => (one as { stats?: unknown }).stats);
    expect(report).not.toHaveProperty('stats.minUs');
    const { stats } = parseMergedReport(report, 3);
    expect([stats?.minUs[0], stats?.connectP50Us[0], stats?.firstByteP50Us[0]]).toEqual([NONE16, NONE16, NONE16]);
    expect(stats?.p50Us[0]).toBe(100);
  });

  it('collects only while somebody watches', async () => {
    const { open, clock, fake } = await start();
    await clock.advance(60_000);
    expect(fake.collections).toBe(0);
    const [one, two] = [await open(), await open()];
    await two.received(...WHOLE);
    await clock.advance(1000);
    expect(fake.collections).toBe(2);
    one.close();
    two.close();
    await soon(async () => {
      await clock.advance(10_000);
      expect(clock.pending).toBe(0);
    });
    const after = fake.collections;
    await clock.advance(60_000);
    expect(fake.collections).toBe(after);
  });

  it('gives the last mesh and its age to a page that opens while others watch, and collects none for it', async () => {
    const { open, clock, fake } = await start();
    await (await open()).received(...WHOLE);
    await clock.advance(700);
    const [head] = await (await open()).received(...WHOLE);
    expect(head).toMatchObject({ reset: true, ageMs: 700 });
    expect(fake.collections).toBe(1);
  });

  const missing = (missingDetail: string) => mergedReportOf(1, [], { missing: 'refused', missingDetail });
  const failed = (detail: string) => mergedReportOf(1, linksIn(250), { details: [[0, detail]] });
  const arrived = (atMs: number, loopDelayP99Us: number) => {
    const links = PODS.map((_, to) => ({ to, totalUs: 250, ageMs: loopDelayP99Us }));
    const starvation = { loopDelayP99Us, suspectShare: 0, unreliable: false, sinceMs: 0 };
    return mergedReportOf(1, links, { atMs, fetchUs: atMs, starvation });
  };

  it.each<[what: string, isSent: boolean, before: MergedReport, after: MergedReport]>([
    ['a statistic that no page shows', false, withStats(70, 100), withStats(60, 100)],
    ['a statistic that pages show', true, withStats(60, 100), withStats(60, 90)],
    ['the reason why it is missing', true, missing('port 8080 refused'), missing('port 9090 refused')],
    ['the text of a failed ping', true, failed('reset'), failed('reset by the peer')],
    ['its arrival, the ages of its links or the delay of the loop', false, arrived(1_000, 100), arrived(2_000, 200)],
  ])('a report in which only %s has changed is sent: %s', async (_, isSent, before, after) => {
    const { open, fake, next } = await start();
    fake.mesh = meshWith(before);
    const page = await open();
    await page.received(...WHOLE);
    const { missingDetail, details } = after;
    const events = await next(page, meshWith(after), 'head', ...(isSent ? ['report'] : []), 'end');
    if (isSent) expect(events[1]).toMatchObject({ missingDetail, details });
  });

  it('shows a change of the pod list that came during a collection right after it, not a whole pause later', async () => {
    const { open, clock, fake, podsChanged } = await start();
    await (await open()).received(...WHOLE);
    fake.tookMs = 10;
    fake.mesh = meshOf(PODS, undefined, { collectMs: 10 });
    await clock.advance(1005);
    podsChanged();
    await clock.advance(5 + 100);
    expect(fake.collections).toBe(3);
  });

  it('shows a change of the pod list after 100 ms, and is not put off by further ones', async () => {
    const { open, clock, fake, podsChanged } = await start();
    await open();
    for (let ms = 0; ms < 200; ms += 50) {
      podsChanged();
      await clock.advance(50);
    }
    // At 0 when the page opened, then 100 and 200 ms after the first change.
    expect(fake.collections).toBe(3);
  });

  it('collects for at most a fifth of the time, however often the pod list changes and pages open', async () => {
    const { url, clock, fake, podsChanged } = await start({ MAX_STREAMS: '32' });
    fake.tookMs = 400;
    await watch(url);
    for (let ms = 0; ms < 11_800; ms += 150) {
      podsChanged();
      if (ms % 3000 === 0) await watch(url);
      await clock.advance(150);
    }
    // One that takes 400 ms begins every 2 s, the first one at 0.
    expect(fake.collections).toBe(6);
  });

  it('does not take a mesh of before the change for one that shows it', async () => {
    const { open, clock, fake, podsChanged } = await start();
    await open();
    expect(fake.maxAgeMs).toBe(500);
    await clock.advance(300);
    podsChanged();
    // It was begun for somebody else, 150 ms before the change.
    fake.mesh = { ...meshOf(PODS), collectMs: 250 };
    await clock.advance(100);
    expect([fake.collections, fake.maxAgeMs]).toEqual([2, 100]);
    fake.mesh = meshOf(PODS);
    await clock.advance(100);
    expect(fake.collections).toBe(3);
    await clock.advance(900);
    expect(fake.collections).toBe(3);
  });

  it('cuts off a page that does not read a mesh to its end within 30 s, even if it reads a little', async () => {
    const { url, clock, fake } = await start();
    // More than the socket buffers of both ends hold.
    fake.mesh = meshOf([podOf(0, { labels: 'x'.repeat(32 * 2 ** 20) })]);
    const { socket, received } = await dial(url, 'GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await soon(() => expect(received()).toContain('retry'));
    socket.pause();
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
    const { received } = await dial(url, 'GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(10));
    await soon(() => expect(received()).toContain('retry'));
    expect((await watch(url)).status).toBe(200);
  });

  it.each([
    ['8 places to an address', '32', 8],
    ['MAX_STREAMS places in all', '2', 2],
  ])('gives %s, and answers 503 to the next', async (_, MAX_STREAMS, places) => {
    const { url } = await start({ MAX_STREAMS });
    for (let i = 0; i < places; i++) expect((await watch(url)).status).toBe(200);
    expect((await watch(url)).status).toBe(503);
  });

  it('ends with the server', async () => {
    const { url, server } = await start();
    await watch(url);
    await server.close(0);
    await expect(fetch(url)).rejects.toThrow();
  });
});
