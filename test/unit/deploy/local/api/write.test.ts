import { describe, expect, it } from 'vitest';
import { filterOf } from '../../../../../deploy/local/api/list.ts';
import type { PodObject } from '../../../../../deploy/local/api/objects.ts';
import {
  DAEMON_SETS,
  DEPLOYMENTS,
  NAMESPACES,
  PODS,
  REPLICA_SETS,
  type Resource,
  SERVICES,
} from '../../../../../deploy/local/api/resources.ts';
import { createObject, patchObject, replaceObject } from '../../../../../deploy/local/api/write.ts';
import { newStore } from '../pod-store.ts';

const spec = { ports: [{ port: 80 }] };

function clientOf(resource: Resource, name: string, query = '') {
  const store = newStore();
  store.create(NAMESPACES, { metadata: { name: 'default' } });
  const request = { resource, namespace: 'default', subresource: '', query: new URLSearchParams(query) };
  return {
    store,
    create: (body: object) => createObject(store, { ...request, verb: 'create', name: '' }, body),
    patch: (body: object) =>
      patchObject(store, { ...request, verb: 'patch', name }, body, 'application/merge-patch+json'),
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

it('a dry run changes nothing, and is refused for what would be refused', () => {
  const { create, replace, store } = clientOf(SERVICES, 's', 'dryRun=All');
  expect(create({ metadata: { name: 's' }, spec }).metadata.name).toBe('s');
  expect(store.list(SERVICES)).toEqual([]);
  const stored = store.create(SERVICES, { metadata: { name: 's', namespace: 'default' }, spec });
  expect(() => create({ metadata: { name: 's' }, spec })).toThrow('already exists');
  expect(() => replace({ ...stored, metadata: { name: 's', resourceVersion: '1' } })).toThrow('has been modified');
  const changed = replace({ ...stored, metadata: { name: 's', labels: { app: 'x' } } });
  expect(changed.metadata.labels).toEqual({ app: 'x' });
  expect(store.list(SERVICES)).toEqual([stored]);
});

it('what runs in a pod stays as it is', () => {
  const { create, replace } = clientOf(PODS, 'p');
  const containers = [{ name: 'c', image: 'i' }];
  const pod = create({ metadata: { name: 'p' }, spec: { containers } });
  expect(() => replace({ ...pod, spec: { containers: [{ name: 'c', image: 'j' }] } })).toThrow('may not change fields');
});

it.each([
  ['a generated name that is a path', { metadata: { generateName: '../x' } }, 'metadata.generateName'],
  ['no name', { metadata: { generateName: '' } }, 'Required value'],
  ['an account that is a path', { metadata: { name: 'p' }, serviceAccount: '../../x' }, 'spec.serviceAccount'],
])('a pod with %s is refused: names become parts of files', (_, { metadata, ...spec }, message) => {
  const { create } = clientOf(PODS, '');
  expect(() => create({ metadata, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } })).toThrow(message);
});

describe('a new Deployment', () => {
  const labels = { app: 'x' };
  const workload = (podSpec: object) => {
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }], ...podSpec } };
    return { metadata: { name: 'd' }, spec: { selector: { matchLabels: labels }, template } };
  };

  it('has no status of the client, which the controllers would take for theirs', () => {
    const { create } = clientOf(DEPLOYMENTS, '');
    expect(create({ ...workload({}), status: { conditions: 'x' } })['status']).toEqual({});
  });

  it('must restart its containers: it would replace pods that end without end', () => {
    const { create } = clientOf(DEPLOYMENTS, '');
    expect(() => create(workload({ restartPolicy: 'Never' }))).toThrow('spec.template.spec.restartPolicy');
  });
});

it('a field that is null is as if it were missing: YAML has one where a key has no value', () => {
  const { create } = clientOf(PODS, '');
  const metadata = { name: 'p', labels: null, annotations: null, ownerReferences: null };
  const pod = create({ metadata, spec: { containers: [{ name: 'c', image: 'i', env: null, x: { y: null } }] } });
  expect((pod as PodObject).spec.containers).toEqual([{ name: 'c', image: 'i', x: {}, resources: {} }]);
  expect(filterOf({ query: new URLSearchParams({ labelSelector: 'app=x' }), name: '' })(pod)).toBe(false);
});

describe.each([
  ['Deployment', DEPLOYMENTS],
  ['ReplicaSet', REPLICA_SETS],
  ['DaemonSet', DAEMON_SETS],
])('a %s', (_, resource) => {
  const labels = { app: 'a', 'controller-revision-hash': 'x' };
  const workload = (selector: object) => {
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    return { metadata: { name: 'w' }, spec: { selector, template } };
  };
  const good = workload({ matchLabels: { app: 'a' } });

  it.each([
    [
      'does not match its pods',
      { matchLabels: { app: 'b' } },
      'spec.template.metadata.labels: Invalid value: {"app":"a"',
    ],
    ['is empty', {}, 'spec.selector: Invalid value: {}: an empty selector'],
    ['has expressions', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, 'supports only matchLabels'],
  ])('whose selector %s is refused: its controller would create pods for ever', (__, selector, message) => {
    const { create, replace, patch } = clientOf(resource, 'w');
    expect(() => create(workload(selector))).toThrow(message);
    create(good);
    expect(() => replace(workload(selector))).toThrow(message);
    expect(() => patch({ spec: { selector: { matchLabels: null, ...selector } } })).toThrow(message);
  });

  it('whose template loses the labels of its selector is refused', () => {
    const { create, patch } = clientOf(resource, 'w');
    create(good);
    const refused = '{}: `selector` does not match template `labels`';
    expect(() => patch({ spec: { template: { metadata: null } } })).toThrow(refused);
    expect(() => patch({ spec: { template: { metadata: { labels: { more: 'x' } } } } })).not.toThrow();
  });
});

it('a DaemonSet cannot select the label that its controller sets', () => {
  const labels = { 'controller-revision-hash': 'x' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const set = { metadata: { name: 'd' }, spec: { selector: { matchLabels: labels }, template } };
  expect(() => clientOf(DAEMON_SETS, '').create(set)).toThrow('replaces the label controller-revision-hash');
});
