import { describe, expect, it, onTestFinished } from 'vitest';
import { ExternalProbes } from '../../../server/probing/external.ts';
import type { Lookup } from '../../../server/probing/external-probes.ts';
import type { PathSettings } from '../../../server/probing/path-checks.ts';
import type { ProbeResult } from '../../../server/protocol/sample.ts';
import { type BadPeer, type BadPeerKind, startBadPeer } from '../../support/bad-peers.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { soon, startLoopbackPeer } from '../../support/loopback-peer.ts';

/** Starts a peer until the test ends. */
async function peer(kind: BadPeerKind): Promise<BadPeer> {
  const started = await startBadPeer(kind);
  onTestFinished(() => started.stop());
  return started;
}

function start(
  targets: { dns?: string[]; tcp?: string[]; http?: string[] },
  lookup: Lookup = async () => [1],
  change: Partial<PathSettings> & { refreshIntervalMs?: number } = {},
) {
  const clock = new FakeClock();
  const reported: ProbeResult[] = [];
  const ownFaults: string[] = [];
  const { dns: hostsToResolve = [], tcp: tcpTargets = [], http: httpTargets = [] } = targets;
  const timeouts = { dnsTimeoutMs: 500, tcpTimeoutMs: 500, httpTimeoutMs: 500, refreshIntervalMs: 30_000 };
  const paths = { pathChecks: [], pathServiceUrl: '', pathIngressUrl: '', pathDnsName: '', pathApiserverUrl: '' };
  const settings = { hostsToResolve, tcpTargets, httpTargets, ...timeouts, ...paths, ...change };
  const onResult = (result: ProbeResult) => reported.push(result);
  const onOwnFault = (message: string) => ownFaults.push(message);
  const external = new ExternalProbes(settings, { clock, lookup, onResult, onOwnFault });
  onTestFinished(() => external.stop());
  const ended = (count: number) => soon(() => expect(reported.length).toBe(count));
  return { clock, external, reported, ownFaults, ended };
}

/** Probes targets, each of which has its error as it is told; '' = a success. */
async function expectErrors(kind: 'dns' | 'tcp' | 'http', errorsOf: Record<string, unknown>, lookup?: Lookup) {
  const { external, clock, ended } = start({ [kind]: Object.keys(errorsOf) }, lookup);
  await ended(Object.keys(errorsOf).length);
  expect(Object.fromEntries(external.results().map(({ target, error }) => [target, error]))).toEqual(errorsOf);
  expect(external.results()[0]?.atMs).toBe(clock.nowMs());
}

