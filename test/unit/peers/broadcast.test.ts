import type { RequestListener } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MAX_QUERIES, PeerBroadcast } from '../../../server/peers/broadcast.ts';
import { FanOut } from '../../../server/peers/fan-out.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { podNamer } from '../../../server/protocol/pod-names.ts';
import { BusyError } from '../../../server/runtime/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { peerClientOn, soon, startLoopbackPeer } from '../../support/loopback-peer.ts';
import { podOf, snapshotOf } from '../../support/mesh.ts';

/** Starts pods on the addresses `hosts` with one port, and a broadcast of pod 0. `answer` gets the address that was called. */
async function start(hosts: string[], answer: (host: string) => RequestListener, more: Pod[] = []) {
  const seen: string[] = [];
  let port = 0;
  for (const host of hosts) {
    const noting: RequestListener = (req, res) => {
      seen.push(`${req.method} ${host} ${req.url}`);
      answer(host)(req, res);
    };
    const peer = await startLoopbackPeer(noting, { host, port });
    port = peer.port;
  }
  const others = hosts.map((host, i) => podOf(i + 1, { podIPs: [host] }));
  const pods = [podOf(0, { podIPs: ['127.9.9.9'] }), ...others, ...more];
  const clock = new FakeClock();
  const client = peerClientOn(port, clock);
  const broadcast = new PeerBroadcast({
    clock,
    client,
    fanOut: new FanOut({ checkAllTimeoutMs: 5_000 }, clock),
    nameOf: podNamer(pods),
    random: () => 0.5,
    selfUid: () => 'uid-0',
    snapshot: () => snapshotOf(pods),
  });
  const stop = () => {
    broadcast.stop();
    client.stop();
  };
  onTestFinished(stop);
  return { broadcast, clock, seen, stop, pods };
}

const text = (wire: unknown): string => {
  if (typeof wire !== 'string') throw new TypeError('expected a text');
  return wire;
};
const question = { path: '/x?a=1', parse: text, own: () => 'mine', maxBytes: 1_000, maxValues: 100 };
const hosts = ['127.0.0.1', '127.0.0.2'];
const answerX: RequestListener = (_, res) => res.end('"x"');
const uidsOf = (parts: { pod: Pod | null }[]) => parts.map(({ pod }) => pod?.uid);

