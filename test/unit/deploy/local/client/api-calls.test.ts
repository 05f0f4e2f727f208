import { expect, it } from 'vitest';
import { callJson } from '../../../../../deploy/local/client/api-calls.ts';

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