describe('external probes', () => {
  it('are neither good nor bad before the first result', () => {
    const { external } = start({ dns: ['a.test'] }, () => new Promise(() => {}));
    expect(external.results()).toEqual([{ target: 'a.test', protocol: 'dns', atMs: 0, durationUs: 0, error: '' }]);
  });

  it('resolve hosts, and report a host without addresses as Goldpinger does', async () => {
    const lookup: Lookup = async (host) => {
      if (host === 'nope.invalid') throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
      if (host === 'broken.test') throw Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' });
      return host === 'empty.test' ? [] : ['10.0.0.1'];
    };
    const errors = {
      'ok.test': '',
      'empty.test': 'empty.test was resolved to 0 ips',
      'nope.invalid': 'nope.invalid was resolved to 0 ips',
      'broken.test': 'lookup broken.test: getaddrinfo EAI_AGAIN',
    };
    await expectErrors('dns', errors, lookup);
  });

  it('connect to TCP targets', async () => {
    const { port } = await startLoopbackPeer(() => {});
    const refusing = `127.0.0.1:${(await peer('refuses')).port}`;
    await expectErrors('tcp', {
      [`127.0.0.1:${port}`]: '',
      [refusing]: `dial tcp ${refusing}: connection refused`,
      'no-port': "invalid address: 'no-port'",
      '[::1': "invalid address: '[::1'",
      'x:99999': "invalid address: 'x:99999'",
      'x:0': "invalid address: 'x:0'",
      '': "invalid address: ''",
      'x:gopherd': 'dial tcp x:gopherd: unknown port',
    });
  });

  it('request HTTP targets: only status 200 is a success', async () => {
    const { port } = await startLoopbackPeer((request, response) => {
      response.writeHead(Number(request.url?.slice(1)), { location: '/200' }).end('x'.repeat(100_000));
    });
    const base = `http://127.0.0.1:${port}`;
    const refusing = `http://127.0.0.1:${(await peer('refuses')).port}/`;
    const garbage = `http://127.0.0.1:${(await peer('ssh-banner')).port}/`;
    await expectErrors('http', {
      [`${base}/200`]: '',
      [`${base}/204`]: `${base}/204 returned non-200 resp: 204`,
      [`${base}/304`]: `${base}/304 returned non-200 resp: 304`,
      [`${base}/404`]: `${base}/404 returned non-200 resp: 404`,
      [refusing]: `Get "${refusing}": connection refused`,
      [garbage]: expect.stringContaining('HPE_INVALID_CONSTANT'),
      'ftp://x/': "invalid url scheme: 'ftp' in address",
      nonsense: "invalid url: 'nonsense'",
    });
  });

  it('use the password of a target and show it nowhere', async () => {
    const asked: (string | undefined)[] = [];
    const { port } = await startLoopbackPeer(({ headers, url }, response) => {
      asked.push(headers.authorization);
      if (url === '/a') response.writeHead(302, { location: '/b' });
      response.end();
    });
    const secret = 'me:s3cret@';
    const { external, reported, ended } = start({
      http: [`${port}/a`, '1/', 'x'].map((rest) => `http://${secret}127.0.0.1:${rest}`).concat(`ftp://${secret}x/`),
      tcp: [`${secret}127.0.0.1:x`],
    });
    await ended(5);
    const shown = JSON.stringify([reported, external.results()]);
    expect(shown).not.toContain('s3cret');
    expect(external.results()[1]).toMatchObject({ target: `http://127.0.0.1:${port}/a`, error: '' });
    expect(asked.slice(0, 2)).toEqual(Array(2).fill(`Basic ${btoa('me:s3cret')}`));
  });

  it('have names of their own also if they differ only in their password', () => {
    const http = ['a', 'b', 'c'].map((password) => `http://user:${password}@h.test/`);
    const { external } = start({ http: [...http, 'http://i.test/'], tcp: ['h.test:1'] });
    const names = external.results().map(({ target }) => target);
    const shown = names[1] ?? '';
    expect(names).toEqual(['h.test:1', shown, `${shown} (2)`, `${shown} (3)`, 'http://i.test/']);
    expect(names.join()).not.toMatch(/user:[abc]/);
  });

  it('say nothing about a target if our own process lacks something', async () => {
    const lookup: Lookup = () => Promise.reject(Object.assign(new Error('no'), { code: 'EMFILE' }));
    const { ownFaults, reported, clock } = start({ dns: ['a.test'] }, lookup);
    await soon(() => expect(ownFaults).toHaveLength(1));
    await clock.advance(30_000);
    expect(ownFaults).toEqual(Array(2).fill(expect.stringContaining('too many open files')));
    expect(reported).toEqual([]);
  });

  it('end at their timeout and leave only the timer of the next round', async () => {
    const silent = await peer('never-answers');
    const { external, clock, ended } = start({ http: [`http://127.0.0.1:${silent.port}/`] });
    await soon(() => expect(silent.requests).toHaveLength(1));
    await clock.advance(500);
    await ended(1);
    expect(external.results()[0]).toMatchObject({
      error: `Get "http://127.0.0.1:${silent.port}/": timeout after 500 ms`,
      durationUs: 500_000,
    });
    expect(clock.pending).toBe(1);
    await soon(() => expect(silent.open).toBe(0));
  });

  it('tell since when a target fails or answers, and how', async () => {
    let isUp = false;
    const lookup: Lookup = async () => (isUp ? [1] : []);
    const { clock, external, ended } = start({ dns: ['a.test'] }, lookup);
    await ended(1);
    const firstMs = clock.nowMs();
    await clock.advance(30_000);
    await ended(2);
    expect(external.results()[0]).toMatchObject({ outcome: 'dns', atMs: firstMs + 30_000, sinceMs: firstMs });
    isUp = true;
    await clock.advance(30_000);
    await ended(3);
    expect(external.results()[0]).toMatchObject({ outcome: 'ok', sinceMs: firstMs + 60_000 });
  });

  it('contain the checks of paths, first and each with its path; the Service has no address before its name was resolved', async () => {
    const { port } = await startLoopbackPeer((_, response) => response.end());
    const { external, clock, ended } = start({ dns: ['a.test'] }, undefined, {
      pathChecks: ['service', 'dns'],
      pathServiceUrl: `http://localhost:${port}/ping`,
      pathDnsName: 'b.test',
    });
    await ended(3);
    expect(external.results()).toMatchObject([
      { path: 'service', protocol: 'http', target: `http://localhost:${port}/ping`, outcome: 'ok' },
      { path: 'service-ip', protocol: 'http', atMs: 0 },
      { path: 'dns', protocol: 'dns', target: 'b.test', outcome: 'ok' },
      { target: 'a.test', outcome: 'ok' },
    ]);
    await clock.advance(30_000);
    await ended(7);
    expect(external.results()[1]).toMatchObject({ path: 'service-ip', outcome: 'ok', error: '' });
  });

  it.each([
    ['one interval apart', 30_000],
    ['every 30 s if peers are not pinged', 0],
  ])('run in rounds, %s', async (_, refreshIntervalMs) => {
    const { clock, reported } = start({ dns: ['a.test', 'b.test'] }, undefined, { refreshIntervalMs });
    await clock.advance(59_000);
    expect(reported.length).toBe(4);
    await clock.advance(2_000);
    expect(reported.length).toBe(6);
  });

  it('never look up a host twice at once, and report a lookup that hangs in each round', async () => {
    const asked: string[] = [];
    const lookup: Lookup = (host) => {
      asked.push(host);
      return new Promise(() => {});
    };
    const { clock, external, reported } = start({ dns: ['a.test', 'b.test'] }, lookup, { refreshIntervalMs: 1_000 });
    await clock.advance(10_600);
    expect(asked).toEqual(['a.test', 'b.test']);
    const errors = external.results().map(({ error }) => error);
    expect(errors).toEqual(['a', 'b'].map((host) => `lookup ${host}.test: timeout after 500 ms`));
    // Ten rounds, and the first timeout.
    expect(reported.length).toBe(22);
    expect(reported.every(({ durationUs }) => durationUs === 500_000)).toBe(true);
  });

  it('accuse no name whose lookup waits behind those that hang: its result is forgotten, and comes when its turn comes', async () => {
    const hanging: ((found: unknown[]) => void)[] = [];
    let isUp = true;
    const lookup: Lookup = (host) => {
      return isUp || host === 'c.test' ? Promise.resolve([1]) : new Promise((resolve) => hanging.push(resolve));
    };
    const { clock, external, reported, ended } = start({ dns: ['a.test', 'b.test', 'c.test'] }, lookup, {
      refreshIntervalMs: 1_000,
    });
    await ended(3);
    isUp = false;
    await clock.advance(5_000);
    const ofHost = (host: string) => external.results().find(({ target }) => target === host);
    expect([ofHost('a.test')?.outcome, ofHost('c.test')?.outcome]).toEqual(['timeout', 'ok']);
    await clock.advance(10_000);
    expect(ofHost('c.test')).toEqual({ target: 'c.test', protocol: 'dns', atMs: 0, durationUs: 0, error: '' });
    hanging[0]?.([1]);
    await soon(() => expect(ofHost('c.test')?.outcome).toBe('ok'));
    expect(reported.filter(({ target, error }) => target === 'c.test' && error !== '')).toEqual([]);
  });

  it('give each lookup its whole time, however many wait before it', async () => {
    const waiting: ((found: unknown[]) => void)[] = [];
    const lookup: Lookup = () => new Promise((resolve) => waiting.push(resolve));
    const { clock, external, ended } = start({ dns: ['a', 'b', 'c', 'd', 'e', 'f'] }, lookup);
    for (const count of [2, 4, 6]) {
      await clock.advance(400);
      for (const resolve of waiting.splice(0)) resolve([1]);
      await ended(count);
    }
    const results = external.results().map(({ outcome, durationUs }) => [outcome, durationUs]);
    expect(results).toEqual(Array(6).fill(['ok', 400_000]));
  });

  it('run at most 16 at a time', async () => {
    const silent = await peer('never-answers');
    const http = Array.from({ length: 20 }, (_, i) => `http://127.0.0.1:${silent.port}/${i}`);
    const { clock, ended } = start({ http });
    await soon(() => expect(silent.requests).toHaveLength(16));
    await clock.advance(500);
    await soon(() => expect(silent.requests).toHaveLength(20));
    await clock.advance(500);
    await ended(20);
  });

  it('are at most as many as a report holds', () => {
    const hosts = Array.from({ length: 600 }, (_, i) => `h${i}.test`);
    expect(start({ dns: hosts }).external.results()).toHaveLength(500);
  });

  it('end at once when stopped, and leave no timer and no connection', async () => {
    const silent = await peer('never-answers');
    const lookup: Lookup = () => new Promise(() => {});
    const target = `127.0.0.1:${silent.port}`;
    const { clock, external, reported } = start({ dns: ['a.test'], http: [`http://${target}/`] }, lookup);
    await soon(() => expect(silent.requests).toHaveLength(1));
    external.stop();
    await soon(() => expect(silent.open).toBe(0));
    await clock.advance(60_000);
    expect([reported.length, clock.pending]).toEqual([0, 0]);
  });
});
