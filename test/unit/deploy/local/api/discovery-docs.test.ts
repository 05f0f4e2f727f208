import { expect, it } from 'vitest';
import { DISCOVERY_DOCUMENTS } from '../../../../../deploy/local/api/discovery-docs.ts';

interface ResourceList {
  resources: { name: string; categories?: string[] }[];
}

it('`kubectl get all` shows the same kinds as in a real cluster, as far as they are served', () => {
  const listed = ['/api/v1', '/apis/apps/v1'].flatMap((path) => (DISCOVERY_DOCUMENTS[path] as ResourceList).resources);
  const inAll = listed.filter(({ categories }) => categories?.includes('all')).map(({ name }) => name);
  expect(inAll).toEqual(['pods', 'services', 'deployments', 'replicasets', 'daemonsets']);
});

it('kubectl learns for the path of every kind that the server validates fields', () => {
  const { paths } = DISCOVERY_DOCUMENTS['/openapi/v3/apis/apps/v1'] as { paths: Record<string, unknown> };
  const parameter = { name: 'fieldValidation', in: 'query' };
  expect(Object.keys(paths)).toContain('/apis/apps/v1/namespaces/{namespace}/deployments/{name}');
  for (const path of Object.values(paths)) expect(path).toMatchObject({ patch: { parameters: [parameter] } });
});
