import { describe, expect, it, onTestFinished } from 'vitest';
import { BusyMeter } from '../../../server/probing/starvation.ts';
import { UdpProbe } from '../../../server/probing/udp-probe.ts';
import type { Target } from '../../../server/protocol/pod.ts';
import type { UdpResult } from '../../../server/protocol/sample.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { soon } from '../../support/loopback-peer.ts';
import { targetOf } from '../../support/samples.ts';
import { echo, socketsRead, startUdpPeer, type UdpPeer } from '../../support/udp-peer.ts';

/** Bursts are 20 ms apart, and a datagram is lost after 1 s. */
const [GAP_MS, TIMEOUT_MS] = [20, 1000];

function scene({ count = 10, size = 64, port = 0 } = {}) {
  const clock = new FakeClock();
  let queuedMs = 0;
  const idleMs = () => clock.monotonicMs();
  const meter = new BusyMeter(clock, idleMs, () => queuedMs);
  let low = 0;
  const errors: string[] = [];
  const ownFaults: string[] = [];
  const options = {
    clock,
    meter,
    udpPort: port,
    udpPacketCount: count,
    udpPacketSize: size,
    udpTimeoutMs: TIMEOUT_MS,
    refreshIntervalMs: 30_000,
    random32: () => low++,
    onError: (target: Target) => void errors.push(target.address),
    onOwnFault: (message: string) => void ownFaults.push(message),
  };
  const waitForCpu = (ms: number) => {
    queuedMs += ms;
  };
  const probe = new UdpProbe(options);
  onTestFinished(() => probe.stop());
  return { clock, probe, count, errors, ownFaults, waitForCpu };
}

const to = (peer: Pick<UdpPeer, 'address'>): Target => ({ ...targetOf('1'), address: peer.address });

/** Runs a whole cycle, of which all datagrams arrive. `during` is called after the last of them. */
async function cycleOf(
  { clock, probe, count }: ReturnType<typeof scene>,
  peer: UdpPeer,
  during: () => unknown = () => {},
): Promise<UdpResult | null> {
  const before = peer.arrived.length;
  const result = probe.cycle(to(peer));
  for (let sent = 2; sent < count + 2; sent += 2) {
    await soon(() => expect(peer.arrived.length).toBe(before + Math.min(sent, count)));
    await socketsRead();
    if (sent < count) await clock.advance(GAP_MS);
  }
  await during();
  await socketsRead();
  await clock.advance(TIMEOUT_MS);
  await socketsRead();
  await clock.advance(1);
  return result;
}

/** Begins a cycle, of which the first two datagrams arrive. */
async function beginCycle({ probe }: ReturnType<typeof scene>, peer: UdpPeer) {
  const ended = probe.cycle(to(peer));
  await soon(() => expect(peer.arrived.length).toBe(2));
  return { ended };
}

