import { describe, expect, it } from 'vitest';
import { forbiddenTo, type User } from '../../../../../deploy/local/api/rbac.ts';
import { objectRequestOf } from '../../../../../deploy/local/api/request.ts';
import {
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  ROLE_BINDINGS,
  ROLES,
} from '../../../../../deploy/local/api/resources.ts';
import { newStore } from '../pod-store.ts';

const pinger: User = { namespace: 'default', account: 'pinger' };
const LIST = objectRequestOf('GET', '/api/v1/namespaces/default/pods');
const WATCH = objectRequestOf('GET', '/api/v1/namespaces/default/pods?watch=1');

function storeWith(rule: object, isClusterWide = true) {
  const store = newStore();
  const namespace = isClusterWide ? {} : { namespace: 'default' };
  const rules = [{ apiGroups: [''], resources: ['pods'], ...rule }];
  store.create(isClusterWide ? CLUSTER_ROLES : ROLES, { metadata: { name: 'r', ...namespace }, rules });
  store.create(isClusterWide ? CLUSTER_ROLE_BINDINGS : ROLE_BINDINGS, {
    metadata: { name: 'b', ...namespace },
    roleRef: { kind: isClusterWide ? 'ClusterRole' : 'Role', name: 'r' },
    subjects: [{ kind: 'ServiceAccount', name: 'pinger', namespace: 'default' }],
  });
  return store;
}

describe('who may do what', () => {
  it('depends on the roles that are bound to the account, verb by verb and for each API group', () => {
    const store = storeWith({ verbs: ['list'] });
    expect(forbiddenTo(store, pinger, LIST)).toBeNull();
    expect(forbiddenTo(storeWith({ verbs: ['list'], apiGroups: ['apps'] }), pinger, LIST)).not.toBeNull();
    const refusal = forbiddenTo(store, pinger, WATCH)?.status;
    expect(refusal).toMatchObject({ code: 403, reason: 'Forbidden', details: { kind: 'pods' } });
    expect(refusal?.message).toBe(
      'pods is forbidden: User "system:serviceaccount:default:pinger" cannot watch resource "pods" in API group "" in the namespace "default"',
    );
  });

  it('changes at once with a role or a binding', () => {
    const store = storeWith({ verbs: ['list'] });
    const role = store.get(CLUSTER_ROLES, '', 'r')!;
    store.update(CLUSTER_ROLES, { ...role, rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }] });
    expect(forbiddenTo(store, pinger, WATCH)).toBeNull();
    store.remove(CLUSTER_ROLE_BINDINGS, '', 'b');
    expect(forbiddenTo(store, pinger, LIST)).not.toBeNull();
  });

  it('is limited to the namespace of a role binding', () => {
    const store = storeWith({ verbs: ['list'] }, false);
    expect(forbiddenTo(store, pinger, LIST)).toBeNull();
    expect(forbiddenTo(store, pinger, objectRequestOf('GET', '/api/v1/namespaces/other/pods'))).not.toBeNull();
    const everywhere = forbiddenTo(store, pinger, objectRequestOf('GET', '/api/v1/pods'));
    expect(everywhere?.status.message).toContain('at the cluster scope');
  });

  it.each([
    [['pods'], false],
    [['pods/log'], true],
  ])('with a rule for %j, of a subresource: %s', (resources, isAllowed) => {
    const log = objectRequestOf('GET', '/api/v1/namespaces/default/pods/a/log');
    const refusal = forbiddenTo(storeWith({ verbs: ['*'], resources }), pinger, log);
    expect(refusal === null).toBe(isAllowed);
    if (refusal) expect(refusal.status.message).toContain('cannot get resource "pods/log"');
  });

  it('is nothing for other accounts, and everything for administrators', () => {
    const store = storeWith({ verbs: ['*'] });
    for (const other of [
      { ...pinger, namespace: 'other' },
      { ...pinger, account: 'other' },
    ]) {
      expect(forbiddenTo(store, other, LIST)).not.toBeNull();
    }
    expect(forbiddenTo(newStore(), 'admin', WATCH)).toBeNull();
  });
});
