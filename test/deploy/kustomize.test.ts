import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyFaults } from '../support/manifest-policy.ts';
import { type Manifest, manifestsIn, manifestsOf, oneOf, schemaFaults } from '../support/manifest-schema.ts';
import { demand, KUBECTL, output } from './tools.ts';

const COMPONENTS = ['dual-stack', 'ipv6', 'cluster-wide', 'udp'];
const folder = mkdtempSync(join(tmpdir(), 'goldpinger-kustomize-'));
const envOf = (objects: Manifest[]) => oneOf(objects, 'DaemonSet').spec.template.spec.containers[0].env;

const has = (ports: object[], port: object) => ports.some((one) => isDeepStrictEqual(one, port));

/** What kustomize makes of our folder with components, in namespace `net`. */
function built(...components: string[]): Manifest[] {
  const own = join(folder, components.join('+') || 'plain');
  mkdirSync(own, { recursive: true });
  const lines = ['namespace: net', 'resources: [../kubernetes]'];
  if (components.length > 0)
    lines.push(`components: [${components.map((name) => `../kubernetes/${name}`).join(', ')}]`);
  writeFileSync(join(own, 'kustomization.yaml'), `${lines.join('\n')}\n`);
  return manifestsOf(output(KUBECTL, ['kustomize', own]));
}

beforeAll(() => {
  demand(KUBECTL);
  cpSync('deploy/kubernetes', join(folder, 'kubernetes'), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('kubectl kustomize deploy/kubernetes', () => {
  it("gives what fits the API's schemas and the policy, plain and with each component", () => {
    const sets = [built(), ...COMPONENTS.map((name) => built(name))];
    expect(schemaFaults(sets.flat())).toEqual([]);
    for (const objects of sets) expect(policyFaults(objects)).toEqual([]);
  }, 120_000);

  it('moves everything to the namespace that is asked for, the accounts of the bindings included', () => {
    for (const { metadata, kind, subjects } of built('cluster-wide')) {
      if (!kind.startsWith('Cluster')) expect([kind, metadata.namespace]).toEqual([kind, 'net']);
      for (const subject of subjects ?? []) expect(subject.namespace).toBe('net');
    }
  });

  it('pings both families with dual-stack, and only the second with ipv6', () => {
    expect(envOf(built('dual-stack'))).toContainEqual({ name: 'IP_VERSIONS', value: '4,6' });
    expect(oneOf(built('dual-stack'), 'Service').spec.ipFamilyPolicy).toBe('PreferDualStack');
    expect(envOf(built('ipv6'))).toContainEqual({ name: 'IP_VERSIONS', value: '6' });
  });

  it('takes the image from one place, for which a kustomization may name another', () => {
    const imageOf = (objects: Manifest[]) => oneOf(objects, 'DaemonSet').spec.template.spec.containers[0].image;
    expect(imageOf(built())).toBe('goldpinger-ts:dev');
    const [, example = ''] = /```yaml\n([^`]*images:[^`]*)```/.exec(readFileSync('docs/deployment.md', 'utf8')) ?? [];
    const own = join(folder, 'registry');
    mkdirSync(own);
    writeFileSync(
      join(own, 'kustomization.yaml'),
      example
        .replace('./deploy/kubernetes', '../kubernetes')
        .replace('REGISTRY', 'registry.example.com')
        .replace('TAG', '1.2.3'),
    );
    expect(imageOf(manifestsOf(output(KUBECTL, ['kustomize', own])))).toBe('registry.example.com/goldpinger-ts:1.2.3');
  });

  it('looks for peers in all namespaces with cluster-wide', () => {
    expect(envOf(built('cluster-wide'))).toContainEqual({ name: 'NAMESPACE', value: '' });
    expect(built('cluster-wide').find(({ metadata }) => metadata.name === 'goldpinger-clusterrole')).toBeDefined();
  });

  it('turns on the UDP probe with udp, on a port that the example of a NetworkPolicy lets through between the pods', () => {
    expect(envOf(built()).filter(({ name }: { name: string }) => name.startsWith('UDP_'))).toEqual([]);
    expect(envOf(built('udp'))).toContainEqual({ name: 'UDP_ENABLED', value: 'true' });
    const { ports } = oneOf(built('udp'), 'DaemonSet').spec.template.spec.containers[0];
    expect(ports.map(({ name }: { name: string }) => name).sort()).toEqual(['http', 'udp']);
    expect(ports).toContainEqual({ name: 'udp', containerPort: 6969, protocol: 'UDP' });
    const [policy] = manifestsIn('deploy/kubernetes/goldpinger-networkpolicy.yml') as [Manifest];
    const { ingress, egress, podSelector } = policy.spec;
    const port = { protocol: 'UDP', port: 6969 };
    const [into, outOf] = [ingress, egress].map((rules: Manifest[]) =>
      rules.filter((rule) => has(rule['ports'], port)),
    );
    expect(into).toMatchObject([{ from: [{ podSelector }] }]);
    expect(outOf).toMatchObject([{ to: [{ podSelector }] }]);
  });
});
