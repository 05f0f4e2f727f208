import type { Draft, EnvVar } from './api/objects.ts';
import {
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  DEPLOYMENTS,
  KUBERNETES_VERSION,
  NAMESPACES,
  NODES,
  type Resource,
  SECRETS,
  SERVICE_ACCOUNTS,
  SERVICES,
} from './api/resources.ts';

/** What a new cluster has. */
export interface SeedOptions {
  /** Replicas of the Deployment `goldpinger`. */
  pods: number;
  /** REFRESH_INTERVAL of the pods, seconds. */
  intervalS: number;
  /** Port that every pod listens on. */
  podPort: number;
  /** Port of the service address on 127.0.0.1. */
  servicePort: number;
  apiUrl: string;
  /** Address range of the cluster, e.g. `127.0.0`. */
  base: string;
  /** Environment variables for the server. They override those that the cluster sets. */
  serverEnv: Record<string, string>;
  /** What the pods' service account may do with pods and with nodes. */
  rights: { pods: readonly string[]; nodes: readonly string[] };
  /** WRITE_TOKEN of the pods; if it is '' or missing, nobody may write. */
  writeToken?: string;
}

interface Seed {
  resource: Resource;
  object: Draft;
}

/** Name of the Deployment and of its Service. */
export const APP = 'goldpinger';
export const NAMESPACE = 'default';
/** The Secret whose key `token` is the manifests' WRITE_TOKEN. */
const WRITE_SECRET = 'goldpinger-write';
/** The Service selects both labels. goldpinger-chaos.yml has only `app`, so the page never comes from its pod. */
const POD_LABELS = { app: APP, 'goldpinger-page': 'true' };
const ACCOUNT = 'goldpinger-serviceaccount';
const APP_METADATA = { name: APP, namespace: NAMESPACE, labels: { app: APP } };

/** Returns the objects of a new cluster: three nodes in two zones, and those of our manifests, with the same names. */
export function seedObjects(options: SeedOptions): Seed[] {
  const { base, rights, writeToken } = options;
  const rules = Object.entries(rights).map(([plural, verbs]) => ({ apiGroups: [''], resources: [plural], verbs }));
  const roleRef = { apiGroup: CLUSTER_ROLES.group, kind: 'ClusterRole', name: 'goldpinger-clusterrole' };
  const subjects = [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: NAMESPACE }];
  return [
    ...[NAMESPACE, 'kube-system'].map((name) => seed(NAMESPACES, { name }, { status: { phase: 'Active' } })),
    node('node-a', 'zone-1', `${base}.241`),
    node('node-b', 'zone-1', `${base}.242`),
    node('node-c', 'zone-2', `${base}.243`),
    ...['default', ACCOUNT].map((name) => seed(SERVICE_ACCOUNTS, { name, namespace: NAMESPACE }, {})),
    seed(CLUSTER_ROLES, { name: roleRef.name }, { rules }),
    seed(CLUSTER_ROLE_BINDINGS, { name: 'goldpinger-clusterrolebinding' }, { roleRef, subjects }),
    ...(writeToken === undefined ? [] : [secret(writeToken)]),
    service(options),
    deployment(options),
  ];
}

function seed(resource: Resource, metadata: Seed['object']['metadata'], rest: object): Seed {
  return { resource, object: { metadata, ...rest } };
}

function node(name: string, zone: string, address: string): Seed {
  const labels = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'topology.kubernetes.io/zone': zone,
    'topology.kubernetes.io/region': 'local',
  };
  // `kubectl describe` divides by it.
  const size = { cpu: '4', memory: '8Gi', pods: '110' };
  const status = {
    capacity: size,
    allocatable: size,
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: name },
    ],
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'this machine is up' }],
    // Generated clients (Python's, which PowerfulSeal uses) refuse a node if one of these fields is missing.
    nodeInfo: {
      machineID: name,
      systemUUID: name,
      bootID: name,
      kubeletVersion: KUBERNETES_VERSION.text,
      kubeProxyVersion: KUBERNETES_VERSION.text,
      osImage: `this machine (${process.platform})`,
      kernelVersion: '-',
      containerRuntimeVersion: 'process://node',
      operatingSystem: process.platform,
      architecture: process.arch,
    },
  };
  return seed(NODES, { name, labels }, { spec: {}, status });
}

function secret(token: string): Seed {
  const metadata = { name: WRITE_SECRET, namespace: NAMESPACE };
  return seed(SECRETS, metadata, { type: 'Opaque', data: { token: Buffer.from(token).toString('base64') } });
}

function service({ servicePort, podPort }: SeedOptions): Seed {
  const spec = {
    type: 'LoadBalancer',
    clusterIP: '127.0.0.1',
    selector: POD_LABELS,
    ports: [{ name: 'http', protocol: 'TCP', port: servicePort, targetPort: podPort }],
  };
  return seed(SERVICES, APP_METADATA, { spec, status: { loadBalancer: { ingress: [{ ip: '127.0.0.1' }] } } });
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
  return seed(DEPLOYMENTS, APP_METADATA, { spec });
}

/**
 * The variables of the manifests. HOSTNAME is the node's name, as in Goldpinger's manifests. This machine has no DNS of the cluster:
 * PATH_CHECKS, if `npm start -- --env` sets it, looks for the Service under the name localhost.
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
    { name: 'PATH_SERVICE_URL', value: `http://localhost:${servicePort}/ping` },
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
