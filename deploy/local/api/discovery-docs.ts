import { apiVersionOf, collectionPath, GROUPS, RESOURCES, type Resource } from './resources.ts';

const VERSION = 'v1';
/** PowerfulSeal 3 first asks this path for policies, and exits if the answer is not a list. */
const DEFINITIONS_PATH = '/apis/apiextensions.k8s.io/v1beta1/customresourcedefinitions';
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const SUBRESOURCES: Record<string, { group?: string; version?: string; kind: string; verbs: string[] }> = {
  log: { kind: 'Pod', verbs: ['get'] },
  eviction: { group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
  scale: { group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] },
};

/**
 * Returns the document from which clients learn what the API serves; undefined if the path has none. Clients that prefer
 * the aggregated form (`as=APIGroupDiscoveryList`) see from the content type that they did not get it, and accept this.
 */
export function discoveryDocument(path: string, host: string): object | undefined {
  if (path === '/version') return versionInfo();
  if (path === '/api') return apiVersions(host);
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: namedGroups().map(groupOf) };
  if (path === '/openapi/v3') return openApiIndex();
  if (path === DEFINITIONS_PATH) return noDefinitions();
  for (const group of GROUPS) {
    const root = group === '' ? `/api/${VERSION}` : `/apis/${group}/${VERSION}`;
    if (path === root) return resourceList(group);
    if (path === `/openapi/v3${root}`) return openApi(group);
    if (group !== '' && path === `/apis/${group}`) return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group) };
  }
  return undefined;
}

/** The Kubernetes version whose API this is a part of. kubectl warns if its minor version differs by more than 1. */
function versionInfo() {
  return {
    major: '1',
    minor: '32',
    gitVersion: 'v1.32.0+goldpinger-local',
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: 'none',
    compiler: 'none',
    platform: `${process.platform}/${process.arch}`,
  };
}

/** This cluster has no custom resources. */
function noDefinitions() {
  const apiVersion = 'apiextensions.k8s.io/v1beta1';
  return { kind: 'CustomResourceDefinitionList', apiVersion, metadata: { resourceVersion: '1' }, items: [] };
}

function apiVersions(host: string) {
  const serverAddressByClientCIDRs = [{ clientCIDR: '0.0.0.0/0', serverAddress: host }];
  return { kind: 'APIVersions', versions: [VERSION], serverAddressByClientCIDRs };
}

function namedGroups(): string[] {
  return GROUPS.filter((group) => group !== '');
}

function groupOf(name: string) {
  const version = { groupVersion: `${name}/${VERSION}`, version: VERSION };
  return { name, versions: [version], preferredVersion: version };
}

function resourceList(group: string) {
  const groupVersion = group === '' ? VERSION : `${group}/${VERSION}`;
  const resources = RESOURCES.filter((one) => one.group === group).flatMap((one) => [
    {
      name: one.plural,
      singularName: one.singular,
      namespaced: one.namespaced,
      kind: one.kind,
      verbs: VERBS,
      ...(one.shortNames.length > 0 ? { shortNames: one.shortNames } : {}),
      ...(['pods', 'services', 'deployments', 'replicasets'].includes(one.plural) ? { categories: ['all'] } : {}),
    },
    ...one.subresources.map((name) => ({
      name: `${one.plural}/${name}`,
      singularName: '',
      namespaced: one.namespaced,
      ...SUBRESOURCES[name],
    })),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

function openApiIndex() {
  const roots = GROUPS.map((group) => (group === '' ? `api/${VERSION}` : `apis/${group}/${VERSION}`));
  return { paths: Object.fromEntries(roots.map((root) => [root, { serverRelativeURL: `/openapi/v3/${root}` }])) };
}

/**
 * The minimal OpenAPI document from which kubectl learns that the server validates fields itself (the `fieldValidation`
 * parameter of PATCH). Without it `kubectl apply` demands a schema.
 */
function openApi(group: string) {
  const paths = RESOURCES.filter((one) => one.group === group).map((one) => [
    pathTemplate(one),
    { patch: patchOf(one) },
  ]);
  const info = { title: 'goldpinger local cluster', version: 'v1.32.0' };
  return { openapi: '3.0.0', info, paths: Object.fromEntries(paths) };
}

function pathTemplate(of: Resource): string {
  return `${collectionPath(of, of.namespaced ? 'NAMESPACE' : '').replace('NAMESPACE', '{namespace}')}/{name}`;
}

function patchOf(of: Resource) {
  const [version = '', group = ''] = apiVersionOf(of).split('/').toReversed();
  return {
    parameters: [{ name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } }],
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': { group, version, kind: of.kind },
  };
}
