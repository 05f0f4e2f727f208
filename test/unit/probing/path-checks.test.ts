import type { LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type PathSettings, pathChecksOf } from '../../../server/probing/path-checks.ts';
import { PATHS } from '../../../server/protocol/sample.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { startLoopbackPeer } from '../../support/loopback-peer.ts';

/** The checks of a cluster whose Service `goldpinger` is on loopback, and a DNS that a test can turn off. */
async function cluster(change: Partial<PathSettings> = {}, status = 200) {
  const hosts: (string | undefined)[] = [];
  const { port } = await startLoopbackPeer(({ headers, url }, response) => {
    hosts.push(headers.host);
    const isFar = url === '/far';
    response.writeHead(isFar ? 302 : status, isFar ? { location: `http://elsewhere:${port}/` } : {}).end();
  });
  const dns = { isUp: true, asked: [] as string[] };
  const lookup: LookupFunction = (host, options, done) => {
    dns.asked.push(host);
    if (!dns.isUp) return done(Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' }), '', 4);
    if (options.all) return done(null, [{ address: '127.0.0.1', family: 4 }]);
    done(null, '127.0.0.1', 4);
  };
  const settings: PathSettings = {
    pathChecks: ['service', 'ingress', 'dns', 'apiserver'],
    pathServiceUrl: `http://goldpinger:${port}/ping`,
    pathIngressUrl: `http://127.0.0.1:${port}/ping`,
    pathDnsName: 'kubernetes.default.svc',
    pathApiserverUrl: `http://127.0.0.1:${port}/livez`,
    ...change,
  };
  const checks = pathChecksOf(settings, async (host) => [`address of ${host}`], lookup);
  const limits = { clock: new FakeClock(), timeoutMs: 500, signal: new AbortController().signal };
  return { port, hosts, dns, checks, probe: (path: string) => checks.find((one) => one.path === path)!.probe(limits) };
}

describe('PATH_CHECKS', () => {
  it('makes a check of each path; of the Service by name and by cluster IP', async () => {
    const { checks } = await cluster();
    expect(checks.map(({ path }) => path)).toEqual([...PATHS]);
    expect(checks.map(({ protocol }) => protocol)).toEqual(['http', 'http', 'http', 'dns', 'http']);
    expect((await cluster({ pathChecks: ['dns'] })).checks).toHaveLength(1);
    expect((await cluster({ pathChecks: [] })).checks).toEqual([]);
  });

  it('looks up the name that the DNS knows', async () => {
    expect(await (await cluster()).probe('dns')).toEqual({ outcome: 'ok', error: '' });
  });

  it('asks the Service at the address that its name led to, with its name in the request, also when the DNS fails', async () => {
    const { probe, dns, hosts, port } = await cluster();
    expect(probe('service-ip')).toBeNull();
    expect(await probe('service')).toEqual({ outcome: 'ok', error: '' });
    dns.isUp = false;
    expect(await probe('service')).toEqual({
      outcome: 'dns',
      error: `Get "http://goldpinger:${port}/ping": EAI_AGAIN getaddrinfo EAI_AGAIN`,
    });
    expect(await probe('service-ip')).toEqual({ outcome: 'ok', error: '' });
    expect(dns.asked).toEqual(['goldpinger', 'goldpinger']);
    expect(hosts).toEqual(Array(2).fill(`goldpinger:${port}`));
  });

  it('looks up the host to which a Service redirects', async () => {
    const { port, dns } = await cluster();
    const far = await cluster({ pathServiceUrl: `http://goldpinger:${port}/far` });
    expect(await far.probe('service')).toEqual({ outcome: 'ok', error: '' });
    expect(await far.probe('service-ip')).toEqual({ outcome: 'ok', error: '' });
    expect(far.dns.asked).toEqual(['goldpinger', 'elsewhere', 'elsewhere']);
    expect(dns.asked).toEqual([]);
  });

  it('does not check a Service by name whose URL has an address', async () => {
    const { port } = await cluster();
    const { checks, probe, dns } = await cluster({ pathServiceUrl: `http://127.0.0.1:${port}/ping` });
    expect(checks.map(({ path }) => path)).toEqual(['service-ip', 'ingress', 'dns', 'apiserver']);
    expect(await probe('service-ip')).toEqual({ outcome: 'ok', error: '' });
    expect(dns.asked).toEqual([]);
  });
});

describe('the API server', () => {
  it.each([200, 401, 403])('is reached if it answers %i: it may refuse anonymous requests', async (status) => {
    expect(await (await cluster({}, status)).probe('apiserver')).toEqual({ outcome: 'ok', error: '' });
  });

  it('fails with 500, and so do the others, also with 401', async () => {
    const { probe, port } = await cluster({}, 500);
    expect(await probe('apiserver')).toEqual({
      outcome: 'http-status',
      error: `http://127.0.0.1:${port}/livez returned non-200 resp: 500`,
    });
    expect(await (await cluster({}, 401)).probe('ingress')).toMatchObject({ outcome: 'http-status' });
  });
});
