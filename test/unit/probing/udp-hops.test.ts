import { expect, it, onTestFinished } from 'vitest';
import { HopSearch } from '../../../server/probing/udp-hops.ts';
import type { Target } from '../../../server/protocol/pod.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { soon } from '../../support/loopback-peer.ts';
import { targetOf } from '../../support/samples.ts';
import { echo, socketsRead, startUdpPeer } from '../../support/udp-peer.ts';

const WAIT_MS = 20;

/**
 * A search of a target behind `routers` routers: of the datagrams, which are sent with TTL 1 three times, then 2 and so on, the
 * peer sees only those that get there. `loses` picks others that are lost.
 */
async function scene(expectedTtls: readonly number[], routers: { count: number }, loses = (_n: number) => false) {
  const clock = new FakeClock();
  const peer = await startUdpPeer((datagram, self, n) => {
    const ttl = expectedTtls[n] ?? 0;
    return ttl > routers.count && !loses(n) && echo(datagram, self);
  });
  let low = 0;
  const search = new HopSearch({
    clock,
    udpPort: peer.port,
    udpPacketSize: 16,
    udpTimeoutMs: 1000,
    random32: () => low++,
  });
  onTestFinished(() => search.keepOnly(new Set()));
  const target: Target = { ...targetOf('1'), address: peer.address };
  /** Lets the search run until it has sent `count` datagrams in all and nothing is waited for. */
  const run = async (count: number) => {
    search.refresh(target, 100);
    await soon(async () => {
      await socketsRead();
      await clock.advance(WAIT_MS);
      expect([peer.arrived.length, clock.pending]).toEqual([count, 0]);
    });
    return search.of(target);
  };
  return { clock, peer, search, target, run };
}

it('is unknown before the first search, and 0 where a datagram with TTL 1 gets there', async () => {
  const { search, target, run } = await scene([1], { count: 0 });
  expect(search.of(target)).toBe(-1);
  expect(await run(1)).toBe(0);
});

it('is the lowest TTL that gets there, less 1; each TTL is tried three times', async () => {
  const ttls = [1, 1, 1, 2, 2, 2, 3, 2, 2, 2];
  const { run } = await scene(ttls, { count: 2 });
  expect(await run(ttls.length)).toBe(2);
});

it('is checked once a minute: the same way takes four datagrams, another is searched', async () => {
  const routers = { count: 1 };
  const first = [1, 1, 1, 2, 1, 1, 1];
  const same = [1, 1, 1, 2];
  const longer = [1, 1, 1, 2, 2, 2, 3, 2, 2, 2];
  const shorter = [2, 1];
  const { clock, search, target, run } = await scene([...first, ...same, ...longer, ...shorter], routers);
  let sent = first.length;
  expect(await run(sent)).toBe(1);
  // Not before a minute has passed.
  expect(await run(sent)).toBe(1);
  for (const [ttls, count] of [
    [same, 1],
    [longer, 2],
    [shorter, 0],
  ] as const) {
    await clock.advance(60_000);
    routers.count = count;
    sent += ttls.length;
    expect(await run(sent)).toBe(count);
  }
  expect(search.of({ ...target, address: '127.0.0.2' })).toBe(-1);
});

it('is unknown where too much is lost to be sure, and never made up', async () => {
  // TTL 1 gets there, but three datagrams are lost. The check of TTL 1 is echoed.
  const { run } = await scene([1, 1, 1, 2, 1], { count: 0 }, (n) => n < 3);
  expect(await run(5)).toBe(-1);
  // Nothing is echoed at all: 31 TTLs, three times each.
  const silent = await scene([], { count: 99 });
  expect(await silent.run(93)).toBe(-1);
});

it('forgets targets that have left', async () => {
  const { search, target, run } = await scene([1, 1], { count: 0 });
  expect(await run(1)).toBe(0);
  search.keepOnly(new Set());
  expect(search.of(target)).toBe(-1);
});
