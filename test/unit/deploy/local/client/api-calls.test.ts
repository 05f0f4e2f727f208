import { createServer } from 'node:https';
import { expect, it, onTestFinished } from 'vitest';
import { makeServerIdentity } from '../../../../../deploy/local/certificate.ts';
import { callJson } from '../../../../../deploy/local/client/api-calls.ts';
import { listen } from '../../../../../deploy/local/sockets.ts';

const NOBODY = { url: 'https://127.0.0.1:1', token: '', caPem: '' };

it.each(['pods/..', 'pods/.', 'pods/../log'])(
  'a name that a URL drops is refused before the request: %s',
  async (end) => {
    const path = `/api/v1/namespaces/x/${end}`;
    await expect(callJson(NOBODY, { method: 'DELETE', path })).rejects.toThrow('no names of objects');
  },
);

it('dots within a name are no such name', async () => {
  const path = '/api/v1/namespaces/x/pods/a..b';
  await expect(callJson(NOBODY, { method: 'DELETE', path })).rejects.toThrow('no local cluster is running');
});

it('an error without JSON is told by its status code: Node refuses a very long URL by itself', async () => {
  const { certPem, keyPem } = await makeServerIdentity(Date.now());
  const server = createServer({ cert: certPem, key: keyPem });
  onTestFinished(() => void server.close());
  const url = `https://127.0.0.1:${await listen(server, '127.0.0.1', 0)}`;
  const path = `/api/v1/pods?${'x'.repeat(20_000)}`;
  await expect(callJson({ url, token: '', caPem: certPem }, { method: 'GET', path })).rejects.toThrow(
    'Error from server: HTTP 431',
  );
});