describe('asking all pods', () => {
  it('gives our own part and those of all who are not gone, in the order of discovery', async () => {
    const gone = podOf(3, { lifecycle: 'gone' });
    const { broadcast, seen, clock } = await start(hosts, (host) => (_, res) => res.end(JSON.stringify(host)), [gone]);
    const { parts, missing } = await broadcast.ask(question);
    expect(uidsOf(parts)).toEqual(['uid-0', 'uid-1', 'uid-2']);
    expect(parts.map(({ value }) => value)).toEqual(['mine', ...hosts]);
    expect(parts.map(({ atMs }) => atMs)).toEqual([clock.nowMs(), clock.nowMs(), clock.nowMs()]);
    expect(missing).toEqual([]);
    expect(seen.sort()).toEqual(['GET 127.0.0.1 /x?a=1', 'GET 127.0.0.2 /x?a=1']);
  });

  it('dates an answer half way between question and answer', async () => {
    const held: (() => void)[] = [];
    const { broadcast, clock } = await start(['127.0.0.1'], () => (_, res) => void held.push(() => res.end('"x"')));
    const startMs = clock.nowMs();
    const parse = (_wire: unknown, _skipped: unknown, written: object) => JSON.stringify(written);
    const asking = broadcast.ask({ ...question, parse });
    await soon(() => expect(held).toHaveLength(1));
    await clock.advance(200);
    held[0]?.();
    const written = { atMs: startMs + 100, errorMs: 100 };
    expect((await asking).parts[1]).toMatchObject({ ...written, value: JSON.stringify(written) });
  });

  it.each<[string, RequestListener, object[]]>([
    ['a reset', (req) => req.socket.destroy(), [{ name: 'pod-1', reason: 'reset' }]],
    ['another shape', (_, res) => res.end('{}'), [{ name: 'pod-1', reason: 'malformed', detail: 'expected a text' }]],
    ['that it is passive', (_, res) => res.writeHead(503).end('{"message":"this node is in passive mode"}'), []],
  ])('names who did not tell, and why, but misses nothing of a passive pod: %s', async (_, answer, expected) => {
    const { broadcast } = await start(hosts, (host) => (host === '127.0.0.1' ? answer : answerX));
    const { parts, missing, missingPods } = await broadcast.ask(question);
    expect(uidsOf(parts)).toEqual(['uid-0', 'uid-2']);
    expect(missing).toMatchObject(expected);
    expect(missingPods.map(({ uid }) => uid)).toEqual(expected.map(() => 'uid-1'));
  });

  it('asks once for all who ask the same at once or within a second', async () => {
    const { broadcast, clock, seen } = await start(['127.0.0.1'], () => answerX);
    const [first, second] = await Promise.all([broadcast.ask(question), broadcast.ask(question)]);
    await clock.advance(999);
    expect([second, await broadcast.ask(question)]).toEqual([first, first]);
    expect(seen).toHaveLength(1);
    await clock.advance(1);
    await broadcast.ask(question);
    expect(seen).toHaveLength(2);
  });

  it.each([
    [1, ['uid-2', 'uid-4']],
    [2, ['uid-2', 'uid-1', 'uid-4', 'uid-3']],
    [5, ['uid-2', 'uid-1', 'uid-4', 'uid-3']],
  ])('asks at most %i ready ones and as many that terminate', async (most, asked) => {
    const { broadcast, seen, pods } = await start([...hosts, '127.0.0.3', '127.0.0.4'], () => answerX);
    pods[3] = { ...podOf(3, { podIPs: ['127.0.0.3'] }), lifecycle: 'terminating' };
    pods[4] = { ...podOf(4, { podIPs: ['127.0.0.4'] }), lifecycle: 'terminating' };
    pods.push(podOf(5, { podIPs: ['127.0.0.5'], lifecycle: 'starting' }));
    const { parts, missing } = await broadcast.ask({ ...question, most });
    expect([uidsOf(parts), missing]).toEqual([['uid-0', ...asked], []]);
    expect(seen).toHaveLength(asked.length);
  });

  it('bounds the number of different questions at once', async () => {
    const { broadcast, clock, seen, stop } = await start(['127.0.0.1'], () => () => {});
    const asking = Array.from({ length: MAX_QUERIES }, (_, i) => broadcast.ask({ ...question, path: `/${i}` }));
    await soon(() => expect(seen).toHaveLength(MAX_QUERIES));
    await expect(broadcast.ask(question)).rejects.toBeInstanceOf(BusyError);
    stop();
    for (const { missing } of await Promise.all(asking)) expect(missing).toMatchObject([{ reason: 'not-asked' }]);
    expect(clock.pending).toBe(0);
    await expect(broadcast.ask(question)).rejects.toBeInstanceOf(BusyError);
  });
});

describe('telling all pods', () => {
  it('sends the same to all others, never to itself, and gives their answers', async () => {
    const bodies: string[] = [];
    const { broadcast, seen } = await start(hosts, (host) => (req, res) => {
      req.on('data', (data) => bodies.push(`${req.headers.authorization} ${data}`));
      req.on('end', () => res.writeHead(host === '127.0.0.1' ? 201 : 401).end('{"ok":true}'));
    });
    const headers = { authorization: 'Bearer secret', 'content-type': 'application/json' };
    const message = { path: '/w', headers, withinMs: 400, body: () => '{"text":"ä"}' };
    const { parts, missing } = await broadcast.tell(message);
    expect(parts.map(({ pod, value }) => [pod?.uid, value])).toEqual([['uid-1', { ok: true }]]);
    expect(missing).toEqual([{ name: 'pod-2', reason: 'http-status', detail: 'it answered /w with status 401' }]);
    expect(bodies).toEqual(['Bearer secret {"text":"ä"}', 'Bearer secret {"text":"ä"}']);
    expect(seen.sort()).toEqual(['POST 127.0.0.1 /w', 'POST 127.0.0.2 /w']);
  });

  it('gives what has come when its time is over, and goes on with the others', async () => {
    const { broadcast, clock, seen } = await start(hosts, (host) => (host === '127.0.0.1' ? answerX : () => {}));
    const telling = broadcast.tell({ path: '/w', headers: {}, withinMs: 400, body: () => '{}' });
    await soon(() => expect(seen).toHaveLength(2));
    await clock.advance(400);
    const { parts, missing, ended } = await telling;
    expect(uidsOf(parts)).toEqual(['uid-1']);
    expect(missing).toEqual([{ name: 'pod-2', reason: 'timeout', detail: 'its answer has not come yet' }]);
    await clock.advance(600);
    await ended;
    expect(clock.pending).toBe(0);
  });
});
