import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type NextFunction, type Request, type Response } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OBJECT_ROUTES, objectRequestOf } from '../../../../../deploy/local/api/request.ts';

/** Answers with the request that the API server would read from its routes, or with the code of the error. */
const app = express();
app.all([...OBJECT_ROUTES], (request, response) => {
  const { searchParams } = new URL(request.url, 'http://127.0.0.1');
  response.json(objectRequestOf(request.method, request.params, searchParams));
});
app.use((_: Request, response: Response) => response.json({ code: 404 }));
app.use((error: { status: number | { code: number } }, _: Request, response: Response, _next: NextFunction) => {
  response.json({ code: typeof error.status === 'number' ? error.status : error.status.code });
});
const server = createServer(app);
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

async function request(method: string, path: string): Promise<unknown> {
  const { port } = server.address() as AddressInfo;
  return (await fetch(`http://127.0.0.1:${port}${path}`, { method })).json();
}

describe('a request for objects', () => {
  it.each([
    ['GET', '/api/v1/pods', 'list', '', '', ''],
    ['GET', '/api/v1/pods?watch=1', 'watch', '', '', ''],
    ['GET', '/api/v1/namespaces/default/pods?watch=false', 'list', 'default', '', ''],
    ['POST', '/api/v1/namespaces/default/pods', 'create', 'default', '', ''],
    ['DELETE', '/api/v1/namespaces/default/pods', 'deletecollection', 'default', '', ''],
    ['GET', '/api/v1/namespaces/default/pods/a', 'get', 'default', 'a', ''],
    ['PUT', '/api/v1/namespaces/default/pods/a/', 'update', 'default', 'a', ''],
    ['PATCH', '/api/v1/namespaces/default/pods/a', 'patch', 'default', 'a', ''],
    ['GET', '/api/v1/namespaces/default/pods/a/log', 'get', 'default', 'a', 'log'],
    ['PUT', '/apis/apps/v1/namespaces/x/deployments/d/scale', 'update', 'x', 'd', 'scale'],
    ['GET', '/api/v1/namespaces/default', 'get', '', 'default', ''],
    ['GET', '/api/v1/nodes/node-a', 'get', '', 'node-a', ''],
    ['GET', '/api/v1/namespaces/a%2Fb/pods', 'list', 'a/b', '', ''],
  ])('%s %s is %s in "%s" of "%s" %s', async (method, path, verb, namespace, name, subresource) => {
    expect(await request(method, path)).toMatchObject({ verb, namespace, name, subresource });
  });

  it.each([
    ['GET', '/api/v1/widgets', 404],
    ['GET', '/api/v2/pods', 404],
    ['GET', '/apis/apps/v1/pods', 404],
    ['GET', '/', 404],
    ['GET', '/api/v1/namespaces/default/nodes', 404],
    ['GET', '/api/v1/pods/a', 404],
    ['GET', '/api/v1/namespaces/default/pods/a/exec', 404],
    ['GET', '/api/v1/namespaces/default/pods/a/log/b', 404],
    ['POST', '/api/v1/namespaces/default/pods/a', 405],
    ['PUT', '/api/v1/namespaces/default/pods', 405],
    ['DELETE', '/api/v1/namespaces/default/pods/a/log', 405],
    ['PATCH', '/api/v1/pods', 405],
    ['POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', 405],
    ['GET', '/apis/apiextensions.k8s.io/v2/customresourcedefinitions', 404],
    ['GET', '/api/v1/%E0%A4%A', 400],
  ])('%s %s is refused with %i', async (method, path, code) => {
    expect(await request(method, path)).toEqual({ code });
  });
});
