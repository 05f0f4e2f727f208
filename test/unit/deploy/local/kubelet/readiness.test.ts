import { describe, expect, it } from 'vitest';
import type { Container } from '../../../../../deploy/local/api/objects.ts';
import { watchReadiness } from '../../../../../deploy/local/kubelet/readiness.ts';
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
    const stop = watchReadiness(container, '127.0.0.7', (ready) => told.push(ready), { clock, check });
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
    stop();
    expect(clock.pending).toBe(0);
  });

  it('is reported at once without a probe', () => {
    const told: boolean[] = [];
    const check = async () => false;
    watchReadiness({ name: 'c', image: 'i' }, '127.0.0.7', (ready) => told.push(ready), {
      clock: new FakeClock(),
      check,
    });
    expect(told).toEqual([true]);
  });
});
