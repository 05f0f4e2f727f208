import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../server/config/config.ts';
import { policyFaults } from '../support/manifest-policy.ts';
import { type Manifest, manifestsIn, oneOf, schemaFaults } from '../support/manifest-schema.ts';
import { CHART, CLUSTER, rendered, VALUES, withValues } from './rendered-chart.ts';
import { complaint, demand, HELM, output } from './tools.ts';

const template = (objects: Manifest[]) => (oneOf(objects, 'DaemonSet') ?? oneOf(objects, 'Deployment')).spec.template;
const envOf = (objects: Manifest[]): { name: string; value?: string }[] => template(objects).spec.containers[0].env;

const VERSION = JSON.parse(readFileSync('package.json', 'utf8')).version as string;
const DIGEST = `sha256:${'0f'.repeat(32)}`;

beforeAll(() => demand(HELM));

describe('deploy/helm/goldpinger', () => {
  it('passes helm lint', () => {
    expect(output(HELM, ['lint', '--strict', ...CLUSTER, CHART])).toContain('0 chart(s) failed');
  });

  it("renders what fits the API's and the operator's schemas, for each set of values", () => {
    // HTTPRoute has no types in our packages: it is compared as a whole below.
    const known = VALUES.flatMap(withValues).filter(({ kind }) => kind !== 'HTTPRoute');
    expect(schemaFaults(known)).toEqual([]);
  }, 120_000);

  it.each([
    ...['extraEnv', 'podAnnotations', 'podLabels', 'nodeSelector', 'tolerations', 'affinity', 'updateStrategy'],
    ...['service.labels', 'service.annotations', 'image.pullSecrets', 'priorityClassName', 'podSecurityContext'],
  ])('takes %s without a value, as it is in a file whose lines below it are comments', (name) => {
    expect(rendered('--set', `${name}=null`)).toEqual(rendered());
  });

  it.each(VALUES)('renders what the policy allows: %s', (name) => {
    expect(policyFaults(withValues(name))).toEqual([]);
  });

  it.each(VALUES)('sets each variable once, to what the server accepts: %s', (name) => {
    const env = envOf(withValues(name));
    const names = env.map((variable) => variable.name);
    expect(new Set(names).size).toBe(names.length);
    const values = Object.fromEntries(
      env.flatMap(({ name: key, value }) => (value === undefined ? [] : [[key, value]])),
    );
    // Kubernetes sets this one in every pod.
    expect(readConfig('0', [], { ...values, KUBERNETES_SERVICE_HOST: '10.96.0.1' })).toHaveProperty('config');
  });

  it("sets Goldpinger's variables of active nodes, if they are not the default", () => {
    const env = envOf(withValues('everything'));
    expect(env).toContainEqual({ name: 'ACTIVE_NODE_PERCENTAGE', value: '10' });
    expect(env).toContainEqual({ name: 'ACTIVE_NODES', value: 'node-a,node-b' });
    expect(envOf(rendered()).map(({ name }) => name)).not.toContain('ACTIVE_NODE_PERCENTAGE');
  });

  it('sets the paths to check, and the URL of its own Service; an ingress needs a URL', () => {
    const env = envOf(withValues('everything'));
    expect(env).toContainEqual({ name: 'PATH_CHECKS', value: 'service,ingress,dns,apiserver' });
    expect(env).toContainEqual({ name: 'PATH_SERVICE_URL', value: 'http://release-goldpinger.net.svc:8081/ping' });
    expect(env).toContainEqual({ name: 'PATH_INGRESS_URL', value: 'https://goldpinger.example.com/ping' });
    expect(envOf(rendered()).filter(({ name }) => name.startsWith('PATH_'))).toEqual([]);
    expect(() => rendered('--set', 'goldpinger.pathChecks={ingress}')).toThrow('set goldpinger.pathIngressUrl');
    expect(() => rendered('--set', 'goldpinger.pathChecks={services}')).toThrow('pathChecks');
  });

  it.each([
    [['--set', 'goldpinger.activeNodePercentage=0'], 'activeNodePercentage'],
    [['--set', 'goldpinger.prot=9090'], 'prot'],
    [['--set', 'goldpinger.udp.enable=true'], 'enable'],
    [['--set', 'goldpinger.udp.port=0'], 'port'],
    [['--set', 'replica=4'], 'replica'],
    [['--set', 'serviceMonitor.enable=true'], 'enable'],
    [['--set', 'kind=StatefulSet'], 'kind'],
    [['--set', 'image.digest=sha256:12'], 'digest'],
    [['--set-string', 'goldpinger.port=http'], 'port'],
    [['--set', 'httpRoute.hosts[0]=a'], 'hosts'],
    [['--set', 'ingress.hosts[0].path=/'], 'path'],
    [['--set', 'extraEnv[0].nmae=A'], 'nmae'],
    [['--set', 'resources.limit.memory=1Gi'], 'limit'],
    [['--set', 'resources.limits.memmory=1Gi'], 'memmory'],
    [['--set', 'containerSecurityContext.readOnlyRootFileSystem=true'], 'readOnlyRootFileSystem'],
    [['--set', 'podSecurityContext.seccompProfile.typ=RuntimeDefault'], 'typ'],
    [['--set', 'updateStrategy.rollingUpdate.maxUnavailble=1'], 'maxUnavailble'],
    [['--set', 'tolerations[0].efect=NoSchedule'], 'efect'],
    [['--set', 'affinity.nodeAfinity.a=1'], 'nodeAfinity'],
    [['--set', 'extraEnv[0].name=A,extraEnv[0].valueFrom.feildRef.fieldPath=a'], 'feildRef'],
    [['--set', 'serviceMonitor.metricRelabelings[0].source_labels=a'], 'source_labels'],
    [['--set', 'prometheusRule.rules[0].expr=a,prometheusRule.rules[0].alrt=a'], 'alrt'],
    [['--set', 'extraEnv[0].name=SHUTDOWN_GRACE,extraEnv[0].value=60s'], 'shutdownGraceSeconds'],
    [['--set', 'extraEnv[0].name=PORT', '--set-string', 'extraEnv[0].value=9090'], 'goldpinger.port'],
    [['--set', 'extraEnv[0].name=UDP_ENABLED', '--set-string', 'extraEnv[0].value=true'], 'goldpinger.udp'],
  ])('rejects %j', (args, word) => {
    expect(complaint(HELM, ['template', 'release', CHART, ...CLUSTER, ...args])).toContain(word);
  });

  it.each([
    [[], 'goldpinger-ts:dev'],
    [['image.repository=registry.example.com/goldpinger-ts'], `registry.example.com/goldpinger-ts:${VERSION}`],
    [
      ['image.repository=registry.example.com/goldpinger-ts', 'image.tag=1.2.3'],
      'registry.example.com/goldpinger-ts:1.2.3',
    ],
    [[`image.digest=${DIGEST}`], `goldpinger-ts:dev@${DIGEST}`],
  ])('runs with %j the image %s', (values, image) => {
    const { containers } = template(rendered(...values.flatMap((value) => ['--set', value]))).spec;
    expect(containers[0]).toMatchObject({ image, imagePullPolicy: 'IfNotPresent' });
  });

  it('takes WRITE_TOKEN from the Secret that is named, and from none otherwise', () => {
    const token = (...args: string[]) =>
      envOf(rendered(...CLUSTER, ...args)).find(({ name }) => name === 'WRITE_TOKEN');
    expect(token()).toBeUndefined();
    expect(token('--set', 'writeToken.existingSecret=mine')).toEqual({
      name: 'WRITE_TOKEN',
      valueFrom: { secretKeyRef: { name: 'mine', key: 'token', optional: true } },
    });
    const own = ['--set', 'writeToken.existingSecret=mine', '--set', 'extraEnv[0].name=WRITE_TOKEN'];
    expect(token(...own, '--set', 'extraEnv[0].value=sixteen-characters')).toHaveProperty('value');
  });

  it("keeps the meaning of each of Goldpinger's values", () => {
    const objects = withValues('goldpinger');
    const { metadata, spec } = template(objects);
    const [container] = spec.containers;
    expect(oneOf(objects, 'ServiceAccount').metadata.name).toBe('goldpinger-serviceaccount');
    expect(spec).toMatchObject({
      serviceAccountName: 'goldpinger-serviceaccount',
      priorityClassName: 'system-node-critical',
      imagePullSecrets: [{ name: 'registry' }],
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      securityContext: { fsGroup: 2000 },
    });
    expect(spec.affinity.nodeAffinity).toBeDefined();
    expect(spec.tolerations).toHaveLength(1);
    expect(container.ports[0].containerPort).toBe(9090);
    expect(container.resources.limits).toEqual({ cpu: '100m', memory: '128Mi' });
    expect(container.imagePullPolicy).toBe('Always');
    expect(metadata.labels).toMatchObject({ team: 'net' });
    expect(metadata.annotations).toMatchObject({ 'example.com/a': 'b', 'prometheus.io/port': '9090' });
    expect(envOf(objects)).toEqual(
      expect.arrayContaining([
        { name: 'PORT', value: '9090' },
        { name: 'NAMESPACE', value: '' },
      ]),
    );
    expect(oneOf(objects, 'Service').spec).toMatchObject({ type: 'LoadBalancer', ports: [{ port: 80 }] });
    expect(oneOf(objects, 'Ingress').spec.rules[0].http.paths[0].path).toBe('/goldpinger');
    expect(oneOf(objects, 'ServiceMonitor')).toMatchObject({
      metadata: { namespace: 'monitoring', labels: { release: 'monitoring' } },
      spec: { endpoints: [{ interval: '15s', honorLabels: true }] },
    });
    const own = oneOf(objects, 'PrometheusRule').spec.groups.at(-1).rules[0];
    expect(own.expr).toContain('job="release-goldpinger"');
    expect(own.annotations.summary).toContain('{{ $labels.goldpinger_instance }}');
  });

  it("selects by the labels of Goldpinger's chart, which an upgrade cannot change", () => {
    expect(oneOf(rendered(), 'DaemonSet').spec.selector.matchLabels).toEqual({
      'app.kubernetes.io/name': 'goldpinger',
      'app.kubernetes.io/instance': 'release',
    });
    expect(envOf(rendered())).toContainEqual({ name: 'LABEL_SELECTOR', value: 'app.kubernetes.io/name=goldpinger' });
  });

  it('asks for the whole cluster only where it is told to', () => {
    const pods = (objects: Manifest[]) =>
      objects.filter(({ rules }) => rules?.[0].resources.includes('pods')).map(({ kind }) => kind);
    expect(pods(rendered())).toEqual(['Role']);
    expect(pods(rendered('--set', 'extraEnv[0].name=NAMESPACE,extraEnv[0].value='))).toEqual(['ClusterRole']);
    expect(pods(rendered('--set', 'extraEnv[0].name=NAMESPACE,extraEnv[0].value=other'))).toEqual(['ClusterRole']);
    const own = ['value=net', 'valueFrom.fieldRef.fieldPath=metadata.namespace'];
    for (const said of own)
      expect(pods(rendered('--set', `extraEnv[0].name=NAMESPACE,extraEnv[0].${said}`))).toEqual(['Role']);
    expect(pods(rendered('--set', 'rbac.clusterscoped=true'))).toEqual(['ClusterRole']);
    expect(rendered('--set', 'rbac.create=false').some(({ kind }) => kind.endsWith('Role'))).toBe(false);
  });

  it('has the NetworkPolicy of deploy/kubernetes on demand, for its own labels and port, and with more rules', () => {
    expect(oneOf(rendered(), 'NetworkPolicy')).toBeUndefined();
    const [example] = manifestsIn('deploy/kubernetes/goldpinger-networkpolicy.yml') as [Manifest];
    const { spec } = oneOf(rendered('--set', 'networkPolicy.enabled=true'), 'NetworkPolicy');
    const labels = { 'app.kubernetes.io/name': 'goldpinger', 'app.kubernetes.io/instance': 'release' };
    expect(spec.podSelector.matchLabels).toEqual(labels);
    const port = [{ protocol: 'TCP', port: 8080 }];
    expect(spec.ingress).toEqual([
      { from: [{ podSelector: { matchLabels: labels } }, ...example.spec.ingress[1].from], ports: port },
    ]);
    expect(spec.egress[0]).toEqual({ to: [{ podSelector: { matchLabels: labels } }], ports: port });
    expect(spec.egress.slice(1)).toEqual(example.spec.egress.slice(1));
    expect(oneOf(withValues('everything'), 'NetworkPolicy').spec.egress.at(-1).ports[0].port).toBe(5432);
  });

  it('turns on the UDP probe on demand: the variables, the port of the pod, and datagrams between the pods alone', () => {
    const plain = rendered('--set', 'networkPolicy.enabled=true');
    const { spec: plainPolicy } = oneOf(plain, 'NetworkPolicy');
    expect(envOf(plain).filter(({ name }) => name.startsWith('UDP_'))).toEqual([]);
    expect(template(plain).spec.containers[0].ports).toHaveLength(1);
    const udp = ['--set', 'goldpinger.udp.enabled=true', '--set', 'goldpinger.udp.port=7000'];
    const objects = rendered('--set', 'networkPolicy.enabled=true', ...udp);
    expect(envOf(objects)).toContainEqual({ name: 'UDP_ENABLED', value: 'true' });
    expect(envOf(objects)).toContainEqual({ name: 'UDP_PORT', value: '7000' });
    expect(template(objects).spec.containers[0].ports[1]).toEqual({
      name: 'udp',
      containerPort: 7000,
      protocol: 'UDP',
    });
    const { spec } = oneOf(objects, 'NetworkPolicy');
    const pods = [{ podSelector: spec.podSelector }];
    const ports = [{ protocol: 'UDP', port: 7000 }];
    expect(spec.ingress).toEqual([...plainPolicy.ingress, { from: pods, ports }]);
    expect(spec.egress).toEqual([plainPolicy.egress[0], { to: pods, ports }, ...plainPolicy.egress.slice(1)]);
  });

  it('follows USE_HOST_IP with the network of the host', () => {
    const { spec } = template(withValues('host-network'));
    expect(spec).toMatchObject({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' });
    expect(spec.containers[0].ports).toMatchObject([{ hostPort: 8080 }, { hostPort: 6969 }]);
    expect(template(rendered()).spec.hostNetwork).toBeUndefined();
  });

  it.each([
    ['1', true],
    ['True', true],
    ['yes', undefined],
    ['0', undefined],
  ])('reads USE_HOST_IP=%s as the server does', (value, isHostNetwork) => {
    const given = ['--set', 'extraEnv[0].name=USE_HOST_IP', '--set-string', `extraEnv[0].value=${value}`];
    expect(template(rendered(...given)).spec.hostNetwork).toBe(isHostNetwork);
  });

  it('leads from gateways to the Service by an HTTPRoute', () => {
    expect(oneOf(withValues('gateway'), 'HTTPRoute')).toMatchObject({
      apiVersion: 'gateway.networking.k8s.io/v1',
      metadata: { name: 'release-goldpinger', annotations: { 'example.com/a': 'b' } },
    });
    expect(oneOf(withValues('gateway'), 'HTTPRoute').spec).toEqual({
      hostnames: ['goldpinger.example.com', 'ping.example.com'],
      parentRefs: [{ name: 'public', namespace: 'gateways', sectionName: 'https' }],
      rules: [
        {
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          backendRefs: [{ name: 'release-goldpinger', port: 80 }],
        },
      ],
    });
    expect(oneOf(rendered(), 'HTTPRoute')).toBeUndefined();
  });

  it('ships the rules and the dashboard as they are', () => {
    const objects = withValues('everything');
    const rules = parse(readFileSync('deploy/prometheus/rules.yml', 'utf8'));
    // The group of `prometheusRule.rules` comes last.
    expect(oneOf(objects, 'PrometheusRule').spec.groups.slice(0, -1)).toEqual(rules.groups);
    const dashboard = JSON.parse(readFileSync('deploy/grafana/goldpinger-ts.json', 'utf8'));
    expect(JSON.parse(oneOf(objects, 'ConfigMap')['data']['goldpinger-ts.json'])).toEqual(dashboard);
  });

  it('has the alert of the chart of Goldpinger, unless there are rules of your own', () => {
    const names = (...args: string[]) =>
      oneOf(rendered('--set', 'prometheusRule.enabled=true', ...args), 'PrometheusRule').spec.groups.flatMap(
        ({ rules }: { rules: { alert?: string }[] }) => rules.map(({ alert }) => alert),
      );
    expect(names()).toContain('goldpinger_nodes_unhealthy');
    const own = ['--set-json', 'prometheusRule.rules=[{"alert":"mine","expr":"up == 0"}]'];
    expect(names(...own)).toContain('mine');
    expect(names(...own)).not.toContain('goldpinger_nodes_unhealthy');
  });

  it('takes the key that a parent chart turns it on with', () => {
    expect(oneOf(rendered('--set', 'enabled=true'), 'DaemonSet')).toBeDefined();
  });

  it('gives alerts the address of their runbook, if it is told where that is', () => {
    const url = 'https://wiki.example.com/alerts';
    const objects = rendered('--set', 'prometheusRule.enabled=true', '--set', `prometheusRule.runbookUrl=${url}`);
    const groups: { rules: { alert?: string; annotations?: Record<string, string> }[] }[] = oneOf(
      objects,
      'PrometheusRule',
    ).spec.groups;
    const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert?.startsWith('Goldpinger'));
    expect(alerts.length).toBeGreaterThan(5);
    for (const { alert = '', annotations } of alerts) {
      expect(annotations?.['runbook_url']).toBe(`${url}#${alert.toLowerCase()}`);
      expect(annotations).not.toHaveProperty('runbook');
    }
  });

  it('grows the grace period with the time that shutting down takes', () => {
    expect(template(withValues('everything')).spec.terminationGracePeriodSeconds).toBe(25);
  });
});
