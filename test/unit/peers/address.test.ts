import { expect, it } from 'vitest';
import { type Addressing, addressOf, whyNoAddress } from '../../../server/peers/address.ts';
import { targetsOf } from '../../../server/probing/targets.ts';
import { podOf } from '../../support/mesh.ts';

const pod = podOf(1, { podIPs: ['127.0.0.2', 'fd00::1'], hostIPs: ['10.0.0.2'] });

const SETTINGS: Addressing = { families: [4], useHostIP: false, allowLoopback: true };

it.each<[string, Partial<Addressing>, string]>([
  ['IPv4 only', { families: [4] }, '127.0.0.2'],
  ['IPv6 only', { families: [6] }, 'fd00::1'],
  ['IPv6 first', { families: [6, 4] }, 'fd00::1'],
  ['the host', { useHostIP: true }, '10.0.0.2'],
  ['the host over IPv6, which it does not have', { families: [6], useHostIP: true }, ''],
])('a pod is called on its address for %s', (_, settings, address) => {
  expect(addressOf(pod, { ...SETTINGS, ...settings })).toBe(address);
});

it('a pod without an address is not asked; one with another IP family has no address', () => {
  expect(whyNoAddress(podOf(1, { podIPs: [] }), SETTINGS).reason).toBe('not-asked');
  expect(whyNoAddress(podOf(1, { podIPs: ['fd00::3'] }), SETTINGS)).toMatchObject({
    reason: 'no-address',
    detail: expect.stringContaining('fd00::3'),
  });
});

it.each([false, true])('why a pod has no address is the same for calls and pings, with USE_HOST_IP %s', (useHostIP) => {
  const lacking = podOf(1, { podIPs: ['fd00::3'], hostIPs: ['fd01::3'] });
  const settings = { ...SETTINGS, useHostIP };
  const [target] = targetsOf([lacking], { ...settings, selfUid: '', pingNumber: 0, clientPort: 8080 });
  const why = useHostIP ? 'is on a host that has no IPv4 address, only fd01::3' : 'has no IPv4 address, only fd00::3';
  expect(target?.whyNoAddress).toBe(why);
  expect(whyNoAddress(lacking, settings).detail).toBe(`it ${why}`);
});