describe('a cycle of datagrams', () => {
  it('has the bytes that Goldpinger sends', async () => {
    const peer = await startUdpPeer(echo);
    const run = scene({ count: 3, size: 20, port: peer.port });
    await cycleOf(run, peer);
    const bytes = peer.arrived.slice(0, 3).map((datagram) => datagram.bytes);
    for (const [i, one] of bytes.entries()) {
      expect(one.toString('hex', 0, 8)).toBe(`47504e470000000${i}`);
      expect(one.length).toBe(20);
      expect(one.subarray(16).every((byte) => byte === 0)).toBe(true);
      // Goldpinger's stamp: ns since the epoch. Ours is within 4.3 s of it.
      const ns = BigInt(run.clock.nowMs()) * 1_000_000n - one.readBigUInt64BE(8);
      expect(ns < 2n ** 33n && ns > -(2n ** 33n)).toBe(true);
    }
  });

  it('loses nothing where everything comes back, over IPv4 and IPv6', async () => {
    for (const address of ['127.0.0.1', '::1']) {
      const peer = await startUdpPeer(echo, { address });
      const result = await cycleOf(scene({ port: peer.port }), peer);
      expect(result).toMatchObject({ sent: 10, lost: 0, rttUs: 0, duplicates: 0, outOfOrder: 0, suspect: false });
    }
  });

  it('ends soon after all datagrams are back, and counts duplicates until then', async () => {
    const peer = await startUdpPeer(echo);
    const run = scene({ count: 2, port: peer.port });
    let result: UdpResult | null | undefined;
    void (await beginCycle(run, peer)).ended.then((ended) => {
      result = ended;
    });
    await socketsRead();
    await run.clock.advance(40);
    await echo(peer.arrived[0]!, peer);
    await socketsRead();
    expect(result).toBeUndefined();
    await run.clock.advance(10);
    expect(result).toMatchObject({ sent: 2, lost: 0, duplicates: 1 });
  });

  it('counts what does not come back as lost, what comes twice as a duplicate, and what comes after a later one as out of order', async () => {
    const order = [0, 0, 2, 1, 3, 3, 3, 5, 4];
    const peer = await startUdpPeer();
    const result = await cycleOf(scene({ port: peer.port }), peer, async () => {
      for (const i of order) await echo(peer.arrived[i]!, peer);
    });
    // 6 of 10 came; 0 once and 3 twice again; 1 after 2 and 4 after 5.
    expect(result).toMatchObject({ sent: 10, lost: 4, duplicates: 3, outOfOrder: 2, suspect: false });
  });

  it('is paced: two datagrams at a time, 20 ms apart', async () => {
    const peer = await startUdpPeer();
    const run = scene({ port: peer.port });
    await beginCycle(run, peer);
    await run.clock.advance(GAP_MS - 1);
    await socketsRead();
    expect(peer.arrived.length).toBe(2);
    await run.clock.advance(1);
    await soon(() => expect(peer.arrived.length).toBe(4));
  });

  it('measures the round trip, and not what came too late', async () => {
    const peer = await startUdpPeer();
    const run = scene({ count: 2, port: peer.port });
    const { ended } = await beginCycle(run, peer);
    await run.clock.advance(30);
    await echo(peer.arrived[0]!, peer);
    await socketsRead();
    await run.clock.advance(TIMEOUT_MS - 30 + 0.5);
    await echo(peer.arrived[1]!, peer);
    await socketsRead();
    await run.clock.advance(1);
    expect(await ended).toMatchObject({ sent: 2, lost: 1, rttUs: 30_000 });
  });

  it('does not count a late echo of the cycle before', async () => {
    const peer = await startUdpPeer();
    const run = scene({ count: 2, port: peer.port });
    await cycleOf(run, peer);
    const late = [...peer.arrived];
    const result = await cycleOf(run, peer, async () => {
      for (const datagram of late) await echo(datagram, peer);
      // Not even to the port of this cycle.
      const port = peer.arrived.at(-1)!.from.port;
      for (const { bytes } of late) await peer.send(bytes, port);
    });
    expect(result).toMatchObject({ sent: 2, lost: 2, duplicates: 0 });
  });

  it('takes no forged echo: from another address or port, with another stamp, number or magic', async () => {
    const peer = await startUdpPeer();
    const neighbour = await startUdpPeer();
    const samePort = await startUdpPeer(undefined, { address: '127.0.0.9', port: peer.port });
    const result = await cycleOf(scene({ count: 2, port: peer.port }), peer, async () => {
      const { bytes, from } = peer.arrived[0]!;
      const changed = (at: number) => {
        const copy = Buffer.from(bytes);
        copy[at] = (copy[at] ?? 0) ^ 1;
        return copy;
      };
      await neighbour.send(bytes, from.port);
      await samePort.send(bytes, from.port, '127.0.0.1');
      for (const at of [0, 4, 7, 8, 15]) await peer.send(changed(at), from.port);
      await peer.send(bytes.subarray(0, 15), from.port);
    });
    expect(result).toMatchObject({ sent: 2, lost: 2 });
  });
});

