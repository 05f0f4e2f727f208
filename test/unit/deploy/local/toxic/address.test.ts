import { expect, it } from 'vitest';
import { isSameAddress, parseAddress } from '../../../../../deploy/local/toxic/address.ts';

it.each([
  ['127.0.0.1:9', '127.0.0.1:9', true],
  ['localhost:9', '127.0.0.1:9', true],
  ['[::]:9', '127.0.0.1:9', true],
  ['127.0.0.2:9', '127.0.0.1:9', false],
  ['127.0.0.1:8', '127.0.0.1:9', false],
  // A proxy that listens at every address gets what is sent to any address of its machine.
  [':9', '[::]:9', true],
  ['localhost:9', '[::]:9', true],
  ['[::1]:9', '0.0.0.0:9', true],
  ['127.0.0.2:9', '[::]:9', true],
  ['127.0.0.2:9', '0.0.0.0:9', true],
  ['192.0.2.1:9', '[::]:9', true],
  ['[2001:db8::1]:9', ':9', true],
  ['192.0.2.2:9', '[::]:9', false],
  ['192.0.2.1:8', '[::]:9', false],
])('a connection to %s arrives at a proxy that listens at %s: %s', (upstream, listener, expected) => {
  const own = ['192.0.2.1', '2001:db8::1'];
  expect(isSameAddress(parseAddress(upstream, 'dial'), parseAddress(listener, 'listen'), own)).toBe(expected);
});
