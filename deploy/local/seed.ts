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

/** What the cluster's first objects are made from. */
export interface SeedOptions {
  pods: number;
  intervalS: number;
  podPort: number;
  /** Port of the service address; 0 while there is none. */
  servicePort: number;
  /** Range of the cluster, e.g. `127.0.0`. */
  base: string;
  /** More variables for the server, and other values for ours. */
  serverEnv: Record<string, string>;
  /** What the pods' account may do with pods and with nodes. */
  rights: { pods: readonly string[]; nodes: readonly string[] };
}

/** A new object and where it belongs. */
interface Seed {
  resource: Resource;
  object: NewObject & { metadata: { name: string } };
}

/** Name of the Deployment and of its Service. */
export const APP = 'goldpinger';
/** The namespace everything of ours lives in. */
export const NAMESPACE = 'default';
/** The Secret that the manifests take WRITE_TOKEN from, key `token`. */
export const WRITE_SECRET = 'goldpinger-write';
const ACCOUNT = 'goldpinger-serviceaccount';
const RBAC = 'rbac.authorization.k8s.io';

/**
 * The objects of a new cluster: three nodes in two zones, and what our manifests create. Names are those of the
 * manifests.
 */
export function seeds(options: SeedOptions): Seed[] {
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
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
  };
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
    // All of them: clients whose models are generated (Python's, which PowerfulSeal uses) refuse a node without one.
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
    selector: { app: APP },
    ports: [{ name: 'http', protocol: 'TCP', port: servicePort || podPort, targetPort: podPort }],
  };
  return seed(SERVICES, 'v1', APP, { spec, status: { loadBalancer: reachable } }, NAMESPACE, { app: APP });
}

function deployment(options: SeedOptions): Seed {
  const labels = { app: APP };
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
    selector: { matchLabels: labels },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '100%', maxUnavailable: 0 } },
    template: {
      metadata: { labels },
      spec: { serviceAccountName: ACCOUNT, terminationGracePeriodSeconds: 30, containers: [container] },
    },
  };
  return seed(DEPLOYMENTS, 'apps/v1', APP, { spec }, NAMESPACE, labels);
}

/** As in the manifests: everything from the pod's own fields, HOSTNAME being the node's name as in Goldpinger's. */
function env({ podPort, intervalS, serverEnv }: SeedOptions): EnvVar[] {
  const ours: EnvVar[] = [
    { name: 'HOST', value: '0.0.0.0' },
    { name: 'PORT', value: String(podPort) },
    { name: 'REFRESH_INTERVAL', value: String(intervalS) },
    { name: 'LABEL_SELECTOR', value: `app=${APP}` },
    field('HOSTNAME', 'spec.nodeName'),
    field('POD_IP', 'status.podIP'),
    field('POD_NAME', 'metadata.name'),
    field('NAMESPACE', 'metadata.namespace'),
    { name: 'WRITE_TOKEN', valueFrom: { secretKeyRef: { name: WRITE_SECRET, key: 'token', optional: true } } },
  ];
  const given = Object.entries(serverEnv).map(([name, value]) => ({ name, value }));
  return [...ours.filter(({ name }) => !Object.hasOwn(serverEnv, name)), ...given];
}

function field(name: string, fieldPath: string): EnvVar {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}