describe('a target that does not echo', () => {
  it('is not measured where nothing listens at its port, as at an older Goldpinger, until something comes back', async () => {
    const first = await startUdpPeer(echo);
    await first.close();
    const run = scene({ count: 2, port: first.port });
    expect(await run.probe.cycle(to(first))).toBeNull();
    expect(run.errors).toEqual([]);
    let answers = false;
    const peer = await startUdpPeer((datagram, self) => answers && echo(datagram, self), { port: first.port });
    // The system limits how often it says that nothing listens.
    expect(await cycleOf(run, peer)).toBeNull();
    answers = true;
    expect(await cycleOf(run, peer)).toMatchObject({ sent: 2, lost: 0 });
    // From now on silence is loss.
    answers = false;
    expect(await cycleOf(run, peer)).toMatchObject({ sent: 2, lost: 2 });
  });

  it('is a target like any other if it left in the middle of that cycle, and has come back', async () => {
    const peer = await startUdpPeer();
    const run = scene({ count: 4, port: peer.port });
    run.probe.setTargets([to(peer)]);
    const { ended } = await beginCycle(run, peer);
    run.probe.setTargets([]);
    // The next datagrams would be refused.
    await peer.close();
    await run.clock.advance(GAP_MS);
    await socketsRead();
    expect(await ended).toBeNull();
    expect(run.clock.pending).toBe(0);
    const silent = await startUdpPeer(() => {}, { port: peer.port });
    run.probe.setTargets([to(silent)]);
    expect(await cycleOf(run, silent)).toMatchObject({ sent: 4, lost: 4 });
  });

  it('is not measured without an address', async () => {
    const { probe } = scene();
    expect(await probe.cycle({ ...targetOf('1'), address: '' })).toBeNull();
    expect(await probe.cycle({ ...targetOf('1'), address: 'name.example' })).toBeNull();
  });

  it('has lost everything where there is no route to it', async () => {
    const run = scene({ port: 9 });
    // A multicast address of a zone that does not exist here.
    const result = await run.probe.cycle({ ...targetOf('1'), family: 6, address: 'fe80::1%nowhere0' });
    if (result !== null) expect(result).toMatchObject({ sent: 10, lost: 10 });
    expect(run.errors.length + run.ownFaults.length).toBeGreaterThan(0);
  });
});

describe('a cycle while our own process is short of CPU', () => {
  it.each([
    [600, true],
    [300, false],
  ])(
    'that waited %i ms for it, and lost something, which we may have read too late: suspect is %s',
    async (ms, suspect) => {
      const peer = await startUdpPeer((datagram, self, n) => n > 0 && echo(datagram, self));
      const run = scene({ port: peer.port });
      expect(await cycleOf(run, peer, () => run.waitForCpu(ms))).toMatchObject({ lost: 1, suspect });
    },
  );

  it('loses nothing that had come in time before a standstill', async () => {
    const peer = await startUdpPeer();
    const run = scene({ count: 2, port: peer.port });
    const { ended } = await beginCycle(run, peer);
    await Promise.all(peer.arrived.map((datagram) => echo(datagram, peer)));
    // The loop stands still for longer than the timeout: it was busy, and reads the echoes only now.
    run.waitForCpu(5_000);
    run.clock.freeze(5_000);
    await socketsRead();
    await run.clock.advance(50);
    expect(await ended).toMatchObject({ sent: 2, lost: 0, rttUs: -1, suspect: false });
  });
});

it('a stopped probe has no result and leaves no timer', async () => {
  const peer = await startUdpPeer(echo);
  const run = scene({ port: peer.port });
  const result = run.probe.cycle(to(peer));
  run.probe.stop();
  expect(await result).toBeNull();
  expect(run.clock.pending).toBe(0);
});
