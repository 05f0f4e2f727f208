import { describe, expect, it } from 'vitest';
import type { Container, PodObject } from '../../../../../deploy/local/api/objects.ts';
import { localImages } from '../../../../../deploy/local/kubelet/images.ts';
import { networkFromEnv } from '../../../../../deploy/local/pod-network.ts';
import PROCESS from '../../../../../deploy/process.json';
import { addPod, newStore } from '../pod-store.ts';

const PLACE = { podIP: '127.0.0.7', hostIP: '127.0.0.241', redirected: [], innerIP: '' };
const PROGRAMS = {
  serverPath: '/dist/server.cjs',
  kubeconfigOf: (namespace: string, account: string) => `/${namespace}/${account}`,
  extraVariables: { IGNORE_TERM: '1' },
  secretOf: () => undefined,
};
const pod = () => addPod(newStore(), 'a', { app: 'x' }) as PodObject;
const images = localImages(PROGRAMS);

describe('an image', () => {
  const run = (container: Partial<Container>) =>
    images({ name: 'c', image: 'goldpinger-ts:local', ...container }, pod(), PLACE);

  it.each(['goldpinger-ts', 'goldpinger', 'bloomberg/goldpinger:v3.10.2', 'registry:5000/x/goldpinger@sha256:00'])(
    '%s is our server',
    (image) => {
      expect(run({ image })?.args).toEqual([...PROCESS.nodeFlags, '/dist/server.cjs']);
    },
  );

  it.each(['docker.io/shopify/toxiproxy:2.1.4', 'ghcr.io/shopify/toxiproxy:2.12.0'])(
    '%s is the fault proxy beside it, which is told where it is',
    (image) => {
      const command = run({ image });
      expect(command?.args).toEqual(['/dist/fault-proxy.cjs', '-host=0.0.0.0']);
      expect(networkFromEnv(command?.env ?? {})).toEqual({ podIP: '127.0.0.7', innerIP: '', redirected: [] });
    },
  );

  it('listens on its inner address where its port is redirected, and reaches itself there', () => {
    const redirected = { ...PLACE, redirected: [8080], innerIP: '127.0.0.8' };
    const env = [{ name: 'HOST', value: '0.0.0.0' }];
    const command = images({ name: 'c', image: 'goldpinger', env }, pod(), redirected);
    expect(command?.args).toEqual([...PROCESS.nodeFlags, '--require', '/dist/own-address.cjs', '/dist/server.cjs']);
    const { podIP, innerIP, redirected: ports } = redirected;
    expect(networkFromEnv(command?.env ?? {})).toEqual({ podIP, innerIP, redirected: ports });
    expect(command?.env).toMatchObject({ HOST: innerIP });
  });

  it('gets the secrets that exist', () => {
    const secrets = (...path: string[]) =>
      path.join('/') === 'default/goldpinger-write/token' ? 'a $(SECRET)' : undefined;
    const kept = localImages({ ...PROGRAMS, secretOf: secrets });
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

  it.each(['nginx', 'goldpinger/other', ''])('%s has no program on this machine', (image) => {
    expect(run({ image })).toBeNull();
  });

  it('gets the environment of its spec and the kubeconfig of its account, but no variable of the cluster', () => {
    const env = [
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'HOSTNAME', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
      { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'WRITE_TOKEN', valueFrom: {} },
      { name: 'HTTP_TARGETS', value: 'http://$(POD_IP)/$(NONE)$$' },
    ];
    const command = run({ env, args: ['--x=$(LABEL)', '--host', '0.0.0.0', '--host=[::]', '--y'] });
    expect(command?.env).toEqual({
      ...PROCESS.env,
      PATH: expect.any(String),
      KUBECONFIG: '/default/default',
      HOST: '127.0.0.7',
      POD_IP: '127.0.0.7',
      HOSTNAME: '127.0.0.241',
      HTTP_TARGETS: 'http://127.0.0.7/$(NONE)$',
    });
    expect(command?.args.slice(PROCESS.nodeFlags.length + 1)).toEqual(['--x=x', '--y']);
  });

  it.each(['goldpinger', 'toxiproxy'])(
    '%s gets no variable, and no kubeconfig, that could make this machine run other code',
    (image) => {
      const dangerous = ['NODE_OPTIONS', 'LD_PRELOAD', 'PATH', 'KUBECONFIG', 'POD_NETWORK_HERE', 'NODE_EXTRA_CA_CERTS'];
      const env = [...dangerous, 'IGNORE_TERM'].map((name) => ({ name, value: '/planted' }));
      const args = ['--kubeconfig', '/planted', '--kubeconfig=/planted'];
      const command = run({ image, env, ...(image === 'goldpinger' && { args }) });
      expect(JSON.stringify(command)).not.toContain('planted');
      expect(command?.ignored).toEqual([...dangerous, 'IGNORE_TERM']);
    },
  );

  it('gets the variables of `--env` with the values given there', () => {
    expect(run({ env: [{ name: 'IGNORE_TERM', value: '1' }] })?.env).toMatchObject({ IGNORE_TERM: '1' });
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
