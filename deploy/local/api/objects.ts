/** The parts of Kubernetes objects that the local cluster reads. All other fields of an object are kept unchanged. */

/** `metadata` of a stored object. Times are RFC 3339 to the second. */
interface Meta {
  name: string;
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
  namespace?: string;
  generateName?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
}

/** The owner of an object. An owner with `controller: true` manages it. */
interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Any stored object. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: Meta;
  [field: string]: unknown;
}

/** An object as a client sends it. The server completes `metadata`. */
export interface NewObject {
  apiVersion: string;
  kind: string;
  metadata: Partial<Meta>;
  [field: string]: unknown;
}

/** An environment variable of a container: a value, a field of its pod, or a secret. */
export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: { fieldRef?: { fieldPath: string }; secretKeyRef?: { name?: string; key?: string; optional?: boolean } };
}

/** A readiness probe. The local kubelet runs only HTTP probes. */
interface Probe {
  httpGet?: { path?: string; port: number | string };
  periodSeconds?: number;
  timeoutSeconds?: number;
  failureThreshold?: number;
}

/** One container of a pod. */
export interface Container {
  name: string;
  image: string;
  command?: string[];
  args?: string[];
  env?: EnvVar[];
  ports?: { name?: string; containerPort: number; protocol?: string }[];
  readinessProbe?: Probe;
  startupProbe?: { exec?: { command?: string[] } };
}

/** `spec` of a pod. */
export interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  nodeName?: string;
  restartPolicy?: string;
  serviceAccountName?: string;
  terminationGracePeriodSeconds?: number;
}

/** The state of a container: exactly one of the three. */
export interface ContainerState {
  waiting?: { reason: string; message?: string };
  running?: { startedAt: string };
  terminated?: { exitCode: number; signal?: number; reason: string; startedAt: string; finishedAt: string };
}

/** `status.containerStatuses[]` of a pod. */
export interface ContainerStatus {
  name: string;
  image: string;
  imageID: string;
  containerID?: string;
  ready: boolean;
  started: boolean;
  restartCount: number;
  state: ContainerState;
  lastState: ContainerState;
}

/** One of `status.conditions[]`. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  lastTransitionTime: string;
  reason?: string;
  message?: string;
}

/** `status` of a pod. */
export interface PodStatus {
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  conditions?: Condition[];
  hostIP?: string;
  hostIPs?: { ip: string }[];
  podIP?: string;
  podIPs?: { ip: string }[];
  startTime?: string;
  containerStatuses?: ContainerStatus[];
  qosClass?: string;
}

/** A pod. */
export interface PodObject extends KubeObject {
  spec: PodSpec;
  status: PodStatus;
}

/** The template of a workload's pods. */
interface PodTemplate {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: PodSpec;
}

/** A Deployment or a ReplicaSet. */
export interface Workload extends KubeObject {
  spec: { replicas: number; selector: { matchLabels?: Record<string, string> }; template: PodTemplate };
  status?: WorkloadStatus;
}

/** `status` of a Deployment or a ReplicaSet; a missing number is 0. */
interface WorkloadStatus {
  replicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  updatedReplicas?: number;
  unavailableReplicas?: number;
  fullyLabeledReplicas?: number;
  observedGeneration?: number;
  conditions?: Condition[];
}

/** A Service. */
export interface ServiceObject extends KubeObject {
  spec: {
    type?: string;
    clusterIP?: string;
    selector?: Record<string, string>;
    ports?: { name?: string; port: number; targetPort?: number | string; nodePort?: number; protocol?: string }[];
  };
  status?: { loadBalancer?: { ingress?: { ip?: string; ports?: { port: number; protocol: string }[] }[] } };
}

/** Formats a time as Kubernetes does: RFC 3339 to the second. */
export function kubeTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

/** Makes a condition. It keeps the time of its last change if its status is the one in `before`. */
export function conditionOf(
  before: readonly Condition[] | undefined,
  type: string,
  holds: boolean,
  nowMs: number,
  reason?: string,
): Condition {
  const status = holds ? 'True' : 'False';
  const old = before?.find((one) => one.type === type);
  const lastTransitionTime = old?.status === status ? old.lastTransitionTime : kubeTime(nowMs);
  return { type, status, lastTransitionTime, ...(reason !== undefined && { reason }) };
}

/** Whether the pod's Ready condition is true. */
export function isReady(pod: PodObject): boolean {
  return pod.status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') ?? false;
}

/** Whether `labels` contain every label of `selector`. An empty selector selects nothing. */
export function selects(selector: Record<string, string> | undefined, labels: Record<string, string> | undefined) {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([key, value]) => labels?.[key] === value);
}

/** Returns the uid of the owner that manages the object; '' if there is none. */
export function controllerUid(object: KubeObject): string {
  return object.metadata.ownerReferences?.find((owner) => owner.controller)?.uid ?? '';
}

/** Makes the entry of `metadata.ownerReferences` of an object that `owner` manages. */
export function ownerReferenceTo(owner: KubeObject): OwnerReference {
  const { name, uid } = owner.metadata;
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/**
 * Formats a value as JSON with sorted keys and without null fields. Values that mean the same to Kubernetes give equal
 * texts, because clients send keys in any order, and nulls such as `creationTimestamp: null`.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(
          Object.entries(inner)
            .filter(([, field]) => field !== null)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : inner,
  );
}

/** Whether two values mean the same to Kubernetes; see `canonicalJson`. */
export function sameJson(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}
