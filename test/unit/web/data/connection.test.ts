import { expect, test } from 'vitest';
import { encodeMergedReport, type Mesh } from '../../../../server/protocol/mesh.ts';
import { Connection } from '../../../../web/data/connection.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';

/** A stream that the test speaks through. */
class Source {
  closed = false;
  readonly #onEvent: (type: string, data: string) => void;

  constructor(onEvent: (type: string, data: string) => void) {
    this.#onEvent = onEvent;
  }

  /** Sends an event, as bytes first; `bytes` alone is a comment. */
  emit(type: string, data = ''): void {
    for (const part of type === 'bytes' || type === 'error' ? [type] : ['bytes', type]) {
      if (!this.closed) this.#onEvent(part, data);
    }
  }

  send({ reports, ...head }: Mesh): void {
    this.emit('head', JSON.stringify({ ...head, reset: true, reportCount: reports.length }));
    for (const report of reports) this.emit('report', encodeMergedReport(report));
    this.emit('end', '{}');
  }
}

const MESH = meshOf({ pods: 3, scenario: 'healthy' });

function setUp(answer: () => Promise<Mesh>) {
  const clock = new FakeClock(1_000_000);
  const sources: Source[] = [];
  const asked: number[] = [];
  const connection = new Connection({
    clock,
    openStream: (_windowMs, onEvent) => {
      const source = new Source(onEvent);
      sources.push(source);
      return () => {
        source.closed = true;
      };
    },
    fetchMesh: (windowMs) => {
      asked.push(windowMs);
      return answer();
    },
  });
  const last = () => sources[sources.length - 1]!;
  return { clock, sources, asked, connection, last };
}

const works = () => Promise.resolve(MESH);
const fails = () => Promise.reject(new TypeError('Failed to fetch'));

/** A connection whose second attempt has failed too. */
async function lost() {
  const scene = setUp(fails);
  scene.connection.start(0);
  scene.last().emit('error');
  await scene.clock.advance(250);
  scene.last().emit('error');
  await scene.clock.advance(0);
  return scene;
}

test('a stream that speaks is live, and nothing is asked for', async () => {
  const { clock, connection, last, asked } = setUp(works);
  connection.start(60_000);
  expect(connection.state().status).toBe('connecting');
  last().send(MESH);
  expect(connection.state()).toMatchObject({ status: 'live', mesh: MESH, receivedMs: clock.monotonicMs() });
  await clock.advance(8000);
  expect(asked).toEqual([]);
});

test('each report is passed on as it comes, with the mesh that it is for', () => {
  const { connection, last } = setUp(works);
  const passed: string[] = [];
  connection.reportListeners.add(({ pods }, { pod }) => passed.push(`${pods[pod]?.uid} ${connection.state().status}`));
  connection.start(0);
  last().send(MESH);
  expect(passed).toEqual(MESH.pods.map(({ uid }) => `${uid} connecting`));
});

test('a stream that breaks is opened again at once, with no word of a loss', async () => {
  const { clock, connection, sources, last } = setUp(fails);
  connection.start(0);
  last().send(MESH);
  last().emit('error');
  expect(sources[0]!.closed).toBe(true);
  await clock.advance(300);
  expect(sources).toHaveLength(2);
  expect(connection.state().status).toBe('live');
  last().send(MESH);
  expect(connection.state().status).toBe('live');
});

test('tries come after 1, 2, 4, 8, 15, 15 s, and the time of the loss stays that of the first', async () => {
  const { clock, connection, last } = await lost();
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    const waitMs = connection.state().retryMs - clock.nowMs();
    waits.push(waitMs);
    expect(connection.state().sinceMs).toBe(1_000_250);
    await clock.advance(waitMs);
    last().emit('error');
    await clock.advance(0);
  }
  expect(waits).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
});

test('Try now does not wait, and a stream that speaks again ends the loss', async () => {
  const { connection, sources, last } = await lost();
  const before = sources.length;
  connection.tryNow();
  expect(sources).toHaveLength(before + 1);
  // "Reconnecting now", no countdown.
  expect(connection.state()).toMatchObject({ status: 'lost', retryMs: 0 });
  last().send(MESH);
  expect(connection.state()).toMatchObject({ status: 'live', retryMs: 0, reason: '' });
});

