import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { manifestsOf } from '../support/manifest-schema.ts';
import { freePort } from '../support/server-process.ts';
import { Clone, snippet } from '../support/snippets.ts';
import { demand, HELM, KUBECTL } from './tools.ts';

/*
 * The blocks of the documentation that need kubectl or helm, run as they are printed, by the real programs and on one local
 * cluster. minikube and docker are stand-ins that write down how they are called. The tests run in their order.
 */

const clone = new Clone();
let cluster: Awaited<ReturnType<Clone['start']>>;
let serviceUrl = '';

beforeAll(async () => {
  for (const tool of [KUBECTL, HELM]) demand(tool);
  const port = await freePort();
  clone.standIn('npm', `[ "$1" = start ] && exec "$REAL" "$@" --port ${port} --interval 1\nexec "$REAL" "$@"`);
  for (const program of ['minikube', 'docker']) clone.standIn(program, `echo ${program} "$@" >>"$CALLS"`);
  clone.env['CALLS'] = clone.path('calls');
  // kubectl create sends protobuf, of which the local cluster reads none; kubectl apply sends JSON.
  clone.standIn(
    'kubectl',
    `[ "$1" != create ] && exec "$REAL" "$@"\n"$REAL" "$@" --dry-run=client -o json | "$REAL" apply -f -`,
  );
  const [start] = snippet('docs/paths.md', 'npm start -- --env').split('\n');
  cluster = await clone.start(start ?? '', /^ready {2}(http:\S+)/m);
  serviceUrl = cluster.match[1] ?? '';
  clone.env['KUBECONFIG'] = clone.path('.local/kubeconfig');
});

afterAll(async () => {
  await cluster?.stop();
  clone.remove();
});

/** What the stand-ins were called with since the last time. */
function calls(): string[] {
  const lines = readFileSync(clone.path('calls'), 'utf8').trim().split('\n');
  writeFileSync(clone.path('calls'), '');
  return lines;
}

/** The names of the pods of a namespace that are running and ready. */
const readyPods = async (namespace: string) =>
  (await clone.run(`kubectl -n ${namespace} get pods --no-headers`)).match(/^\S+(?= +1\/1 +Running)/gm) ?? [];

it('docs/paths.md: a Service without endpoints is a finding', async () => {
  const findings = async () => (await fetch(new URL('/api/v1/findings', serviceUrl))).text();
  const url = `http://${(await clone.run("kubectl get pods -o jsonpath='{.items[0].status.podIP}'")).trim()}:8080`;
  await eventually(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200));
  // The first check of a process that starts on a busy machine may be late.
  await eventually(async () => expect(await findings()).not.toContain('path-service'), 30_000);
  const [, ...patch] = snippet('docs/paths.md', 'npm start -- --env').split('\n');
  expect(await clone.run(patch.join('\n'))).toContain('service/goldpinger patched');
  await eventually(async () => {
    const answer = await (await fetch(`${url}/api/v1/findings`)).text();
    expect(answer).toContain('path-service');
    expect(answer).toContain('"outcome":"reset"');
  }, 40_000);
});

describe('docs/annotations.md', () => {
  it('kubectl makes the Secret that the manifests read, and gets its token back', async () => {
    // The local cluster has made one of its own.
    await clone.run('kubectl delete secret goldpinger-write');
    await clone.run(snippet('docs/annotations.md', 'kubectl create secret'));
    const variables = snippet('docs/annotations.md', 'GOLDPINGER=http://127.0.0.1:8080\nTOKEN=$(kubectl');
    expect(await clone.run(`${variables}\necho "$TOKEN"`)).toMatch(/^[0-9a-f]{32}\n$/);
    for (const file of ['goldpinger.yml', 'goldpinger-daemonset.yml', 'goldpinger-chaos.yml']) {
      expect(readFileSync(`deploy/kubernetes/${file}`, 'utf8')).toMatch(/name: goldpinger-write\n\s+key: token/);
    }
  });
});

