import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../../server/config/config.ts';
import { SETTINGS } from '../../../server/config/settings.ts';
import { policyFaults, selects } from '../../support/manifest-policy.ts';
import { type Manifest, manifestsIn, manifestsOf, oneOf, schemaFaults } from '../../support/manifest-schema.ts';

const FOLDER = 'deploy/kubernetes';
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yml'));
const byFile = new Map(files.map((name) => [name, manifestsIn(join(FOLDER, name))]));
const inFile = (name: string) => byFile.get(name) ?? [];
const all = [...byFile.values()].flat();
const workloads = ['goldpinger.yml', 'goldpinger-daemonset.yml'];
const container = (name: string) => inFile(name)[0]!.spec.template.spec.containers[0];

describe('deploy/kubernetes', () => {
  it('has the files that docs/experiments.md names', () => {
    expect(oneOf(inFile('goldpinger-rbac.yml'), 'ServiceAccount').metadata.name).toBe('goldpinger-serviceaccount');
    expect(inFile('goldpinger.yml').map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ['Deployment', 'goldpinger'],
      ['Service', 'goldpinger'],
    ]);
    expect(inFile('goldpinger.yml')[0]?.spec.replicas).toBe(3);
  });

  it("fits the Kubernetes API's schemas, which tell an unknown field, a missing one and a wrong type", () => {
    const [deployment] = manifestsIn(join(FOLDER, 'goldpinger.yml')) as [Manifest];
    const planted = ['unknown', 'missing', 'wrong'].map((name) => {
      return { ...structuredClone(deployment), metadata: { name } };
    }) as [Manifest, Manifest, Manifest];
    planted[0].spec.template.spec.containers[0].ressources = {};
    delete planted[1].spec.selector;
    planted[2].spec.replicas = '3';
    // In one go, because starting the compiler is what takes the time.
    const monitors = ['pod', 'service'].flatMap((kind) => manifestsIn(`deploy/prometheus/${kind}monitor.yml`));
    const found = schemaFaults([...all, ...monitors, ...planted]).map((fault) => fault.replaceAll(/["']/g, ''));
    expect(found).toEqual([
      expect.stringContaining('Deployment unknown: Object literal may only specify known properties, and ressources'),
      expect.stringContaining('Deployment missing: Property selector is missing'),
      expect.stringContaining('Deployment wrong: Type string is not assignable to type number'),
    ]);
  }, 60_000);

  it.each(workloads)('%s runs without root, rights, writable root or missing probes', (name) => {
    const extras = ['goldpinger-pdb.yml', 'goldpinger-networkpolicy.yml', 'goldpinger-nodes-rbac.yml'].flatMap(inFile);
    expect(policyFaults([...inFile('goldpinger-rbac.yml'), ...inFile(name), ...extras])).toEqual([]);
  });

  it('goldpinger-chaos.yml runs like them, but without probes: its own port is what the experiment takes away', () => {
    const faults = policyFaults(inFile('goldpinger-chaos.yml'));
    expect(faults.filter((fault) => !/has no (liveness|readiness) probe$/.test(fault))).toEqual([]);
    expect(oneOf(inFile('goldpinger-chaos.yml'), 'Pod').spec.containers).toHaveLength(2);
  });

  it('would be told of root, a writable root, capabilities, no limit, no probe and rights to spare', () => {
    const bad = manifestsOf(readFileSync(join(FOLDER, 'goldpinger.yml'), 'utf8'));
    const { spec } = bad[0]!.spec.template;
    const [first] = spec.containers;
    spec.containers[0] = { name: first.name, image: 'goldpinger:latest' };
    bad[1]!.spec.selector = { app: 'other' };
    const role = structuredClone(oneOf(inFile('goldpinger-rbac.yml'), 'Role'));
    role['rules'].push({ apiGroups: [''], resources: ['secrets'], verbs: ['get'] });
    const faults = policyFaults([...bad, role]).join('\n');
    for (const word of ['root', 'write', 'privileges', 'capabilities', 'seccomp', 'memory limit', 'liveness', 'pinned'])
      expect(faults).toContain(word);
    expect(faults).toContain('Service goldpinger selects nobody');
    expect(faults).toContain('may get secrets');
  });

  it.each(workloads)('%s sets only variables that the server knows, to values that it accepts', (name) => {
    const known = Object.values(SETTINGS).map(({ variable }) => variable);
    const env: Record<string, string> = {};
    for (const { name: variable, value } of container(name).env) {
      expect(known).toContain(variable);
      if (value !== undefined) env[variable] = value;
    }
    expect(readConfig('0', [], env)).toMatchObject({ config: { host: '0.0.0.0', port: 8080 } });
  });

  it.each(workloads)('%s leaves more time to stop than the server takes', (name) => {
    const grace = container(name).env.find((variable: { name: string }) => variable.name === 'SHUTDOWN_GRACE').value;
    const { spec } = inFile(name)[0]!.spec.template;
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(Number.parseInt(grace, 10) + 10);
    // Out of the Service well before the server stops to answer.
    const { periodSeconds, failureThreshold } = container(name).readinessProbe;
    expect(periodSeconds * failureThreshold).toBeLessThan(Number.parseInt(grace, 10));
  });

  it.each(workloads)('%s asks for as much as Goldpinger does, and tells Prometheus its port', (name) => {
    const { resources, ports } = container(name);
    expect(resources).toEqual({ requests: { cpu: '10m', memory: '48Mi' }, limits: { memory: '80Mi' } });
    expect(inFile(name)[0]!.spec.template.metadata.annotations).toEqual({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': String(ports[0].containerPort),
      'prometheus.io/path': '/metrics',
    });
  });

  it.each(workloads)('the Service of %s never leads to the delayed pod, and all its pods are peers', (name) => {
    const [workload, service] = inFile(name) as [Manifest, Manifest];
    const labels = workload.spec.template.metadata.labels;
    expect(selects({ app: 'goldpinger' }, labels)).toBe(true);
    expect(selects(service.spec.selector, { app: 'goldpinger', chaos: 'absolutely' })).toBe(false);
    // A DaemonSet or a budget that matched the bare pod would adopt it, or wait for it.
    expect(selects(workload.spec.selector.matchLabels, { app: 'goldpinger', chaos: 'absolutely' })).toBe(false);
  });

  it('lists in kustomization.yaml files that exist', () => {
    for (const folder of ['', 'cluster-wide', 'dual-stack', 'ipv6', 'udp']) {
      const { resources = [] } = parse(readFileSync(join(FOLDER, folder, 'kustomization.yaml'), 'utf8'));
      for (const name of resources) expect([name, existsSync(join(FOLDER, folder, name))]).toEqual([name, true]);
    }
  });
});
