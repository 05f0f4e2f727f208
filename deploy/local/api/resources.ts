/** The Kubernetes version whose API this is a part of. kubectl warns if its minor version differs by more than 1. */
export const KUBERNETES_VERSION = { major: '1', minor: '32', text: 'v1.32.0' };

/** One kind of object that the API serves. */
export interface Resource {
  /** API group; '' is the core group. */
  group: string;
  version: string;
  /** Name in URLs; unique in its group and version. */
  plural: string;
  singular: string;
  kind: string;
  namespaced: boolean;
  shortNames: readonly string[];
  subresources: readonly string[];
  verbs: readonly Verb[];
}

/** The verbs of Kubernetes' authorisation. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

const VERBS: readonly Verb[] = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

/** What an object has besides itself, by the last part of its path, and what may be done with it. */
export const SUBRESOURCES: Record<string, { group?: string; version?: string; kind: string; verbs: readonly Verb[] }> =
  {
    log: { kind: 'Pod', verbs: ['get'] },
    eviction: { group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
    scale: { group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] },
  };

const RBAC = 'rbac.authorization.k8s.io';

function resource(
  group: string,
  kind: string,
  plural: string,
  more: { cluster?: boolean; short?: string[]; sub?: string[]; version?: string; verbs?: Verb[] } = {},
): Resource {
  return {
    group,
    version: more.version ?? 'v1',
    plural,
    singular: kind.toLowerCase(),
    kind,
    namespaced: more.cluster !== true,
    shortNames: more.short ?? [],
    subresources: more.sub ?? [],
    verbs: more.verbs ?? VERBS,
  };
}

export const PODS = resource('', 'Pod', 'pods', { short: ['po'], sub: ['log', 'eviction'] });
export const NODES = resource('', 'Node', 'nodes', { cluster: true, short: ['no'] });
export const NAMESPACES = resource('', 'Namespace', 'namespaces', { cluster: true, short: ['ns'] });
export const SERVICES = resource('', 'Service', 'services', { short: ['svc'] });
export const SERVICE_ACCOUNTS = resource('', 'ServiceAccount', 'serviceaccounts', { short: ['sa'] });
export const EVENTS = resource('', 'Event', 'events', { short: ['ev'] });
export const ENDPOINT_SLICES = resource('discovery.k8s.io', 'EndpointSlice', 'endpointslices');
export const DEPLOYMENTS = resource('apps', 'Deployment', 'deployments', { short: ['deploy'], sub: ['scale'] });
export const REPLICA_SETS = resource('apps', 'ReplicaSet', 'replicasets', { short: ['rs'], sub: ['scale'] });
export const DAEMON_SETS = resource('apps', 'DaemonSet', 'daemonsets', { short: ['ds'] });
export const SECRETS = resource('', 'Secret', 'secrets');
export const CLUSTER_ROLES = resource(RBAC, 'ClusterRole', 'clusterroles', { cluster: true });
export const CLUSTER_ROLE_BINDINGS = resource(RBAC, 'ClusterRoleBinding', 'clusterrolebindings', { cluster: true });
export const ROLES = resource(RBAC, 'Role', 'roles');
export const ROLE_BINDINGS = resource(RBAC, 'RoleBinding', 'rolebindings');

/** All kinds that the API serves. */
export const RESOURCES: readonly Resource[] = [
  PODS,
  NODES,
  NAMESPACES,
  SERVICES,
  SERVICE_ACCOUNTS,
  EVENTS,
  resource('', 'ConfigMap', 'configmaps', { short: ['cm'] }),
  SECRETS,
  ENDPOINT_SLICES,
  DEPLOYMENTS,
  REPLICA_SETS,
  DAEMON_SETS,
  CLUSTER_ROLES,
  CLUSTER_ROLE_BINDINGS,
  ROLES,
  ROLE_BINDINGS,
  // This cluster has no custom resources, so the lists are empty and nobody can add to them. PowerfulSeal asks for a list
  // before anything else: its version 3.1 in v1beta1, later ones in v1.
  ...['v1', 'v1beta1'].map((version) =>
    resource('apiextensions.k8s.io', 'CustomResourceDefinition', 'customresourcedefinitions', {
      cluster: true,
      short: ['crd', 'crds'],
      version,
      verbs: ['get', 'list', 'watch'],
    }),
  ),
];

/** Finds a resource by the group, version and plural of a URL. */
export function findResource(group: string, version: string, plural: string): Resource | undefined {
  return RESOURCES.find((one) => one.group === group && one.version === version && one.plural === plural);
}

/** Finds a resource by its plural, singular or short name, in upper or lower case. */
export function resourceByName(name: string): Resource | undefined {
  const wanted = name.toLowerCase();
  return RESOURCES.find((one) => one.plural === wanted || one.singular === wanted || one.shortNames.includes(wanted));
}

/** The name of a resource in messages, e.g. `deployments.apps`. */
export function qualifiedName(of: Resource): string {
  return of.group === '' ? of.plural : `${of.plural}.${of.group}`;
}

/** The field `apiVersion` of its objects: `v1`, `apps/v1`. */
export function apiVersionOf(of: Resource): string {
  return of.group === '' ? of.version : `${of.group}/${of.version}`;
}

/** The URL path of the collection, e.g. `/apis/apps/v1/namespaces/default/deployments`. */
export function collectionPath(of: Resource, namespace: string): string {
  const root = rootPath(apiVersionOf(of));
  return of.namespaced && namespace !== ''
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${of.plural}`
    : `${root}/${of.plural}`;
}

/** The URL path of an API version: `/api/v1` or, with a group, e.g. `/apis/apps/v1`. */
export function rootPath(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