test('a stream that a proxy holds back becomes a poll every 5 s, and is tried again each minute', async () => {
  const { clock, connection, sources, asked } = setUp(works);
  connection.start(300_000);
  await clock.advance(8000);
  expect(connection.state()).toMatchObject({ status: 'live', mesh: MESH });
  expect(asked).toEqual([300_000]);
  expect(sources).toHaveLength(2);
  await clock.advance(8000);
  expect(connection.state()).toMatchObject({ status: 'polling', mesh: MESH });
  await clock.advance(20_000);
  expect(asked).toHaveLength(6);
  expect(sources).toHaveLength(2);
  await clock.advance(40_000);
  expect(sources).toHaveLength(3);
});

test('a break whose second attempt fails too is no blocked stream: the third comes with the first answer', async () => {
  const { clock, connection, sources, last, asked } = setUp(works);
  const seen = new Set<string>();
  connection.subscribe(() => seen.add(connection.state().status));
  connection.start(0);
  for (let i = 1; i <= 3; i++) {
    await clock.advance(6000);
    last().send(MESH);
    last().emit('error');
    await clock.advance(250);
    last().emit('error');
    await clock.advance(0);
    expect(asked).toHaveLength(i);
    expect(sources).toHaveLength(1 + 2 * i);
  }
  expect([...seen]).toEqual(['live']);
});

test('a gateway that ends every response after a second does not make the page fetch the whole mesh each second', async () => {
  const { clock, connection, sources, last, asked } = setUp(works);
  connection.start(0);
  let opened = 0;
  for (let second = 0; second < 300; second++) {
    if (sources.length > opened) last().send(MESH);
    opened = sources.length;
    await clock.advance(1000);
    last().emit('error');
    await clock.advance(0);
  }
  // 300 s: at first three streams, then one each minute, and a poll every 5 s.
  expect(sources.length).toBeLessThan(10);
  expect(asked.length).toBeLessThan(65);
  expect(connection.state().status).toBe('polling');
});

test('a stream with heartbeats is alive, however long a collection takes', async () => {
  const { clock, connection, last, asked } = setUp(works);
  connection.start(0);
  for (let i = 0; i < 60; i++) {
    await clock.advance(5000);
    if (i === 5) last().send(MESH);
    else last().emit('bytes');
  }
  expect(connection.state().status).toBe('live');
  expect(asked).toEqual([]);
});

test('a large picture that trickles in is waited for, as long as more of it comes', async () => {
  const { clock, connection, last, asked } = setUp(works);
  connection.start(0);
  const { reports, ...head } = MESH;
  last().emit('head', JSON.stringify({ ...head, reset: true, reportCount: reports.length }));
  for (const report of reports) {
    await clock.advance(7000);
    last().emit('report', encodeMergedReport(report));
  }
  await clock.advance(7000);
  last().emit('end', '{}');
  expect(connection.state().status).toBe('live');
  expect(asked).toEqual([]);
});

test('a stream that falls silent is not trusted for ever', async () => {
  const { clock, connection, last, sources } = setUp(works);
  connection.start(0);
  last().send(MESH);
  await clock.advance(14_999);
  expect(last().closed).toBe(false);
  await clock.advance(1);
  expect(sources[0]!.closed).toBe(true);
  // The second stream is silent from its beginning.
  await clock.advance(8000);
  expect(connection.state().status).toBe('polling');
});

test('nonsense is a loss with words, and with the time of the loss and of the next try; the picture stays', async () => {
  const { clock, connection, last } = setUp(() => Promise.reject(new Error('the answer is not JSON')));
  connection.start(0);
  last().send(MESH);
  last().emit('head', '<html>');
  await clock.advance(0);
  const times = { sinceMs: 1_000_000, retryMs: 1_001_000 };
  expect(connection.state()).toMatchObject({ status: 'lost', mesh: MESH, reason: 'the answer is not JSON', ...times });
});

test('stop leaves neither timer nor stream behind', async () => {
  const { clock, connection, last } = setUp(works);
  connection.start(0);
  last().send(MESH);
  connection.stop();
  expect(last().closed).toBe(true);
  expect(clock.pending).toBe(0);
});
