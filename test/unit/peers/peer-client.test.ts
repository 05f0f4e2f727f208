import { expect, it } from 'vitest';
import { type Addressing, addressOf, type PeerRequest } from '../../../server/peers/peer-client.ts';
import { TargetList } from '../../../server/probing/targets.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { peerClientOn, soon, startLoopbackPeer } from '../../support/loopback-peer.ts';
import { podOf } from '../../support/mesh.ts';

const MB = 1024 * 1024;
const pod = podOf(1, { podIPs: ['127.0.0.1'] });
const request: PeerRequest<unknown> = {
  path: '/x',
  maxBytes: 4 * MB,
  maxValues: 10,
  parse: (wire) => wire,
};

it('a request that HTTP does not allow leaves no timer behind', async () => {
  const clock = new FakeClock();
  const client = peerClientOn(1, clock);
  for (const wrong of [{ path: '/a b' }, { headers: { a: '\n' } }]) {
    await expect(client.request(pod, { ...request, ...wrong })).rejects.toMatchObject({ name: 'PeerCallError' });
  }
  expect(clock.pending).toBe(0);
});

it('a pod that says that it is passive is not asked again for 10 minutes', async () => {
  const clock = new FakeClock();
  let asked = 0;
  const peer = await startLoopbackPeer((_req, res) => {
    asked += 1;
    res.writeHead(503, { 'Content-Type': 'application/json' });
    // Goldpinger's own words.
    res.end('{"code":503,"message":"this node is in passive mode and does not perform active checks"}');
  });
  const client = peerClientOn(peer.port, clock);
  const passive = { name: 'PeerCallError', reason: 'passive' };
  await expect(client.request(pod, request)).rejects.toMatchObject(passive);
  // As after Goldpinger's /check, which says so where /api/v1/pod-report is not known.
  client.forgetUnknownPaths(pod);
  await expect(client.request(pod, { ...request, path: '/y' })).rejects.toMatchObject(passive);
  expect(asked).toBe(1);
  await clock.advance(10 * 60_000);
  await expect(client.request(pod, request)).rejects.toMatchObject(passive);
  expect(asked).toBe(2);
});

it('answers in flight share 8 MiB: the one that takes the most is ended, and the others go on', async () => {
  const sent: (() => void)[] = [];
  const peer = await startLoopbackPeer((req, res) => {
    const bytes = Number(new URL(req.url ?? '', 'http://x').searchParams.get('bytes'));
    res.write(`"${'x'.repeat(bytes)}`);
    sent.push(() => res.end('"'));
  });
  const client = peerClientOn(peer.port, new FakeClock());
  client.noteUnknownPath(pod, '/unknown');
  const ask = (bytes: number) => client.request(pod, { ...request, path: `/x?bytes=${bytes}` });
  const large = ask(3.5 * MB);
  const outcome = expect(large).rejects.toMatchObject({ reason: 'not-asked', message: /8388608 bytes at once/ });
  const others = [ask(2 * MB), ask(2 * MB), ask(2 * MB)];
  await outcome;
  // That was our own limit. What the pod does not know is still known.
  await expect(client.request(pod, { ...request, path: '/unknown' })).rejects.toMatchObject({ mayBeGoldpinger: true });
  await soon(() => expect(sent).toHaveLength(4));
  for (const end of sent) end();
  expect((await Promise.all(others)).map(({ value }) => String(value).length)).toEqual([2 * MB, 2 * MB, 2 * MB]);
  // What has been read and parsed counts no more.
  const again = [ask(3 * MB), ask(3 * MB)];
  await soon(() => expect(sent).toHaveLength(6));
  for (const end of sent) end();
  await Promise.all(again);
});

const ADDRESSING: Addressing = { families: [4], useHostIP: false, allowLoopback: true };

it.each<[string, Partial<Addressing>, string]>([
  ['IPv6 first', { families: [6, 4] }, 'fd00::1'],
  ['the host', { families: [6, 4], useHostIP: true }, '10.0.0.2'],
  ['the host over IPv6, which it does not have', { families: [6], useHostIP: true }, ''],
])('a pod is called on its address for %s', (_, settings, address) => {
  const pod = podOf(1, { podIPs: ['127.0.0.2', 'fd00::1'], hostIPs: ['10.0.0.2'] });
  expect(addressOf(pod, { ...ADDRESSING, ...settings })).toBe(address);
});

it.each([false, true])(
  'why a pod has no address is the same for calls and pings, with USE_HOST_IP %s',
  async (useHostIP) => {
    const settings = { ...ADDRESSING, useHostIP };
    const client = peerClientOn(1, new FakeClock(), settings);
    const lacking = podOf(1, { podIPs: ['fd00::3'], hostIPs: ['fd01::3'] });
    const [target] = new TargetList().update([lacking], { ...settings, selfUid: '', pingNumber: 0, clientPort: 8080 });
    const why = useHostIP ? 'is on a host that has no IPv4 address, only fd01::3' : 'has no IPv4 address, only fd00::3';
    expect(target?.whyNoAddress).toBe(why);
    await expect(client.request(lacking, request)).rejects.toMatchObject({
      reason: 'no-address',
      message: `it ${why}`,
    });
    await expect(client.request(podOf(1, { podIPs: [], hostIPs: [] }), request)).rejects.toMatchObject({
      reason: 'not-asked',
    });
  },
);
