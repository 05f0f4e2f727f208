import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Manifest, manifestsIn, manifestsOf } from '../../support/manifest-schema.ts';

/*
 * PowerfulSeal 3 takes no unknown field in a policy, and its clone reads only some fields. So policies are compared as a whole with
 * what it is known to take.
 */
const read = (name: string) => parse(readFileSync(`deploy/experiments/${name}.yml`, 'utf8'));
const once = (name: string, ...steps: object[]) => ({
  config: { runStrategy: { runs: 1 } },
  scenarios: [{ name, steps }],
});

describe('the policies of docs/experiments.md', () => {
  it('1b kills half of the pods by force, once', () => {
    const matches = [{ labels: { selector: 'app=goldpinger', namespace: 'default' } }];
    const podAction = { matches, filters: [{ randomSample: { ratio: 0.5 } }], actions: [{ kill: { force: true } }] };
    expect(read('experiment1b')).toEqual(once('Kill 50% of Goldpinger nodes', { podAction }));
  });

  it('2b clones the Deployment of the manifests with 250 ms on its declared port', () => {
    const { metadata, spec } = manifestsIn('deploy/kubernetes/goldpinger.yml').find(
      ({ kind }) => kind === 'Deployment',
    )!;
    const toxicAttributes = [{ name: 'latency', value: 250 }];
    const clone = {
      source: { deployment: { name: metadata.name, namespace: 'default' } },
      replicas: 2,
      mutations: [{ toxiproxy: { toxics: [{ targetProxy: '8080', toxicType: 'latency', toxicAttributes }] } }],
    };
    expect(read('experiment2b')).toEqual(once('Toxiproxy latency', { clone }, { wait: { seconds: 120 } }));
    // What the clone needs of its source.
    expect(Object.keys(spec.selector)).toEqual(['matchLabels']);
    const { containers, securityContext, hostNetwork } = spec.template.spec;
    expect(containers.map(({ ports }: Manifest) => ports)).toEqual([
      [expect.objectContaining({ containerPort: 8080 })],
    ]);
    expect([securityContext, hostNetwork]).toEqual([undefined, undefined]);
  });

  it('3 makes a pod and a Service, waits 30 s, asks /healthz, and cleans up, for ever', () => {
    const { config, scenarios } = read('experiment3');
    expect(config).toEqual({ runStrategy: { minSecondsBetweenRuns: 10, maxSecondsBetweenRuns: 60 } });
    const { payload } = scenarios[0].steps[0].kubectl;
    const [pod, behind] = manifestsOf(payload) as [Manifest, Manifest];
    const service = { name: behind.metadata.name, namespace: 'default', port: 8080 };
    expect(scenarios).toEqual([
      {
        name: 'A new pod serves within 30 seconds',
        steps: [
          { kubectl: { action: 'apply', autoDelete: true, payload } },
          { wait: { seconds: 30 } },
          { probeHTTP: { target: { service }, endpoint: '/healthz' } },
        ],
      },
    ]);
    // One of the running instances, so that their timeline keeps each round; the Service leads to it alone.
    expect(pod.metadata.labels).toEqual({ app: 'goldpinger', ...behind.spec.selector });
    expect(behind.spec.selector).not.toHaveProperty('app');
    const [container] = pod.spec.containers;
    expect(container).toMatchObject({
      readinessProbe: { periodSeconds: 1 },
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(container.env).toContainEqual({ name: 'REFRESH_INTERVAL', value: '2' });
  });
});
