import { createServer } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Container } from '../../../../../deploy/local/api/objects.ts';
import { httpCheck, watchReadiness } from '../../../../../deploy/local/kubelet/readiness.ts';
import { close, listen } from '../../../../../deploy/local/sockets.ts';
import { FakeClock } from '../../../../support/fake-clock.ts';

describe('readiness', () => {
  const container: Container = {
    name: 'c',
    image: 'i',
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 2, failureThreshold: 2 },
  };

  it('is probed often at first, then once per period; a single failure changes nothing', async () => {
    const clock = new FakeClock();
    const asked: string[] = [];
    const told: boolean[] = [];
    let good = false;
    const check = async (ip: string, port: number, path: string, timeoutMs: number) => {
      asked.push(`${ip}:${port}${path} ${timeoutMs}`);
      return good;
    };
    const ended = new AbortController();
    const onChange = (ready: boolean) => told.push(ready);
    const watched = watchReadiness(container, '127.0.0.7', onChange, { clock, check }, ended.signal);
    await clock.advance(1000);
    expect(asked).toHaveLength(4);
    expect(asked[0]).toBe('127.0.0.7:8080/readyz 1000');
    expect(told).toEqual([]);
    good = true;
    await clock.advance(250);
    expect(told).toEqual([true]);
    await clock.advance(4000);
    expect(asked).toHaveLength(7);
    good = false;
    await clock.advance(2000);
    expect(told).toEqual([true]);
    await clock.advance(2000);
    expect(told).toEqual([true, false]);
    ended.abort();
    await watched;
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['is reported at once without a probe', {}, [true]],
    ['is never reported if the probe names an unknown port', { readinessProbe: { httpGet: { port: 'web' } } }, []],
  ])('%s', async (_, more, reported) => {
    const told: boolean[] = [];
    const onChange = (ready: boolean) => told.push(ready);
    const deps = { clock: new FakeClock(), check: async () => true };
    const { signal } = new AbortController();
    await watchReadiness({ name: 'c', image: 'i', ...more }, '127.0.0.7', onChange, deps, signal);
    expect(told).toEqual(reported);
  });

  it.each([
    ['/readyz?x=1', '/readyz?x=1'],
    ['readyz', '/readyz'],
    ['//a b/\u{1F600}\ud800', '//a%20b/%F0%9F%98%80%EF%BF%BD'],
  ])('is asked at %j, whatever is in the path', async (path, asked) => {
    const urls: (string | undefined)[] = [];
    const server = createServer(({ url }, response) => {
      urls.push(url);
      response.writeHead(urls.length === 1 ? 204 : 503).end();
    });
    const port = await listen(server, '127.0.0.1', 0);
    onTestFinished(() => close(server));
    expect(await httpCheck('127.0.0.1', port, path, 10_000)).toBe(true);
    expect(await httpCheck('127.0.0.1', port, path, 10_000)).toBe(false);
    expect(urls).toEqual([asked, asked]);
  });
});
