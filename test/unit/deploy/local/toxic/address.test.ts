import { expect, it } from 'vitest';
import { isSameAddress, parseAddress, realAddress } from '../../../../../deploy/local/toxic/address.ts';

const real = (address: string, podIP: string) =>
  realAddress(parseAddress(address, 'dial'), { podIP, innerIP: '', redirected: [] });

it.each([
  ['', '127.0.0.1:9', '127.0.0.1:9', true],
  ['', 'localhost:9', '127.0.0.1:9', true],
  ['', '[::]:9', '127.0.0.1:9', true],
  ['', 'localhost:9', '0.0.0.0:9', true],
  ['', '127.0.0.2:9', '127.0.0.1:9', false],
  ['', '127.0.0.2:9', '0.0.0.0:9', true],
  ['', '[::1]:9', '0.0.0.0:9', true],
  ['', '192.0.2.1:9', '0.0.0.0:9', false],
  ['', 'name.example:9', '0.0.0.0:9', false],
  ['', 'localhost:8', '0.0.0.0:9', false],
  ['127.0.0.7', 'localhost:9', '0.0.0.0:9', true],
  ['127.0.0.7', 'localhost:9', '127.0.0.8:9', false],
])(
  'in the pod %j, a connection to %s arrives at a proxy that listens at %s: %s',
  (podIP, upstream, listener, expected) => {
    expect(isSameAddress(real(upstream, podIP), real(listener, podIP))).toBe(expected);
  },
);
