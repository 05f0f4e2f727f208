import { describe, expect, it } from 'vitest';
import { objectRequestOf } from '../../../../../deploy/local/api/request.ts';
import { errorCodeOf } from '../pod-store.ts';

describe('a request for objects', () => {
  it.each([
    ['GET', '/api/v1/pods', 'list', '', '', ''],
    ['GET', '/api/v1/pods?watch=1', 'watch', '', '', ''],
    ['GET', '/api/v1/namespaces/default/pods?watch=false', 'list', 'default', '', ''],
    ['POST', '/api/v1/namespaces/default/pods', 'create', 'default', '', ''],
    ['GET', '/api/v1/namespaces/default/pods/a', 'get', 'default', 'a', ''],
    ['PUT', '/api/v1/namespaces/default/pods/a/', 'update', 'default', 'a', ''],
    ['PATCH', '/api/v1/namespaces/default/pods/a', 'patch', 'default', 'a', ''],
    ['GET', '/api/v1/namespaces/default/pods/a/log', 'get', 'default', 'a', 'log'],
    ['POST', '/api/v1/namespaces/default/pods/a/eviction', 'create', 'default', 'a', 'eviction'],
    ['PUT', '/apis/apps/v1/namespaces/x/deployments/d/scale', 'update', 'x', 'd', 'scale'],
    ['GET', '/api/v1/namespaces/default', 'get', '', 'default', ''],
    ['GET', '/api/v1/nodes/node-a', 'get', '', 'node-a', ''],
    ['GET', '/api/v1/namespaces/a%2Fb/pods', 'list', 'a/b', '', ''],
  ])('%s %s is %s in "%s" of "%s" %s', (method, path, verb, namespace, name, subresource) => {
    expect(objectRequestOf(method, path)).toMatchObject({ verb, namespace, name, subresource });
  });

  it.each([
    ['GET', '/api/v1/widgets', 404],
    ['GET', '/api/v2/pods', 404],
    ['GET', '/apis/apps/v1/pods', 404],
    ['GET', '/', 404],
    ['GET', '//', 404],
    ['GET', '//x/api/v1/pods', 404],
    ['GET', '/api/v1/namespaces/default/nodes', 404],
    ['GET', '/api/v1/pods/a', 404],
    ['GET', '/api/v1/namespaces/default/pods/a/exec', 404],
    ['GET', '/api/v1/namespaces/default/pods/a/log/b', 404],
    ['POST', '/api/v1/namespaces/default/pods/a', 405],
    ['PUT', '/api/v1/namespaces/default/pods', 405],
    ['DELETE', '/api/v1/namespaces/default/pods', 405],
    ['DELETE', '/api/v1/namespaces/default/pods/a/log', 405],
    ['GET', '/api/v1/namespaces/default/pods/a/eviction', 405],
    ['POST', '/apis/apps/v1/namespaces/x/deployments/d/scale', 405],
    ['PATCH', '/api/v1/pods', 405],
    ['POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', 405],
    ['GET', '/apis/apiextensions.k8s.io/v2/customresourcedefinitions', 404],
    ['GET', '/api/v1/%E0%A4%A', 'URIError: URI malformed'],
    ['GET', '/api/v1', 404],
    ['GET', '/apis/apps/v1', 404],
    ['GET', '/api/v1/namespaces//pods', 404],
  ])('%s %s is refused with %s', (method, path, code) => {
    expect(errorCodeOf(() => objectRequestOf(method, path))).toBe(code);
  });
});
