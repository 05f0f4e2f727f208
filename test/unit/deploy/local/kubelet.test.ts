import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Container, ContainerStatus, PodObject } from '../../../../deploy/local/api/objects.ts';
import { KeptLog } from '../../../../deploy/local/kubelet/container-log.ts';
import { localImages } from '../../../../deploy/local/kubelet/images.ts';
import { podStatus } from '../../../../deploy/local/kubelet/pod-status.ts';
import { watchReadiness } from '../../../../deploy/local/kubelet/readiness.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { addPod, newStore } from './kube.ts';

const PLACE = { podIP: '127.0.0.7', hostIP: '127.0.0.241', redirected: [], innerIP: '' };
const pod = () => addPod(newStore(), 'a', { app: 'x' }) as PodObject;
const images = localImages({
  serverPath: '/dist/server.cjs',
  kubeconfigOf: (namespace, account) => `/${namespace}/${account}`,
});

describe('an image', () => {
  const run = (container: Partial<Container>) =>
    images({ name: 'c', image: 'goldpinger-ts:local', ...container }, pod(), PLACE);

  it.each(['goldpinger-ts', 'goldpinger', 'bloomberg/goldpinger:v3.10.2', 'registry:5000/x/goldpinger@sha256:00'])(
    '%s is our server',
    (image) => {
      expect(run({ image })?.args).toEqual(['/dist/server.cjs']);
    },
  );

  it.each(['docker.io/shopify/toxiproxy:2.1.4', 'ghcr.io/shopify/toxiproxy:2.12.0'])(
    '%s is the fault proxy beside it, which is told where it is',
    (image) => {
      const command = run({ image });
      expect(command?.args).toEqual(['/dist/fault-proxy.cjs', '-host=0.0.0.0']);
      expect(command?.env).toMatchObject({ POD_IP_HERE: '127.0.0.7', POD_REDIRECTED_HERE: '' });
    },
  );

  it('listens on its inner address where its port is redirected, and reaches itself there', () => {
    const redirected = { ...PLACE, redirected: [8080], innerIP: '127.0.0.8' };
    const env = [{ name: 'HOST', value: '0.0.0.0' }];
    const command = images({ name: 'c', image: 'goldpinger', env }, pod(), redirected);
    expect(command?.args).toEqual(['--require', '/dist/own-address.cjs', '/dist/server.cjs']);
    expect(command?.env).toMatchObject({
      HOST: '127.0.0.8',
      POD_IP_HERE: '127.0.0.7',
      POD_INNER_IP_HERE: '127.0.0.8',
      POD_REDIRECTED_HERE: '8080',
    });
  });

  it('gets the secrets that there are', () => {
    const secrets = (path: string) => (path === 'default/goldpinger-write/token' ? 'a $(SECRET)' : undefined);
    const kept = localImages({ serverPath: '/dist/server.cjs', kubeconfigOf: () => '', secrets });
    const ref = (name: string) => ({ secretKeyRef: { name, key: 'token', optional: true } });
    const env = [
      { name: 'WRITE_TOKEN', valueFrom: ref('goldpinger-write') },
      { name: 'OTHER', valueFrom: ref('other') },
    ];
    const command = kept({ name: 'c', image: 'goldpinger', env }, pod(), PLACE);
    expect(command?.env).toMatchObject({ WRITE_TOKEN: 'a $(SECRET)' });
    expect(command?.env).not.toHaveProperty('OTHER');
    expect(run({ env })?.env).not.toHaveProperty('WRITE_TOKEN');
  });

  it.each(['nginx', 'goldpinger/other', ''])('%s is not', (image) => {
    expect(run({ image })).toBeNull();
  });

  it('gets the environment of its spec, the pod account, and nothing of ours', () => {
    const env = [
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'NODE_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
      { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'SECRET', valueFrom: {} },
      { name: 'URL', value: 'http://$(POD_IP)/$(NONE)$$' },
    ];
    const command = run({ env, args: ['--x=$(LABEL)', '--host', '0.0.0.0', '--host=[::]'] });
    expect(command?.env).toEqual({
      PATH: expect.any(String),
      KUBECONFIG: '/default/default',
      HOST: '127.0.0.7',
      POD_IP: '127.0.0.7',
      NODE_IP: '127.0.0.241',
      LABEL: 'x',
      URL: 'http://127.0.0.7/$(NONE)$',
    });
    expect(command?.args.slice(1)).toEqual(['--x=x', '--host', '127.0.0.7', '--host=127.0.0.7']);
  });

  it.each([
    ['0.0.0.0', '127.0.0.7'],
    ['localhost', '127.0.0.7'],
    ['::', '127.0.0.7'],
    ['127.5.5.5', '127.5.5.5'],
  ])('listens on %s as %s', (host, address) => {
    expect(run({ env: [{ name: 'HOST', value: host }] })?.env['HOST']).toBe(address);
  });
});

