import { expect, it } from 'vitest';
import { APP, seedObjects } from '../../../../deploy/local/seed.ts';
import { selects } from '../../../support/manifest-policy.ts';
import { type Manifest, manifestsIn, oneOf } from '../../../support/manifest-schema.ts';

it('the Service of a new cluster selects the pods of its Deployment, and not goldpinger-chaos, as that of goldpinger.yml', () => {
  const seeds = seedObjects({
    pods: 3,
    intervalS: 2,
    podPort: 8080,
    servicePort: 8080,
    apiUrl: 'https://127.0.0.1:6443',
    base: '127.0.0',
    serverEnv: {},
    rights: { pods: ['list'], nodes: [] },
  }).map(({ resource, object }) => ({ kind: resource.kind, ...object }) as Manifest);
  const { selector } = oneOf(seeds, 'Service').spec;
  expect(selects(selector, oneOf(seeds, 'Deployment').spec.template.metadata.labels)).toBe(true);
  const { labels = {} } = oneOf(manifestsIn('deploy/kubernetes/goldpinger-chaos.yml'), 'Pod').metadata;
  expect(labels['app']).toBe(APP);
  expect(selects(selector, labels)).toBe(false);
  expect(oneOf(manifestsIn('deploy/kubernetes/goldpinger.yml'), 'Service').spec.selector).toEqual(selector);
});
