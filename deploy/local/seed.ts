import type { EnvVar, NewObject } from './api/objects.ts';
import {
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  DEPLOYMENTS,
  NAMESPACES,
  NODES,
  type Resource,
  SERVICE_ACCOUNTS,
  SERVICES,
} from './api/resources.ts';

/** The options of the cluster's first objects. */
export interface SeedOptions {
  pods: number;
  intervalS: number;
  podPort: number;
  /** Port of the service address; 0 while there is none. */
  servicePort: number;
  /** URL of the Kubernetes API. */
  apiUrl: string;
  /** Address range of the cluster, e.g. `127.0.0`. */
  base: string;
  /** Environment variables for the server. They override those that the cluster sets. */
  serverEnv: Record<string, string>;
  /** What the pods' service account may do with pods and with nodes. */
  rights: { pods: readonly string[]; nodes: readonly string[] };
}

/** A new object and its resource. */
interface Seed {
  resource: Resource;
  object: NewObject & { metadata: { name: string } };
}

/** Name of the Deployment and of its Service. */
export const APP = 'goldpinger';
/** The namespace of the cluster's objects. */
export const NAMESPACE = 'default';
/** The Secret whose key `token` is the manifests' WRITE_TOKEN. */
export const WRITE_SECRET = 'goldpinger-write';
/** The Service selects both labels. goldpinger-chaos.yml has only `app`, so the page never comes from its pod. */
const POD_LABELS = { app: APP, 'goldpinger-page': 'true' };
const ACCOUNT = 'goldpinger-serviceaccount';
const RBAC = 'rbac.authorization.k8s.io';

/** Returns the objects of a new cluster: three nodes in two zones, and those of our manifests, with the same names. */
export function seedObjects(options: SeedOptions): Seed[] {
  return [
    ...[NAMESPACE, 'kube-system'].map((name) => seed(NAMESPACES, 'v1', name, { status: { phase: 'Active' } })),
    ...['a', 'b', 'c'].map((letter, i) =>
      node(`node-${letter}`, i < 2 ? 'zone-1' : 'zone-2', `${options.base}.${241 + i}`),
    ),
    ...['default', ACCOUNT].map((name) => seed(SERVICE_ACCOUNTS, 'v1', name, {}, NAMESPACE)),
    seed(CLUSTER_ROLES, `${RBAC}/v1`, 'goldpinger-clusterrole', {
      rules: [
        { apiGroups: [''], resources: ['pods'], verbs: [...options.rights.pods] },
        { apiGroups: [''], resources: ['nodes'], verbs: [...options.rights.nodes] },
      ],
    }),
    seed(CLUSTER_ROLE_BINDINGS, `${RBAC}/v1`, 'goldpinger-clusterrolebinding', {
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'goldpinger-clusterrole' },
      subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: NAMESPACE }],
    }),
    service(options),
    deployment(options),
  ];
}

function seed(
  resource: Resource,
  apiVersion: string,
  name: string,
  rest: object,
  namespace?: string,
  labels?: Record<string, string>,
): Seed {
  const metadata = { name, ...(namespace && { namespace }), ...(labels && { labels }) };
  return { resource, object: { apiVersion, kind: resource.kind, metadata, ...rest } };
}

function node(name: string, zone: string, address: string): Seed {
  const labels = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'topology.kubernetes.io/zone': zone,
    'topology.kubernetes.io/region': 'local',
  };
  const size = { cpu: '4', memory: '8Gi', pods: '110' };
  const status = {
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: name },
    ],
    capacity: size,
    allocatable: size,
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'this machine is up' }],
    // Generated clients (Python's, which PowerfulSeal uses) refuse a node if one of these fields is missing.
    nodeInfo: {
      machineID: name,
      systemUUID: name,
      bootID: name,
      kubeletVersion: 'v1.32.0',
      kubeProxyVersion: 'v1.32.0',
      osImage: `this machine (${process.platform})`,
      kernelVersion: '-',
      containerRuntimeVersion: 'process://node',
      operatingSystem: process.platform,
      architecture: process.arch,
    },
  };
  return seed(NODES, 'v1', name, { spec: {}, status }, undefined, labels);
}

function service({ servicePort, podPort }: SeedOptions): Seed {
  const reachable = servicePort > 0 ? { ingress: [{ ip: '127.0.0.1' }] } : {};
  const spec = {
    type: 'LoadBalancer',
    clusterIP: '127.0.0.1',
    selector: POD_LABELS,
    ports: [{ name: 'http', protocol: 'TCP', port: servicePort || podPort, targetPort: podPort }],
  };
  return seed(SERVICES, 'v1', APP, { spec, status: { loadBalancer: reachable } }, NAMESPACE, { app: APP });
}

function deployment(options: SeedOptions): Seed {
  const container = {
    name: APP,
    image: 'goldpinger-ts:local',
    imagePullPolicy: 'Never',
    env: env(options),
    ports: [{ name: 'http', containerPort: options.podPort, protocol: 'TCP' }],
    readinessProbe: {
      httpGet: { path: '/readyz', port: options.podPort, scheme: 'HTTP' },
      periodSeconds: 2,
      timeoutSeconds: 1,
      successThreshold: 1,
      failureThreshold: 2,
    },
  };
  const spec = {
    replicas: options.pods,
    selector: { matchLabels: POD_LABELS },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '100%', maxUnavailable: 0 } },
    template: {
      metadata: { labels: POD_LABELS },
      spec: { serviceAccountName: ACCOUNT, terminationGracePeriodSeconds: 30, containers: [container] },
    },
  };
  return seed(DEPLOYMENTS, 'apps/v1', APP, { spec }, NAMESPACE, { app: APP });
}

/**
 * The variables of the manifests. HOSTNAME is the node's name, as in Goldpinger's manifests. There is no DNS of the cluster on this
 * machine, so that PATH_CHECKS, if `npm start -- --env` sets it, finds the Service under the name localhost.
 */
function env({ podPort, intervalS, servicePort, apiUrl, serverEnv }: SeedOptions): EnvVar[] {
  const defaults: EnvVar[] = [
    { name: 'HOST', value: '0.0.0.0' },
    { name: 'PORT', value: String(podPort) },
    { name: 'REFRESH_INTERVAL', value: String(intervalS) },
    { name: 'LABEL_SELECTOR', value: `app=${APP}` },
    field('HOSTNAME', 'spec.nodeName'),
    field('POD_IP', 'status.podIP'),
    field('POD_NAME', 'metadata.name'),
    field('NAMESPACE', 'metadata.namespace'),
    ...(servicePort > 0 ? [{ name: 'PATH_SERVICE_URL', value: `http://localhost:${servicePort}/ping` }] : []),
    { name: 'PATH_DNS_NAME', value: 'localhost' },
    { name: 'PATH_APISERVER_URL', value: `${apiUrl}/livez` },
    { name: 'WRITE_TOKEN', valueFrom: { secretKeyRef: { name: WRITE_SECRET, key: 'token', optional: true } } },
  ];
  const overrides = Object.entries(serverEnv).map(([name, value]) => ({ name, value }));
  return [...defaults.filter(({ name }) => !Object.hasOwn(serverEnv, name)), ...overrides];
}

function field(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}
