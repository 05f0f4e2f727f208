import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeMergedReport, type Mesh } from '../../../../server/protocol/mesh.ts';
import { Connection } from '../../../../web/data/connection.ts';
import { LiveFeed, type ReportingWorker } from '../../../../web/data/live-feed.ts';
import {
  ConnectionPool,
  serveTab,
  type TabPort,
  type WorkerMessage,
  type WorkerRequest,
} from '../../../../web/data/mesh-worker.ts';
import { cellsOf, type PictureOptions } from '../../../../web/model/cells.ts';
import { foldCells, groupsOf } from '../../../../web/model/fold.ts';
import { foldPicture } from '../../../../web/model/levels.ts';
import { buildPicture, pictureOf } from '../../../../web/model/mesh-view.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';
import { podsOf } from '../../../support/mesh.ts';
import { USUAL } from '../pictures.ts';

/** Feeds of two tabs, whose shared worker is in this thread; all that crosses is copied, as between threads. */
function setUp() {
  const clock = new FakeClock(1_000_000);
  const streams = new Set<(type: string, data: string) => void>();
  const openStream = (_windowMs: number, onEvent: (type: string, data: string) => void) => {
    streams.add(onEvent);
    return () => void streams.delete(onEvent);
  };
  const fetchMesh = () => Promise.reject(new TypeError('Failed to fetch'));
  const pool = new ConnectionPool(() => new Connection({ clock, openStream, fetchMesh }));
  const orders: WorkerRequest[] = [];
  const failures: (() => void)[] = [];
  /** Feeds of pages that send nothing: frozen, or crashed. */
  const frozen = new Set<LiveFeed>();
  const openTab = () => {
    const toPage: ((event: MessageEvent<WorkerMessage>) => void)[] = [];
    const toWorker: ((event: MessageEvent<WorkerRequest>) => void)[] = [];
    const port: TabPort = {
      postMessage: (message, options) => {
        const data = structuredClone(message, options);
        for (const listener of toPage) listener({ data } as MessageEvent<WorkerMessage>);
      },
      addEventListener: (_type, listener) => toWorker.push(listener),
    };
    serveTab(port, pool, clock);
    const worker: ReportingWorker = {
      postMessage: (data) => {
        if (frozen.has(feed)) return;
        orders.push(data);
        for (const listener of toWorker) listener({ data } as MessageEvent<WorkerRequest>);
      },
      addEventListener: (type: string, listener: never) => (type === 'message' ? toPage : failures).push(listener),
    };
    const feed = new LiveFeed({ clock, base: 'http://pod/#view=graph', worker });
    return feed;
  };
  /** `onReport`: called before each report, with how many were sent before. */
  const send = (mesh: Mesh, changed = mesh.reports, onReport = (_sent: number) => {}) => {
    const { reports, ...head } = mesh;
    const tell = (type: string, data: string) => {
      for (const emit of [...streams]) emit(type, data);
    };
    tell('head', JSON.stringify({ ...head, reset: changed === reports, reportCount: reports.length }));
    for (const [sent, report] of changed.entries()) {
      onReport(sent);
      tell('report', encodeMergedReport(report));
    }
    tell('end', '{}');
  };
  return { clock, feed: openTab(), openTab, orders, send, failures, streams, frozen };
}

test('many tabs share one stream for each window, and the last tab closes it', async () => {
  const { clock, feed, openTab, send, streams } = setUp();
  feed.start(0);
  send(meshOf({ pods: 4, scenario: 'slow-pod' }));
  await clock.advance(700);
  const tabs = Array.from({ length: 19 }, openTab);
  for (const tab of tabs) tab.start(0);
  expect(streams.size).toBe(1);
  for (const tab of tabs) {
    expect(tab.state()).toMatchObject({ status: 'live', receivedMs: feed.state().receivedMs });
    expect(tab.state().mesh?.pods).toEqual(feed.state().mesh?.pods);
  }
  send(meshOf({ pods: 3, scenario: 'healthy' }));
  for (const tab of tabs) expect(tab.state().mesh?.pods).toHaveLength(3);
  tabs[0]?.start(60_000);
  expect(streams.size).toBe(2);
  for (const tab of [feed, ...tabs.slice(1)]) tab.stop();
  expect(streams.size).toBe(1);
  tabs[0]?.stop();
  expect(streams.size).toBe(0);
  expect(clock.pending).toBe(0);
});

test('gives the mesh, with the cells of the pictures that are wanted', () => {
  const { feed, send } = setUp();
  let changes = 0;
  feed.subscribe(() => changes++);
  feed.want([USUAL]);
  feed.start(0);
  const sent = meshOf({ pods: 9, scenario: 'mixed' });
  send(sent);
  const { mesh, status } = feed.state();
  expect(status).toBe('live');
  expect(changes).toBe(1);
  const cells = feed.cellsOf(mesh!, USUAL)!;
  const { counts, worst, state } = buildPicture(sent, USUAL);
  expect(pictureOf(mesh!, cells)).toMatchObject({ counts, worst, state });
  expect(feed.cellsOf(mesh!, { ...USUAL, phase: 'connect' })).toBeNull();
  expect(feed.cellsOf(sent, USUAL)).toBeNull();
});

