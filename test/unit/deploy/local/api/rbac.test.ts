import { describe, expect, it } from 'vitest';
import { forbiddenTo, MASTERS, serviceAccountUser, Tokens } from '../../../../../deploy/local/api/rbac.ts';
import { objectRequestOf } from '../../../../../deploy/local/api/request.ts';
import {
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  ROLE_BINDINGS,
  ROLES,
} from '../../../../../deploy/local/api/resources.ts';
import { newStore } from '../pod-store.ts';

const pinger = serviceAccountUser('default', 'pinger');
const LIST = objectRequestOf('GET', '/api/v1/namespaces/default/pods');
const WATCH = objectRequestOf('GET', '/api/v1/namespaces/default/pods?watch=1');

function storeWith(verbs: string[], kind: 'Cluster' | '' = 'Cluster') {
  const store = newStore();
  const namespace = kind === '' ? { namespace: 'default' } : {};
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs }];
  store.create(kind === '' ? ROLES : CLUSTER_ROLES, { metadata: { name: 'r', ...namespace }, rules });
  store.create(kind === '' ? ROLE_BINDINGS : CLUSTER_ROLE_BINDINGS, {
    metadata: { name: 'b', ...namespace },
    roleRef: { kind: `${kind}Role`, name: 'r' },
    subjects: [{ kind: 'ServiceAccount', name: 'pinger', namespace: 'default' }],
  });
  return store;
}

describe('who may do what', () => {
  it('depends on the roles that are bound to the account, verb by verb', () => {
    const store = storeWith(['list']);
    expect(forbiddenTo(store, pinger, LIST)).toBeNull();
    const refusal = forbiddenTo(store, pinger, WATCH)?.status;
    expect(refusal).toMatchObject({ code: 403, reason: 'Forbidden', details: { kind: 'pods' } });
    expect(refusal?.message).toBe(
      'pods is forbidden: User "system:serviceaccount:default:pinger" cannot watch resource "pods" in API group "" in the namespace "default"',
    );
  });

  it('changes at once with a role', () => {
    const store = storeWith(['list']);
    const role = store.get(CLUSTER_ROLES, '', 'r');
    if (role) store.update(CLUSTER_ROLES, { ...role, rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] });
    expect(forbiddenTo(store, pinger, WATCH)).toBeNull();
    store.remove(CLUSTER_ROLE_BINDINGS, '', 'b');
    expect(forbiddenTo(store, pinger, LIST)).not.toBeNull();
  });

  it('is limited to the namespace of a role binding', () => {
    const store = storeWith(['list'], '');
    expect(forbiddenTo(store, pinger, LIST)).toBeNull();
    expect(forbiddenTo(store, pinger, objectRequestOf('GET', '/api/v1/namespaces/other/pods'))).not.toBeNull();
    expect(forbiddenTo(store, pinger, objectRequestOf('GET', '/api/v1/pods'))?.status.message).toContain(
      'at the cluster scope',
    );
  });

  it('does not extend from a resource to its subresources', () => {
    const log = objectRequestOf('GET', '/api/v1/namespaces/default/pods/a/log');
    expect(forbiddenTo(storeWith(['*']), pinger, log)?.status.message).toContain('cannot get resource "pods/log"');
  });

  /** Whether a ClusterRole with this rule allows the pinger a request. */
  function isAllowed(rule: object, method: string, path: string): boolean {
    const store = storeWith(['list']);
    const role = store.get(CLUSTER_ROLES, '', 'r');
    if (role) store.update(CLUSTER_ROLES, { ...role, rules: [rule] });
    return forbiddenTo(store, pinger, objectRequestOf(method, path)) === null;
  }

  it.each([
    ['/api/v1/namespaces/default/pods/a', true],
    ['/api/v1/namespaces/default/pods/b', false],
    ['/api/v1/namespaces/default/pods', false],
    ['/api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Da', true],
    ['/api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Da,status.phase%3DRunning&watch=1', true],
    ['/api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Db', false],
    ['/api/v1/namespaces/default/pods?fieldSelector=metadata.name!%3Da', false],
  ])('with a rule for the name a, GET %s: %s', (path, allowed) => {
    const rule = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'], resourceNames: ['a'] };
    expect(isAllowed(rule, 'GET', path)).toBe(allowed);
  });

  it('the name that a list demands does not allow to delete a collection', () => {
    const rule = { apiGroups: [''], resources: ['pods'], verbs: ['*'], resourceNames: ['a'] };
    const path = '/api/v1/namespaces/default/pods?fieldSelector=metadata.name%3Da';
    expect(isAllowed(rule, 'DELETE', path)).toBe(false);
  });

  it('extends to a subresource of all resources by */SUBRESOURCE', () => {
    const rule = { apiGroups: ['*'], resources: ['*/scale'], verbs: ['patch'] };
    expect(isAllowed(rule, 'PATCH', '/apis/apps/v1/namespaces/default/deployments/a/scale')).toBe(true);
    expect(isAllowed(rule, 'PATCH', '/apis/apps/v1/namespaces/default/deployments/a')).toBe(false);
    expect(isAllowed({ ...rule, verbs: ['get'] }, 'GET', '/api/v1/namespaces/default/pods/a/log')).toBe(false);
  });

  it.each([
    [{ kind: 'User', name: 'eve' }, true],
    [{ kind: 'Group', name: 'readers' }, true],
    [{ kind: 'ServiceAccount', name: 'eve', namespace: 'default' }, false],
    [{ kind: 'Group', name: 'eve' }, false],
    [{ kind: 'User', name: 'readers' }, false],
    [{ kind: 'Robot', name: 'eve' }, false],
  ])('as a binding to %j says, for the user eve of the group readers: %s', (subject, isAllowed) => {
    const store = storeWith(['list']);
    const binding = store.get(CLUSTER_ROLE_BINDINGS, '', 'b');
    if (binding) store.update(CLUSTER_ROLE_BINDINGS, { ...binding, subjects: [subject] });
    expect(forbiddenTo(store, { name: 'eve', groups: ['readers'] }, LIST) === null).toBe(isAllowed);
  });

  it('is nothing for other accounts, and everything for administrators', () => {
    const store = storeWith(['*']);
    expect(forbiddenTo(store, serviceAccountUser('other', 'pinger'), LIST)).not.toBeNull();
    expect(forbiddenTo(newStore(), { name: 'admin', groups: [MASTERS] }, WATCH)).toBeNull();
  });
});

describe('a token', () => {
  it('identifies its user, and an account keeps the same token', () => {
    const tokens = new Tokens();
    const admin = tokens.issue({ name: 'admin', groups: [] });
    const account = tokens.forServiceAccount('default', 'pinger');
    expect(tokens.forServiceAccount('default', 'pinger')).toBe(account);
    expect(tokens.forServiceAccount('default', 'other')).not.toBe(account);
    expect(tokens.userOf(`Bearer ${admin}`)?.name).toBe('admin');
    expect(tokens.userOf(`bearer ${account}`)).toEqual(pinger);
    for (const header of [undefined, '', 'Bearer', 'Bearer wrong', `Basic ${admin}`, admin]) {
      expect(tokens.userOf(header)).toBeUndefined();
    }
  });
});
