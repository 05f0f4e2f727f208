import { describe, expect, it, onTestFinished } from 'vitest';
import { startUdpEcho, type UdpEcho } from '../../../server/probing/udp-echo.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { soon } from '../../support/loopback-peer.ts';
import { socketsRead, startUdpPeer, type UdpPeer } from '../../support/udp-peer.ts';

/** A datagram as Goldpinger sends it. */
function goldpingerDatagram(sequence: number, size = 64): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.write('GPNG', 0, 'latin1');
  bytes.writeUInt32BE(sequence, 4);
  bytes.writeBigUInt64BE(1_796_018_400_123_456_789n, 8);
  return bytes;
}

async function echoOn(host = '127.0.0.1', clock = new FakeClock()): Promise<UdpEcho> {
  const echo = await startUdpEcho({ host, port: 0, clock });
  onTestFinished(() => echo.stop());
  return echo;
}

/** Sends datagrams one after the other and returns how many come back. */
async function echoed(client: UdpPeer, echo: UdpEcho, count: number): Promise<number> {
  const before = client.arrived.length;
  for (let i = 0; i < count; i++) {
    await client.send(goldpingerDatagram(i, 16), echo.port);
    if (i % 50 === 49) await socketsRead();
  }
  await socketsRead();
  return client.arrived.length - before;
}

describe('the UDP echo', () => {
  it('sends a datagram back to its sender, byte for byte', async () => {
    const [echo, client] = [await echoOn(), await startUdpPeer()];
    const sizes = [16, 64, 1500];
    for (const [i, size] of sizes.entries()) await client.send(goldpingerDatagram(i, size), echo.port);
    await soon(() => expect(client.arrived.length).toBe(3));
    expect(client.arrived.map(({ bytes }) => bytes)).toEqual(sizes.map((size, i) => goldpingerDatagram(i, size)));
  });

  it('answers both families on one port, where HOST is the wildcard of either, however it is written', async () => {
    for (const host of ['::', '0.0.0.0', '[::]', '0']) {
      const echo = await echoOn(host);
      for (const address of ['127.0.0.1', '::1']) {
        const client = await startUdpPeer(undefined, { address });
        await client.send(goldpingerDatagram(1), echo.port);
        await soon(() => expect(client.arrived.length).toBe(1));
      }
    }
  });

  it('answers nothing else: too short, too long, without the magic', async () => {
    const [echo, client] = [await echoOn(), await startUdpPeer()];
    const noMagic = goldpingerDatagram(0);
    noMagic[3] = 0;
    for (const bytes of [Buffer.alloc(0), Buffer.from('GPNG'), goldpingerDatagram(0).subarray(0, 15), noMagic]) {
      await client.send(bytes, echo.port);
    }
    await client.send(goldpingerDatagram(0, 1501), echo.port);
    expect(await echoed(client, echo, 1)).toBe(1);
    expect(client.arrived.length).toBe(1);
  });

  it('never answers another echo, nor a system service: a forged sender starts no endless exchange', async () => {
    const echo = await echoOn();
    const other = await startUdpPeer(undefined, { address: '127.0.0.2', port: echo.port });
    await other.send(goldpingerDatagram(0), echo.port, '127.0.0.1');
    const service = await startUdpPeer(undefined, { address: '127.0.0.2', port: 1019 }).catch(() => null);
    await service?.send(goldpingerDatagram(0), echo.port, '127.0.0.1');
    const client = await startUdpPeer();
    expect(await echoed(client, echo, 1)).toBe(1);
    expect([other.arrived.length, service?.arrived.length ?? 0]).toEqual([0, 0]);
  });

  it('answers at most 2000 datagrams of one address in a second, and others meanwhile', async () => {
    const clock = new FakeClock();
    const echo = await echoOn('127.0.0.1', clock);
    const [client, other] = [await startUdpPeer(), await startUdpPeer(undefined, { address: '127.0.0.3' })];
    expect(await echoed(client, echo, 2100)).toBe(2000);
    await other.send(goldpingerDatagram(0), echo.port, '127.0.0.1');
    await soon(() => expect(other.arrived.length).toBe(1));
    await clock.advance(1000);
    expect(await echoed(client, echo, 10)).toBe(10);
  });

  it('says why it cannot listen', async () => {
    const taken = await startUdpPeer();
    const listening = startUdpEcho({ host: '127.0.0.1', port: taken.port, clock: new FakeClock() });
    await expect(listening).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
