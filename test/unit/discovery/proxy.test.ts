import { expect, test } from 'vitest';
import { proxyFor } from '../../../server/discovery/proxy.ts';

const proxies = { https: 'http://secure:1', http: 'plain:2', none: '' };

test.each([
  ['https://api.test', '', 'http://secure:1'],
  ['http://api.test', '', 'http://plain:2'],
  ['https://localhost:6443', '', ''],
  ['https://127.0.0.9:6443', '', ''],
  ['https://[::1]:6443', '', ''],
  ['https://api.test', '*', ''],
  ['https://api.test', 'other.test, API.test', ''],
  ['https://a.api.test', 'api.test', ''],
  ['https://api.test', '.test', ''],
  ['https://test', '.test', 'http://secure:1'],
  ['https://a.test', '*.test', ''],
  ['https://my-api.test', 'api.test', 'http://secure:1'],
  ['https://api.test:6443', 'api.test:6443', ''],
  ['https://api.test', 'api.test:6443', 'http://secure:1'],
  ['https://api.test', 'api.test:443', ''],
  ['https://10.96.0.1', '10.96.0.1', ''],
  ['https://10.96.0.1', '10.96.0.0/12', ''],
  ['https://10.96.0.1', '10.0.0.0/16,192.168.0.0/16', 'http://secure:1'],
  ['https://[fd00::1]', 'fd00::/8', ''],
  ['https://[fd00::1]', 'fd00::1', ''],
  ['https://[fd00::1]', 'fd00:0:0:0::1', ''],
  ['https://[fd00::2]', 'fd00::1', 'http://secure:1'],
  ['https://10.96.0.1', '10.96.0.0/12:443', 'http://secure:1'],
  ['https://[fd00::1]:6443', '[fd00::1]:6443', ''],
  ['https://10.96.0.1', '10.96.0.0/99', 'http://secure:1'],
])('%s with NO_PROXY=%j is reached through %j', (url, none, expected) => {
  expect(proxyFor(new URL(url), { ...proxies, none })).toBe(expected);
});

test('without a proxy every server is reached directly', () => {
  expect(proxyFor(new URL('https://api.test'), { https: '', http: '', none: '' })).toBe('');
});
