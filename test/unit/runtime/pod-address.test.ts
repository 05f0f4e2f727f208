import { describe, expect, it } from 'vitest';
import { callableAddress } from '../../../server/runtime/pod-address.ts';

describe('the address to call a pod on', () => {
  it.each<[string[], 4 | 6, string]>([
    [['10.0.0.1'], 4, '10.0.0.1'],
    [['fd00::1', '10.0.0.1'], 4, '10.0.0.1'],
    [['10.0.0.1', 'fd00::1'], 6, 'fd00::1'],
    [['127.0.0.1', '10.0.0.1'], 4, '10.0.0.1'],
    [['169.253.255.255'], 4, '169.253.255.255'],
    [['223.255.255.255'], 4, '223.255.255.255'],
    [['100.64.0.1'], 4, '100.64.0.1'],
  ])('of %j over IPv%i is %s', (ips, family, address) => {
    expect(callableAddress(ips, family, false)).toEqual({ address, why: '' });
  });

  it.each<[string[], 4 | 6, string]>([
    [[], 4, 'has no IPv4 address'],
    [['10.0.0.1'], 6, 'has no IPv6 address, only 10.0.0.1'],
    [['127.1.2.3'], 4, 'has the loopback address 127.1.2.3, which is not called'],
    [['::1'], 6, 'has the loopback address ::1, which is not called'],
    [['::ffff:127.0.0.1'], 6, 'has the loopback address ::ffff:127.0.0.1, which is not called'],
    [['0.0.0.0'], 4, 'has the unspecified address 0.0.0.0, which is not called'],
    [['::'], 6, 'has the unspecified address ::, which is not called'],
    [['169.254.169.254'], 4, 'has the link-local address 169.254.169.254, which is not called'],
    [['fe80::1%eth0'], 6, 'has the link-local address fe80::1%eth0, which is not called'],
    [['224.0.0.1'], 4, 'has the multicast address 224.0.0.1, which is not called'],
    [['ff02::1'], 6, 'has the multicast address ff02::1, which is not called'],
    [['255.255.255.255'], 4, 'has the broadcast or reserved address 255.255.255.255, which is not called'],
    [
      ['javascript:alert(1)', '10.0.0.1\r\nEvil: yes'],
      4,
      'has no IPv4 address, only javascript:alert(1), 10.0.0.1\r\nEvil: yes',
    ],
  ])('does not exist for %j over IPv%i: the pod %s', (ips, family, why) => {
    expect(callableAddress(ips, family, false)).toEqual({ address: '', why });
  });

  it('may be a loopback address in the local cluster alone', () => {
    expect(callableAddress(['127.0.0.5'], 4, true)).toEqual({ address: '127.0.0.5', why: '' });
    expect(callableAddress(['0.0.0.0'], 4, true).address).toBe('');
  });
});
