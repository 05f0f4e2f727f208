import { afterEach, beforeEach, expect, test } from 'vitest';
import { runToxiproxyCli } from '../../deploy/local/client/toxiproxy-cli.ts';
import type { FaultProxy } from '../../deploy/local/toxic/fault-proxy.ts';
import { startProxy } from '../support/fault-proxy.ts';

/*
 * What `npm run local -- toxic` says to somebody who has no toxiproxy-cli. That it says what toxiproxy-cli does where no
 * terminal reads it is for `npm run test:toxiproxy`.
 */
let proxy: FaultProxy;
beforeEach(async () => {
  proxy = await startProxy();
});
afterEach(() => proxy.stop());

const toxic = (line: string, onTerminal = false) => runToxiproxyCli(line.split(' '), proxy.apiUrl, onTerminal);

test('on a terminal lists are tables, as the book shows them, also if they are empty', async () => {
  expect(await toxic('list', true)).toBe(
    [
      'Name   Listen   Upstream   Enabled   Toxics',
      '===========================================',
      'no proxies',
      '',
      'Hint: create a proxy with `npm run local -- toxic create`',
      '',
    ].join('\n'),
  );
  expect(await toxic('list')).toBe('');
  await toxic('create chaos -l 127.0.0.1:0 -u localhost:9090');
  expect(await toxic('ls', true)).toMatch(
    /^Name {4}Listen {12,}Upstream {9}Enabled {3}Toxics\n=+\nchaos {3}127\.0\.0\.1:\d+ +localhost:9090 {3}enabled {3}None\n\nHint: inspect/,
  );
  await toxic('toxic add --type latency --a latency=250 --upstream chaos');
  expect(await toxic('list', true)).toMatch(/enabled {3}1\n/);
  expect(await toxic('inspect chaos', true)).toMatch(
    /^Name: chaos {3}Listen: 127\.0\.0\.1:\d+ {3}Upstream: localhost:9090\n=+\nUpstream toxics:\nlatency_upstream: {3}type=latency {3}stream=upstream {3}toxicity=1\.00 {3}attributes=\[\tjitter=0\tlatency=250\t\]\n\nDownstream toxics:\nProxy has no Downstream toxics enabled\.\n$/,
  );
});

test('names cannot control the terminal', async () => {
  await runToxiproxyCli(['create', 'a\u001b[2J', '-l', '127.0.0.1:0', '-u', 'localhost:9'], proxy.apiUrl);
  expect(await toxic('list', true)).toContain('\na [2J ');
});

test('a name cannot look like another line of a table', async () => {
  const name = 'a\nforged';
  await runToxiproxyCli(['create', name, '-l', '127.0.0.1:0', '-u', 'localhost:9'], proxy.apiUrl);
  await runToxiproxyCli(['toxic', 'add', '-n', name, '-t', 'latency', '-a', 'latency=1', name], proxy.apiUrl);
  expect(await toxic('list', true)).toContain('\na forged ');
  const inspected = await runToxiproxyCli(['inspect', name], proxy.apiUrl, true);
  expect(inspected).toContain('Name: a forged ');
  expect(inspected).toContain('\na forged: ');
});

test('a mistyped attribute, which Toxiproxy ignores, causes a warning', async () => {
  await toxic('create chaos -l 127.0.0.1:0 -u localhost:9090');
  expect(await toxic('toxic add -t latency -a latncy=250 -u chaos')).toBe(
    "Added upstream latency toxic 'latency_upstream' on proxy 'chaos'\nBut latency has no latncy, only: latency, jitter\n",
  );
  expect(await toxic('toxic update -n latency_upstream -a jiter=1 chaos')).toMatch(/\nBut latency has no jiter, only/);
  expect(await toxic('toxic update -n latency_upstream -a latency=250 chaos')).not.toContain('But');
});

test('an invalid toxicity is rejected and changes nothing', async () => {
  await toxic('create chaos -l 127.0.0.1:0 -u localhost:9090');
  for (const share of ['x', '2', '-1', 'NaN']) {
    await expect(toxic(`toxic add -t latency -a latency=1 --toxicity=${share} chaos`)).rejects.toThrow(
      'toxicity should be a number from 0 to 1',
    );
  }
  expect(await toxic('inspect chaos')).toBe('');
  await toxic('toxic add -t latency -a latency=1 --toxicity 0.5 chaos');
  expect(await toxic('inspect chaos')).toContain('toxicity=0.50');
});

test('the host may have a scheme or none, and an invalid host is rejected', async () => {
  await toxic('create chaos -l 127.0.0.1:0 -u localhost:9090');
  expect(await runToxiproxyCli(['list'], proxy.apiUrl.replace('http://', ''))).toContain('chaos');
  for (const host of ['', ':x', 'http://']) {
    await expect(runToxiproxyCli(['list'], host)).rejects.toThrow('is not a valid address: -h HOST:PORT');
  }
});
