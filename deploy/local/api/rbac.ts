import type { KubeObject, Rule, Subject } from './objects.ts';
import type { ObjectRequest } from './request.ts';
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, qualifiedName, ROLE_BINDINGS, ROLES } from './resources.ts';
import { type ApiError, failure } from './status.ts';
import type { Store } from './store.ts';

/** Who asks: the administrator, who may do everything, or a service account. */
export type User = 'admin' | { namespace: string; account: string };

/**
 * Returns the 403 to answer with, or null if the roles in the store allow the request. Roles and bindings are read at
 * each request, so that a change of a role takes effect at once, as in a real cluster. Of a rule verbs, groups and resources count,
 * of a binding the service accounts.
 */
export function forbiddenTo(store: Store, user: User, request: ObjectRequest): ApiError | null {
  if (user === 'admin') return null;
  const { verb, resource, namespace, name, subresource } = request;
  const ruleName = subresource === '' ? resource.plural : `${resource.plural}/${subresource}`;
  const bindings = [
    ...store.list(CLUSTER_ROLE_BINDINGS),
    ...(namespace === '' ? [] : store.list(ROLE_BINDINGS, namespace)),
  ];
  const isAllowed = bindings
    .flatMap((binding) => rulesOf(store, user, binding))
    .some(
      ({ verbs, apiGroups, resources }) =>
        covers(verbs, verb) && covers(apiGroups, resource.group) && covers(resources, ruleName),
    );
  if (isAllowed) return null;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const subject = name === '' ? qualifiedName(resource) : `${qualifiedName(resource)} "${name}"`;
  const message = `${subject} is forbidden: User "system:serviceaccount:${user.namespace}:${user.account}" cannot ${verb} resource "${ruleName}" in API group "${resource.group}" ${scope}`;
  return failure(403, 'Forbidden', message, { kind: resource.plural, ...(name === '' ? {} : { name }) });
}

/** The rules that a binding gives to a service account. */
function rulesOf(store: Store, user: Exclude<User, 'admin'>, binding: KubeObject): Rule[] {
  const { subjects, roleRef } = binding as KubeObject & {
    subjects?: Subject[];
    roleRef: { kind: string; name: string };
  };
  // Only a RoleBinding has a namespace.
  const { namespace = '' } = binding.metadata;
  const isBound = subjects?.some(
    (subject) =>
      subject.kind === 'ServiceAccount' &&
      subject.name === user.account &&
      (subject.namespace ?? namespace) === user.namespace,
  );
  const role =
    roleRef.kind === 'ClusterRole'
      ? store.get(CLUSTER_ROLES, '', roleRef.name)
      : store.get(ROLES, namespace, roleRef.name);
  return isBound ? ((role?.['rules'] as Rule[] | undefined) ?? []) : [];
}

function covers(list: string[] = [], value: string): boolean {
  return list.includes('*') || list.includes(value);
}
