import { randomBytes } from 'node:crypto';
import { demandedName } from './list.ts';
import type { KubeObject, Rule, Subject } from './objects.ts';
import type { ObjectRequest } from './request.ts';
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, qualifiedName, ROLE_BINDINGS, ROLES } from './resources.ts';
import { type ApiError, failure } from './status.ts';
import type { Store } from './store.ts';

/** The bearer tokens of users and service accounts, in memory only. */
export class Tokens {
  readonly #users = new Map<string, User>();
  readonly #accounts = new Map<string, string>();

  issue(user: User): string {
    const token = randomBytes(24).toString('base64url');
    this.#users.set(token, user);
    return token;
  }

  /** Returns the token of a service account, which is issued at the first call. */
  forServiceAccount(namespace: string, name: string): string {
    const key = `${namespace}/${name}`;
    const token = this.#accounts.get(key) ?? this.issue(serviceAccountUser(namespace, name));
    this.#accounts.set(key, token);
    return token;
  }

  /** Finds the user of an Authorization header; undefined if the token is missing or unknown. */
  userOf(authorization: string | undefined): User | undefined {
    const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '');
    return bearer?.[1] === undefined ? undefined : this.#users.get(bearer[1]);
  }
}

/** Who asks. */
export interface User {
  name: string;
  groups: readonly string[];
}

/** The user of a service account's token. */
export function serviceAccountUser(namespace: string, name: string): User {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}

/** The group of administrators, who may do everything. */
export const MASTERS = 'system:masters';

/**
 * Returns the 403 to answer with, or null if the roles in the store allow the request. Roles and bindings are read at
 * each request, so that a change of a ClusterRole takes effect at once, as in a real cluster.
 */
export function forbiddenTo(store: Store, user: User, request: ObjectRequest): ApiError | null {
  if (user.groups.includes(MASTERS)) return null;
  const { verb, resource, namespace } = request;
  const name = requestedName(request);
  const rules = rulesFor(user, store, store.list(CLUSTER_ROLE_BINDINGS), '');
  if (namespace !== '') rules.push(...rulesFor(user, store, store.list(ROLE_BINDINGS, namespace), namespace));
  if (rules.some((rule) => allows(rule, request, name))) return null;
  const scope = resource.namespaced && namespace !== '' ? `in the namespace "${namespace}"` : 'at the cluster scope';
  const subject = name === '' ? qualifiedName(resource) : `${qualifiedName(resource)} "${name}"`;
  const message = `${subject} is forbidden: User "${user.name}" cannot ${verb} resource "${ruleNameOf(request)}" in API group "${resource.group}" ${scope}`;
  return failure(403, 'Forbidden', message, { kind: resource.plural, ...(name === '' ? {} : { name }) });
}

/**
 * The rules of the roles that `bindings` give to a user. `namespace` is that of the bindings; '' = they are
 * ClusterRoleBindings.
 */
function rulesFor(user: User, store: Store, bindings: KubeObject[], namespace: string): Rule[] {
  return bindings.flatMap((binding) => {
    const { subjects, roleRef } = binding as KubeObject & {
      subjects?: Subject[];
      roleRef: { kind: string; name: string };
    };
    if (!subjects?.some((subject) => matchesUser(subject, user, namespace))) return [];
    const isClusterRole = roleRef.kind === 'ClusterRole';
    const role = store.get(isClusterRole ? CLUSTER_ROLES : ROLES, isClusterRole ? '' : namespace, roleRef.name);
    return (role?.['rules'] as Rule[] | undefined) ?? [];
  });
}

function matchesUser(subject: Subject, user: User, namespace: string): boolean {
  const { kind, name } = subject;
  if (kind === 'ServiceAccount') return user.name === serviceAccountUser(subject.namespace ?? namespace, name).name;
  if (kind === 'Group') return user.groups.includes(name);
  return kind === 'User' && user.name === name; // Kubernetes has no other kinds of subjects.
}

function allows(rule: Rule, request: ObjectRequest, name: string): boolean {
  const { verbs, apiGroups, resources, resourceNames = [] } = rule;
  const { verb, resource, subresource } = request;
  const coversAnyResource = subresource !== '' && covers(resources, `*/${subresource}`);
  const isCovered = coversAnyResource || covers(resources, ruleNameOf(request));
  // A rule with names never allows a request without a name.
  const isNamed = resourceNames.length === 0 || resourceNames.includes(name);
  return covers(verbs, verb) && covers(apiGroups, resource.group) && isCovered && isNamed;
}

/** The name that rules with names are compared with. Lists and watches have one if their field selector demands it. */
function requestedName({ verb, name, query }: ObjectRequest): string {
  return verb === 'list' || verb === 'watch' ? demandedName(query.get('fieldSelector') ?? '') : name;
}

/** The requested resource as rules name it, for example `pods` or `pods/log`. */
function ruleNameOf({ resource, subresource }: ObjectRequest): string {
  return subresource === '' ? resource.plural : `${resource.plural}/${subresource}`;
}

function covers(list: string[] = [], value: string): boolean {
  return list.includes('*') || list.includes(value);
}