describe('docs/deployment.md and README.md', () => {
  it('minikube in five commands, with stand-ins for minikube and docker: three pods run', async () => {
    // minikube start makes its context the current one.
    const context = 'kubectl config rename-context "$(kubectl config current-context)" minikube';
    clone.standIn('minikube', `echo minikube "$@" >>"$CALLS"; [ "$1" = start ] && ${context} || true`);
    const block = snippet('docs/deployment.md', 'minikube start');
    expect(snippet('README.md', 'minikube start').replace(/ +#.*/g, '')).toBe(block);
    const said = await clone.run(block);
    expect(said).toContain('deployment "goldpinger" successfully rolled out');
    expect(await readyPods('default')).toHaveLength(3);
    const [start, ...others] = calls();
    expect(start).toBe('minikube start');
    expect(others.at(-1)).toBe('minikube service goldpinger');
    expect(others).toContain('docker build -f deploy/Dockerfile -t goldpinger-ts:dev .');
    expect(others).toContain('minikube image load goldpinger-ts:dev');
  });

  it('docker builds and pushes an image, with a stand-in for docker', async () => {
    await clone.run(snippet('docs/deployment.md', 'docker build'));
    expect(calls()).toEqual([
      'docker build -f deploy/Dockerfile -t REGISTRY/goldpinger-ts:TAG .',
      'docker push REGISTRY/goldpinger-ts:TAG',
    ]);
    expect(readFileSync('deploy/Dockerfile', 'utf8')).toMatch(/^FROM /m);
  });

  it('kubectl apply -k gives one pod to each node, in namespace default', async () => {
    await clone.run('kubectl delete deployment goldpinger');
    const [apply = '', forward = ''] = snippet('docs/deployment.md', 'kubectl apply -k').trim().split('\n');
    expect(await clone.run(apply)).toContain('daemonset.apps/goldpinger created');
    await clone.run('kubectl rollout status daemonset/goldpinger --timeout=50s');
    // The pods of the deleted Deployment are listed until they have ended.
    await eventually(async () => {
      const nodes = await clone.run("kubectl get pods -l app=goldpinger -o jsonpath='{.items[*].spec.nodeName}'");
      expect(nodes.split(' ').sort()).toEqual(['node-a', 'node-b', 'node-c']);
    }, 40_000);
    // The local cluster forwards no port. kubectl says so when it has found the Service, its port and a pod.
    await expect(clone.run(forward)).rejects.toThrow(/portforward|upgrade|could not find the requested resource/i);
  });

  it.each([
    ['an image in a registry', snippet('docs/deployment.md', 'resources: [./deploy/kubernetes]\nimages:'), 'default'],
    ['another namespace and a component', snippet('docs/deployment.md', 'namespace: monitoring'), 'monitoring'],
  ])('a kustomization for %s', async (_what, yaml, namespace) => {
    writeFileSync(clone.path('kustomization.yaml'), yaml);
    const objects = manifestsOf(await clone.run('kubectl kustomize .'));
    const daemonSet = objects.find(({ kind }) => kind === 'DaemonSet')!;
    expect(daemonSet.metadata.namespace).toBe(namespace);
    const [{ image, env }] = daemonSet.spec.template.spec.containers;
    expect(image).toBe(namespace === 'default' ? 'REGISTRY/goldpinger-ts:TAG' : 'goldpinger-ts:dev');
    expect(JSON.stringify(env).includes('4,6')).toBe(namespace === 'monitoring');
  });

  it('helm installs the chart, and its pods run', async () => {
    const said = await clone.run(snippet('docs/deployment.md', 'helm install'));
    const [, next = ''] = /(kubectl -n monitoring rollout status \S+)/.exec(said) ?? [];
    await clone.run(`${next} --timeout=50s`);
    expect(await readyPods('monitoring')).toHaveLength(3);
    expect(await clone.run('helm list --namespace monitoring --short')).toBe('goldpinger\n');
  });

  it.each([
    ['docs/deployment.md, the Prometheus operator', snippet('docs/deployment.md', 'podMonitor: { enabled')],
    ['docs/deployment.md, an ingress', snippet('docs/deployment.md', 'ingress:')],
    ['docs/tuning.md, fewer series', snippet('docs/tuning.md', 'podMonitor:')],
  ])('the values of %s change the objects of the chart', async (_what, yaml) => {
    writeFileSync(clone.path('values.yml'), yaml);
    const render = (args: string) =>
      clone.run(`helm template release deploy/helm/goldpinger --kube-version 1.33.0 ${args}`);
    const [plain, changed] = [manifestsOf(await render('')), manifestsOf(await render('-f values.yml'))];
    const kinds = changed.map(({ kind }) => kind).filter((kind) => !plain.some((one) => one.kind === kind));
    const expected: Record<string, string[]> = {
      podMonitor: ['PodMonitor'],
      prometheusRule: ['PrometheusRule'],
      dashboard: ['ConfigMap'],
      ingress: ['Ingress'],
    };
    expect(kinds.sort()).toEqual(
      Object.keys(parse(yaml))
        .flatMap((key) => expected[key] ?? [key])
        .sort(),
    );
    const monitor = changed.find(({ kind }) => kind === 'PodMonitor')?.spec.podMetricsEndpoints[0];
    expect(monitor?.metricRelabelings).toEqual(parse(yaml).podMonitor?.metricRelabelings);
  });
});
