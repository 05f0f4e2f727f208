import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { APP, seedObjects } from '../../../../deploy/local/seed.ts';

const OPTIONS = {
  pods: 3,
  intervalS: 2,
  podPort: 8080,
  servicePort: 8080,
  apiUrl: 'https://127.0.0.1:6443',
  base: '127.0.0',
  serverEnv: {},
  rights: { pods: ['list'], nodes: [] },
};

type Labels = Record<string, string>;
interface Labelled {
  kind?: string;
  metadata?: { name?: string; labels?: Labels };
  spec?: { selector?: Labels; template?: { metadata: { labels: Labels } } };
}

const selects = (selector: Labels, labels: Labels) =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);
const seeds = seedObjects(OPTIONS).map(({ object }) => object as Labelled);
const selectorOf = (objects: Labelled[]) =>
  objects.find(({ spec }) => spec?.selector !== undefined && spec.template === undefined)?.spec?.selector;

describe('the first objects of the local cluster', () => {
  it('have a Service that selects the pods of their Deployment, and not goldpinger-chaos, as that of goldpinger.yml', () => {
    const selector = selectorOf(seeds) ?? {};
    const template = seeds.find(({ spec }) => spec?.template !== undefined)?.spec?.template;
    expect(selects(selector, template?.metadata.labels ?? {})).toBe(true);
    const documents = parseAllDocuments(readFileSync('deploy/kubernetes/goldpinger-chaos.yml', 'utf8'));
    const chaos: Labelled[] = documents.map((document) => document.toJS());
    const labels = chaos.find(({ kind }) => kind === 'Pod')?.metadata?.labels ?? {};
    expect(labels['app']).toBe(APP);
    expect(selects(selector, labels)).toBe(false);
    const manifests = parseAllDocuments(readFileSync('deploy/kubernetes/goldpinger.yml', 'utf8')).map((one) =>
      one.toJS(),
    );
    expect(selectorOf(manifests.filter(({ kind }: Labelled) => kind === 'Service'))).toEqual(selector);
  });
});
