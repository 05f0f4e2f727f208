import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { loadAccess } from '../../../server/discovery/access.ts';

const folder = mkdtempSync(join(tmpdir(), 'access-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a kubeconfig whose only cluster, user and context have this name. */
function kubeconfig(name: string, more: { server?: string; namespace?: string; current?: string; user?: object } = {}) {
  const path = join(mkdtempSync(join(folder, 'kubeconfig-')), 'config');
  const config = {
    clusters: [{ name, cluster: { server: more.server ?? 'https://127.0.0.1:6443' } }],
    users: [{ name, user: more.user ?? {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: more.namespace } }],
    'current-context': more.current ?? name,
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** A root below which a service account is mounted. */
function account(namespace: string) {
  const root = mkdtempSync(join(folder, 'account-'));
  const mount = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
  mkdirSync(mount, { recursive: true });
  writeFileSync(join(mount, 'namespace'), namespace);
  return root;
}

describe('the namespace', () => {
  test('is that of the context, else of the service account, else default', () => {
    expect(loadAccess(kubeconfig('a', { namespace: 'mine' }), account('theirs')).namespace).toBe('mine');
    expect(loadAccess(kubeconfig('a'), account('theirs\n')).namespace).toBe('theirs');
    expect(loadAccess(kubeconfig('a'), '/nowhere').namespace).toBe('default');
  });

  test('in a cluster is that of the service account, without its line break', () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', 'fd00::1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', '443');
    expect(loadAccess(null, account('monitoring\n')).namespace).toBe('monitoring');
    vi.unstubAllEnvs();
  });
});

describe('several kubeconfigs', () => {
  test('are joined: the first current context counts, and what it names may be in another file', () => {
    const first = kubeconfig('a', { namespace: 'first', current: 'b' });
    const second = kubeconfig('b', { namespace: 'second' });
    expect(loadAccess([first, second].join(delimiter)).namespace).toBe('second');
  });

  test('may define a name twice, and the first definition counts', () => {
    const [first, second] = [kubeconfig('a', { namespace: 'first' }), kubeconfig('a', { namespace: 'second' })];
    expect(loadAccess([first, second].join(delimiter)).namespace).toBe('first');
  });
});

describe('the fault is config for', () => {
  test.each([
    ['a file that does not exist', () => '/nowhere/config'],
    ['no path at all', () => ''],
    ['a context that does not exist', () => kubeconfig('a', { current: 'other' })],
    ['a server that is not a URL', () => kubeconfig('a', { server: 'not a url' })],
  ])('%s', (_what, path) => expect(() => loadAccess(path())).toThrow(expect.objectContaining({ fault: 'config' })));

  const open = (user: object) =>
    loadAccess(kubeconfig('a', { user })).open('/api', {}, 'application/json', new AbortController().signal);

  test('a credential plugin that fails', async () => {
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: '/nowhere/plugin' };
    await expect(open({ exec })).rejects.toMatchObject({ fault: 'config', message: expect.stringContaining('ENOENT') });
  });

  test('a token that no header may contain', async () => {
    await expect(open({ token: 'a\u0000b' })).rejects.toMatchObject({ fault: 'config' });
  });
});
