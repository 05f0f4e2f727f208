import { expect, it } from 'vitest';
import { NAMESPACES, SERVICES } from '../../../../../deploy/local/api/resources.ts';
import { createObject, replaceObject } from '../../../../../deploy/local/api/write.ts';
import { newStore } from '../pod-store.ts';

it('a client that replaces an object removes the labels that it leaves out, and sets nothing that is the server’s', () => {
  const store = newStore();
  store.create(NAMESPACES, { metadata: { name: 'default' } });
  const request = { resource: SERVICES, namespace: 'default', subresource: '', query: new URLSearchParams() };
  const spec = { ports: [{ port: 80 }] };
  const body = { metadata: { name: 's', labels: { app: 'x' } }, spec };
  const { metadata: first } = createObject(store, { ...request, verb: 'create', name: '' }, body);
  const times = { creationTimestamp: '2020-01-01T00:00:00Z', deletionTimestamp: '2020-01-01T00:00:00Z' };
  const next = { metadata: { name: 's', ...times }, spec };
  const { metadata } = replaceObject(store, { ...request, verb: 'update', name: 's' }, next);
  const { uid, creationTimestamp } = first;
  expect(metadata).toMatchObject({ name: 's', namespace: 'default', uid, creationTimestamp });
  expect(metadata).not.toHaveProperty('labels');
  expect(metadata).not.toHaveProperty('deletionTimestamp');
});
