import {
  apiVersionOf,
  collectionPath,
  KUBERNETES_VERSION,
  RESOURCES,
  type Resource,
  rootPath,
  SUBRESOURCES,
} from './resources.ts';

/** The resources that `kubectl get all` shows. */
const IN_ALL = ['pods', 'services', 'daemonsets', 'deployments', 'replicasets'];
/** `apiVersion` of everything served, e.g. `v1` and `apps/v1`. */
const API_VERSIONS = [...new Set(RESOURCES.map(apiVersionOf))];
const GROUPS = [...new Set(RESOURCES.map((one) => one.group))].filter((group) => group !== '').map(groupOf);

/**
 * The documents from which clients learn what the API serves, by path. Clients that prefer the aggregated form
 * (`as=APIGroupDiscoveryList`) see from the content type that they did not get it, and accept this.
 */
export const DISCOVERY_DOCUMENTS: Record<string, object> = {
  '/version': {
    major: KUBERNETES_VERSION.major,
    minor: KUBERNETES_VERSION.minor,
    gitVersion: `${KUBERNETES_VERSION.text}+goldpinger-local`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: 'none',
    compiler: 'none',
    platform: `${process.platform}/${process.arch}`,
  },
  '/api': { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: GROUPS },
  '/openapi/v3': { paths: Object.fromEntries(API_VERSIONS.map(openApiPath)) },
};
for (const version of API_VERSIONS) {
  DISCOVERY_DOCUMENTS[rootPath(version)] = resourceList(version);
  DISCOVERY_DOCUMENTS[`/openapi/v3${rootPath(version)}`] = openApi(version);
}

function groupOf(name: string) {
  const versions = API_VERSIONS.filter((version) => version.startsWith(`${name}/`)).map((groupVersion) => ({
    groupVersion,
    version: groupVersion.slice(name.length + 1),
  }));
  return { name, versions, preferredVersion: versions[0] };
}

function openApiPath(version: string): [string, object] {
  return [rootPath(version).slice(1), { serverRelativeURL: `/openapi/v3${rootPath(version)}` }];
}

function resourceList(groupVersion: string) {
  const resources = resourcesOf(groupVersion).flatMap((one) => [
    {
      name: one.plural,
      singularName: one.singular,
      namespaced: one.namespaced,
      kind: one.kind,
      verbs: one.verbs,
      ...(one.shortNames.length > 0 && { shortNames: one.shortNames }),
      ...(IN_ALL.includes(one.plural) && { categories: ['all'] }),
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

/**
 * The minimal OpenAPI document from which kubectl learns that the server validates fields itself (the `fieldValidation`
 * parameter of PATCH). Without it `kubectl apply` demands a schema. This server checks the fields that it reads, and ignores the
 * parameter: it keeps unknown fields, misspelt ones among them.
 */
function openApi(groupVersion: string) {
  const paths = resourcesOf(groupVersion).map((one) => [pathTemplate(one), { patch: patchOf(one) }]);
  const info = { title: 'goldpinger local cluster', version: KUBERNETES_VERSION.text };
  return { openapi: '3.0.0', info, paths: Object.fromEntries(paths) };
}

function resourcesOf(groupVersion: string): readonly Resource[] {
  return RESOURCES.filter((one) => apiVersionOf(one) === groupVersion);
}

/** The path of one object with placeholders, e.g. `/api/v1/namespaces/{namespace}/pods/{name}`. */
function pathTemplate(of: Resource): string {
  // `collectionPath` would URL-encode the braces of `{namespace}`, so they come afterwards.
  return `${collectionPath(of, of.namespaced ? 'NAMESPACE' : '').replace('NAMESPACE', '{namespace}')}/{name}`;
}

function patchOf({ group, version, kind }: Resource) {
  return {
    parameters: [{ name: 'fieldValidation', in: 'query', schema: { type: 'string', uniqueItems: true } }],
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': { group, version, kind },
  };
}