describe('readiness', () => {
  const container: Container = {
    name: 'c',
    image: 'i',
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 2, failureThreshold: 2 },
  };

  it('is asked for often at first, then at its period; a failure alone changes nothing', async () => {
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

  it('is there at once without a probe', () => {
    const told: boolean[] = [];
    const check = async () => false;
    watchReadiness({ name: 'c', image: 'i' }, '127.0.0.7', (ready) => told.push(ready), {
      clock: new FakeClock(),
      check,
    });
    expect(told).toEqual([true]);
  });
});

describe('the status of a pod', () => {
  const status = (containers: Partial<ContainerStatus>[], finished = false) => {
    const whole = containers.map((one) => ({
      name: 'c',
      image: 'i',
      imageID: '',
      ready: false,
      started: false,
      restartCount: 0,
      state: {},
      lastState: {},
      ...one,
    }));
    return podStatus(pod(), { ...PLACE, containers: whole, finished }, 0);
  };
  const running = { state: { running: { startedAt: '' } } };
  const waiting = { state: { waiting: { reason: 'ImagePullBackOff' } } };
  const ended = (exitCode: number) => ({
    state: { terminated: { exitCode, reason: '', startedAt: '', finishedAt: '' } },
  });

  it.each([
    ['Pending', [waiting], false],
    ['Pending', [running, waiting], false],
    ['Running', [running], false],
    ['Running', [{ ...waiting, restartCount: 1 }], false],
    ['Succeeded', [ended(0), ended(0)], true],
    ['Failed', [ended(0), ended(1)], true],
  ])('has phase %s', (phase, containers, finished) => {
    expect(status(containers, finished).phase).toBe(phase);
  });

  it('is ready when all its containers are, and remembers since when', () => {
    const first = pod();
    const ready = {
      name: 'c',
      image: 'i',
      imageID: '',
      started: true,
      restartCount: 0,
      ...running,
      lastState: {},
      ready: true,
    };
    const early = { ...first, status: podStatus(first, { ...PLACE, containers: [ready], finished: false }, 1000) };
    const late = podStatus(early, { ...PLACE, containers: [ready], finished: false }, 9000);
    const of = (conditions: typeof late.conditions) => conditions?.find((one) => one.type === 'Ready');
    expect(of(late.conditions)).toEqual({ type: 'Ready', status: 'True', lastTransitionTime: '1970-01-01T00:00:01Z' });
    const half = podStatus(early, { ...PLACE, containers: [ready, { ...ready, ready: false }], finished: false }, 9000);
    expect(of(half.conditions)).toMatchObject({ status: 'False', lastTransitionTime: '1970-01-01T00:00:09Z' });
  });
});

describe('the log of a container', () => {
  it('is made of lines, however the output is cut', () => {
    const log = new KeptLog('', () => 7);
    const followed: string[] = [];
    log.follow(
      (line) => followed.push(line.text),
      () => followed.push('(end)'),
    );
    const text = Buffer.from('one\ntwo ü\nlast');
    for (const byte of text) log.append(Buffer.from([byte]));
    expect(log.lines(false).map((line) => line.text)).toEqual(['one', 'two ü']);
    log.close();
    expect(followed).toEqual(['one', 'two ü', 'last', '(end)']);
  });

  it('keeps the run before, and never more than its bounds', () => {
    const log = new KeptLog('', () => 0);
    log.append(Buffer.from('old\n'));
    log.beginRun();
    log.append(Buffer.from(`${'x'.repeat(20_000)}\n`));
    for (let i = 0; i < 3000; i++) log.append(Buffer.from(`${i}\n`));
    expect(log.lines(true).map((line) => line.text)).toEqual(['old']);
    expect(log.lines(false)).toHaveLength(2000);
    expect(log.lines(false).at(-1)?.text).toBe('2999');
  });

  it('goes to a file of bounded size', () => {
    const folder = mkdtempSync(join(tmpdir(), 'goldpinger-log-'));
    try {
      const log = new KeptLog(join(folder, 'a.log'), () => 0);
      const chunk = Buffer.from('y'.repeat(200_000).concat('\n'));
      for (let i = 0; i < 20; i++) log.append(chunk);
      expect(readdirSync(folder).sort()).toEqual(['a.log', 'a.log.1']);
      for (const name of readdirSync(folder))
        expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1024 * 1024);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
