import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Manifest, manifestsIn, manifestsOf } from '../../support/manifest-schema.ts';

/*
 * The parts of PowerfulSeal 3's policy schema that the experiments of docs/experiments.md use; it takes no unknown field. The clone's
 * fields are those that its action_clone reads.
 */
const labels = v.strictObject({ labels: v.strictObject({ selector: v.string(), namespace: v.string() }) });
const podAction = v.strictObject({
  podAction: v.strictObject({
    matches: v.array(labels),
    filters: v.array(v.strictObject({ randomSample: v.strictObject({ ratio: v.number() }) })),
    actions: v.array(v.strictObject({ kill: v.strictObject({ force: v.boolean() }) })),
  }),
});
const toxic = v.strictObject({
  targetProxy: v.string(),
  toxicType: v.string(),
  toxicAttributes: v.array(v.strictObject({ name: v.string(), value: v.number() })),
});
const clone = v.strictObject({
  clone: v.strictObject({
    source: v.strictObject({ deployment: v.strictObject({ name: v.string(), namespace: v.string() }) }),
    replicas: v.number(),
    mutations: v.array(v.strictObject({ toxiproxy: v.strictObject({ toxics: v.array(toxic) }) })),
  }),
});
const wait = v.strictObject({ wait: v.strictObject({ seconds: v.pipe(v.number(), v.minValue(0)) }) });
const kubectl = v.strictObject({
  kubectl: v.strictObject({ action: v.picklist(['apply', 'delete']), payload: v.string(), autoDelete: v.boolean() }),
});
const service = v.strictObject({ name: v.string(), namespace: v.string(), port: v.number() });
const probeHTTP = v.strictObject({
  probeHTTP: v.strictObject({ target: v.strictObject({ service }), endpoint: v.string() }),
});
const policy = v.strictObject({
  config: v.strictObject({
    runStrategy: v.strictObject({
      runs: v.optional(v.number()),
      minSecondsBetweenRuns: v.optional(v.number()),
      maxSecondsBetweenRuns: v.optional(v.number()),
    }),
  }),
  scenarios: v.array(
    v.strictObject({
      name: v.string(),
      steps: v.array(v.union([podAction, clone, wait, kubectl, probeHTTP])),
    }),
  ),
});

const read = (name: string) => v.parse(policy, parse(readFileSync(`deploy/experiments/${name}.yml`, 'utf8')));
const stepsOf = (name: string) => read(name).scenarios.flatMap(({ steps }) => steps);

describe('the policies of docs/experiments.md', () => {
  it('1b kills half of the pods by force, once', () => {
    expect(read('experiment1b').config.runStrategy.runs).toBe(1);
    expect(JSON.stringify(stepsOf('experiment1b'))).toContain('"randomSample":{"ratio":0.5}');
  });

  it('2b clones the Deployment of the manifests with 250 ms on its declared port', () => {
    const [step] = stepsOf('experiment2b');
    const { metadata, spec } = manifestsIn('deploy/kubernetes/goldpinger.yml').find(
      ({ kind }) => kind === 'Deployment',
    )!;
    expect(step).toMatchObject({ clone: { source: { deployment: { name: metadata.name } }, replicas: 2 } });
    expect(JSON.stringify(step)).toContain('"targetProxy":"8080"');
    // What the clone needs of its source.
    expect(Object.keys(spec.selector)).toEqual(['matchLabels']);
    const { containers, securityContext, hostNetwork } = spec.template.spec;
    expect(containers.map(({ ports }: Manifest) => ports)).toEqual([
      [expect.objectContaining({ containerPort: 8080 })],
    ]);
    expect([securityContext, hostNetwork]).toEqual([undefined, undefined]);
  });

  it('3 makes a pod and a Service, waits 30 s, asks /healthz, and cleans up, for ever', () => {
    const { config } = read('experiment3');
    expect(config.runStrategy.runs).toBeUndefined();
    const [made, pause, probe] = stepsOf('experiment3');
    expect(pause).toEqual({ wait: { seconds: 30 } });
    const { payload, autoDelete } = (made as v.InferOutput<typeof kubectl>).kubectl;
    expect(autoDelete).toBe(true);
    const [pod, behind] = manifestsOf(payload) as [Manifest, Manifest];
    // One of the running instances, so that their timeline keeps each round; the Service leads to it alone.
    expect(pod.metadata.labels).toEqual({ app: 'goldpinger', ...behind.spec.selector });
    expect(behind.spec.selector).not.toHaveProperty('app');
    const [container] = pod.spec.containers;
    expect(container).toMatchObject({
      readinessProbe: { periodSeconds: 1 },
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(container.env).toContainEqual({ name: 'REFRESH_INTERVAL', value: '2' });
    expect(probe).toMatchObject({
      probeHTTP: { target: { service: { name: behind.metadata.name, port: 8080 } }, endpoint: '/healthz' },
    });
  });
});
