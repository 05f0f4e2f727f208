import { expect, it } from 'vitest';
import { NAMESPACES, PODS, type Resource, SERVICES } from '../../../../../deploy/local/api/resources.ts';
import { createObject, replaceObject } from '../../../../../deploy/local/api/write.ts';
import { newStore } from '../pod-store.ts';

const spec = { ports: [{ port: 80 }] };

function clientOf(resource: Resource, name: string) {
  const store = newStore();
  store.create(NAMESPACES, { metadata: { name: 'default' } });
  const request = { resource, namespace: 'default', subresource: '', query: new URLSearchParams() };
  return {
    create: (body: object) => createObject(store, { ...request, verb: 'create', name: '' }, body),
    replace: (body: object) => replaceObject(store, { ...request, verb: 'update', name }, body),
  };
}

it('a client that replaces an object removes the labels that it leaves out, and sets nothing that is the server’s', () => {
  const { create, replace } = clientOf(SERVICES, 's');
  const { metadata: first } = create({ metadata: { name: 's', labels: { app: 'x' } }, spec });
  const times = { creationTimestamp: '2020-01-01T00:00:00Z', deletionTimestamp: '2020-01-01T00:00:00Z' };
  const { metadata, status } = replace({ metadata: { name: 's', ...times }, spec, status: { set: 'by the client' } });
  const { uid, creationTimestamp } = first;
  expect(metadata).toMatchObject({ name: 's', namespace: 'default', uid, creationTimestamp });
  expect(metadata).not.toHaveProperty('labels');
  expect(metadata).not.toHaveProperty('deletionTimestamp');
  expect(status).toEqual({ loadBalancer: {} });
  expect(() => replace({ metadata: { name: 'other' }, spec })).toThrow(
    '(other) does not match the name on the URL (s)',
  );
});

it('what runs in a pod stays as it is', () => {
  const { create, replace } = clientOf(PODS, 'p');
  const containers = [{ name: 'c', image: 'i' }];
  const pod = create({ metadata: { name: 'p' }, spec: { containers } });
  expect(() => replace({ ...pod, spec: { containers: [{ name: 'c', image: 'j' }] } })).toThrow('may not change fields');
});