test('folds the last wanted picture as the page does, and leaves latencies of single links out of very large meshes', () => {
  const { feed, send } = setUp();
  const folding = { level: 'node' as const, unfolded: [] };
  feed.want([USUAL]);
  feed.fold(folding);
  feed.start(0);
  const sent = meshOf({ pods: 20, scenario: 'dead-pod', nodes: 4 });
  send(sent);
  const cells = feed.cellsOf(feed.state().mesh!, USUAL)!;
  expect(cells.folded?.folding).toEqual(folding);
  const own = foldPicture(buildPicture(sent, USUAL), folding);
  const { state, valueUs, counts, fold } = foldPicture(pictureOf(sent, cells), folding);
  expect({ state, valueUs, counts }).toEqual({ state: own.state, valueUs: own.valueUs, counts: own.counts });
  expect(fold?.worstLink).toBe(cells.folded?.worstLink);
  expect(cells.valueUs).toHaveLength(400);
  send({ ...sent, pods: podsOf(2001).map((pod, i) => ({ ...pod, node: `n${i % 40}` })), reports: [] });
  const large = feed.cellsOf(feed.state().mesh!, USUAL)!;
  expect([large.state.length, large.valueUs.length, large.folded?.worstUs.length]).toEqual([2001 ** 2, 0, 1600]);
});

test('whichever reports come, and whatever is chosen meanwhile, the cells are those of the whole mesh', () => {
  const mixed = (tick: number) => meshOf({ pods: 12, scenario: 'mixed', nodes: 4, tick });
  const [before, after] = [mixed(0), mixed(1)];
  const choice = fc.record({
    options: fc.constantFrom<PictureOptions>(USUAL, { ...USUAL, value: 'loss' }),
    level: fc.constantFrom('zone', 'node', 'pod'),
    afterReports: fc.nat(11),
  });
  fc.assert(
    fc.property(
      fc.shuffledSubarray(after.reports, { minLength: 1 }),
      choice,
      (changed, { afterReports, ...chosen }) => {
        const { feed, send } = setUp();
        const folding = { level: chosen.level, unfolded: [] };
        feed.want([USUAL]);
        feed.fold({ level: 'node', unfolded: [] });
        feed.start(0);
        send(before);
        send(after, changed, (sent) => {
          if (sent !== afterReports % changed.length) return;
          feed.want([chosen.options]);
          feed.fold(folding);
        });
        const { mesh } = feed.state();
        const isChanged = new Set(changed.map(({ pod }) => pod));
        const want = after.reports.map((report, i) => (isChanged.has(report.pod) ? report : before.reports[i]));
        expect(mesh?.reports).toMatchObject(want);
        const cells = cellsOf(mesh!, chosen.options);
        const folded = chosen.level === 'pod' ? null : foldCells(cells, groupsOf(mesh!.pods, folding), folding);
        expect(feed.cellsOf(mesh!, chosen.options)).toEqual({ ...cells, folded });
      },
    ),
    { numRuns: 60 },
  );
});

test('a loss keeps the mesh, and connecting again as it is connected is no news', async () => {
  const { clock, feed, orders, send } = setUp();
  feed.start(60_000);
  feed.start(60_000);
  expect(orders).toHaveLength(1);
  send(meshOf({ pods: 3, scenario: 'healthy' }));
  const { mesh } = feed.state();
  await clock.advance(60_000);
  expect(feed.state()).toMatchObject({ status: 'lost' });
  expect(feed.state().mesh).toBe(mesh);
  feed.stop();
  expect(clock.pending).toBe(0);
  feed.start(60_000);
  expect(orders.at(-1)).toMatchObject({ kind: 'start', base: 'http://pod/#view=graph' });
  feed.stop();
});

test('a worker that fails shows as disconnected since then, with a reason', async () => {
  const { clock, feed, failures } = setUp();
  await clock.advance(60_000);
  const sinceMs = clock.nowMs();
  for (const fail of failures) fail();
  await clock.advance(1_000);
  for (const fail of failures) fail();
  const reason = expect.stringContaining('reload the page');
  expect(feed.state()).toMatchObject({ status: 'lost', sinceMs, reason });
});

test('a page that sends nothing for minutes is no longer served, and comes back with its next message', async () => {
  const { clock, feed, frozen, openTab, send, streams } = setUp();
  feed.want([USUAL]);
  feed.start(0);
  const [before, after] = [meshOf({ pods: 3, scenario: 'healthy' }), meshOf({ pods: 3, scenario: 'slow-pod' })];
  send(before);
  frozen.add(feed);
  // The stream lives as long as the other page.
  const other = openTab();
  other.start(0);
  for (let i = 0; i < 40; i++) {
    send(before);
    await clock.advance(5000);
  }
  const { mesh } = feed.state();
  send(after);
  expect(feed.state().mesh).toBe(mesh);
  frozen.clear();
  await clock.advance(30_000);
  expect(feed.state().mesh?.reports).toHaveLength(3);
  send(after);
  const cells = feed.cellsOf(feed.state().mesh!, USUAL)!;
  expect(pictureOf(feed.state().mesh!, cells).counts).toEqual(buildPicture(after, USUAL).counts);
  // Both crash.
  frozen.add(feed).add(other);
  for (let i = 0; i < 40; i++) {
    send(before);
    await clock.advance(5000);
  }
  expect(streams.size).toBe(0);
});

test('a page whose new connection has no mesh yet shows the age of the mesh that it has', async () => {
  const { clock, feed, send } = setUp();
  feed.start(0);
  send(meshOf({ pods: 3, scenario: 'healthy' }));
  const { receivedMs } = feed.state();
  await clock.advance(10_000);
  feed.start(60_000);
  await clock.advance(20_000);
  expect(feed.state()).toMatchObject({ status: 'lost', receivedMs });
  feed.stop();
  expect(clock.pending).toBe(0);
});
