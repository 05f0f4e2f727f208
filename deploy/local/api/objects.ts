import * as v from '../../../server/protocol/validators.ts';
import {
  apiVersionOf,
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  DAEMON_SETS,
  DEPLOYMENTS,
  PODS,
  REPLICA_SETS,
  type Resource,
  ROLE_BINDINGS,
  ROLES,
  SECRETS,
  SERVICES,
} from './resources.ts';
import { badRequest, invalid } from './status.ts';

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

/** An object of any kind as it is stored. */
export interface KubeObject<M = Meta> {
  apiVersion: string;
  kind: string;
  metadata: M;
  [field: string]: unknown;
}

/** An object as a client sends it. The server completes `metadata`. */
export type NewObject = KubeObject<Partial<Meta>>;

/** An object for the store, which knows its kind and completes `metadata`. */
export interface Draft {
  metadata: Partial<Meta> & { name: string };
  [field: string]: unknown;
}

/** The most pods of a Deployment or ReplicaSet: a cluster has 239 addresses for all its pods and Services. */
const MAX_REPLICAS = 200;

/** Names of objects are RFC 1123 subdomains. RBAC also allows colons, e.g. `system:x`. */
const nameText = v.pipe(v.string(), v.regex(/^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$/, 'not a valid name'), v.maxLength(253));
/** The most parts of an object: labels, variables, rules, and so on. A body has at most 1 MiB. */
const MAX_PARTS = 1000;
const listOf = <T extends v.GenericSchema>(part: T) => v.boundedArray(part, MAX_PARTS);
/** A key is `prefix/name`: a DNS name of 253 characters, the slash, and 63 more. */
const labelMap = v.boundedRecord(v.boundedText(317), v.boundedText(63), MAX_PARTS);
const annotationMap = v.boundedRecord(v.string(), v.string(), MAX_PARTS);
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const protocol = v.optional(v.picklist(['TCP', 'UDP', 'SCTP']), 'TCP');
const portOrName = v.union([port, v.boundedText(63)]);
const count = (limit: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(limit));
const text = v.optional(v.string());
const texts = v.optional(listOf(v.string()));

const metadataFields = v.looseObject({
  name: v.optional(nameText),
  generateName: v.optional(
    v.pipe(v.string(), v.regex(/^([a-z0-9][-a-z0-9.:]*)?$/, 'not a valid name'), v.maxLength(240)),
  ),
  namespace: v.optional(v.boundedText(63)),
  labels: v.optional(labelMap),
  annotations: v.optional(annotationMap),
  ownerReferences: v.optional(
    listOf(v.looseObject({ apiVersion: v.string(), kind: v.string(), name: v.string(), uid: v.string() })),
  ),
});

const valueSource = v.looseObject({
  fieldRef: v.optional(v.looseObject({ fieldPath: v.string() })),
  secretKeyRef: v.optional(v.looseObject({ name: text, key: text })),
});

const container = v.looseObject({
  // Typed clients always send this field. The default keeps their copy of a template equal to the stored one.
  resources: v.optional(v.looseObject({}), {}),
  name: v.pipe(v.string(), v.regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'not a valid name'), v.maxLength(63)),
  image: v.pipe(v.string(), v.minLength(1), v.maxLength(500)),
  command: texts,
  args: texts,
  env: v.optional(
    listOf(
      v.looseObject({
        name: v.pipe(v.string(), v.regex(/^[^=\0]+$/, 'not a valid name')),
        value: text,
        valueFrom: v.optional(valueSource),
      }),
    ),
  ),
  ports: v.optional(listOf(v.looseObject({ name: text, containerPort: port, protocol }))),
  readinessProbe: v.optional(
    v.looseObject({
      httpGet: v.optional(v.looseObject({ path: text, port: portOrName })),
      periodSeconds: v.optional(count(3600)),
      timeoutSeconds: v.optional(count(3600)),
      failureThreshold: v.optional(count(100)),
    }),
  ),
  startupProbe: v.optional(v.looseObject({ exec: v.optional(v.looseObject({ command: texts })) })),
});

const podFields = {
  containers: v.pipe(v.boundedArray(container, 20), v.minLength(1, 'Required value')),
  initContainers: v.optional(v.boundedArray(container, 20)),
  nodeName: text,
  restartPolicy: v.optional(v.picklist(['Always', 'OnFailure', 'Never'])),
  serviceAccountName: v.optional(nameText),
  /** The older name of the field. The chapter that docs/experiments.md follows uses it. */
  serviceAccount: v.optional(nameText),
  terminationGracePeriodSeconds: v.optional(count(86_400)),
};
const podSpec = v.looseObject(podFields);

const podTemplate = {
  selector: v.looseObject({
    matchLabels: v.optional(labelMap),
    matchExpressions: v.optional(
      v.pipe(
        v.unknown(),
        v.check(
          (list) => Array.isArray(list) && list.length === 0,
          'Unsupported value: this cluster supports only matchLabels',
        ),
      ),
    ),
  }),
  template: v.looseObject({
    metadata: v.optional(v.looseObject({ labels: v.optional(labelMap), annotations: v.optional(annotationMap) })),
    // As in Kubernetes. The pods that a set has are replaced when they end, so that some that end at once would never stop coming.
    spec: v.looseObject({ ...podFields, restartPolicy: v.optional(v.picklist(['Always'])) }),
  }),
};

const workloadSpec = v.looseObject({ replicas: v.optional(count(MAX_REPLICAS), 1), ...podTemplate });

/** `spec` of a DaemonSet. kubectl waits only for a strategy that it knows. */
const daemonSetSpec = v.looseObject({
  updateStrategy: v.optional(v.looseObject({ type: v.optional(v.string(), 'RollingUpdate') }), {}),
  ...podTemplate,
});

const servicePort = v.looseObject({
  name: text,
  port,
  targetPort: v.optional(portOrName),
  nodePort: v.optional(port),
  protocol,
});

const serviceSpec = v.looseObject({
  type: text,
  clusterIP: text,
  selector: v.optional(labelMap),
  ports: v.optional(v.boundedArray(servicePort, 50)),
});

const rules = v.optional(listOf(v.looseObject({ verbs: listOf(v.string()), apiGroups: texts, resources: texts })));
const subjects = v.optional(listOf(v.looseObject({ kind: v.string(), name: v.string(), namespace: text })));
const binding = { subjects, roleRef: v.looseObject({ kind: v.string(), name: v.string() }) };

/** Which fields are checked, by resource, besides `metadata`. */
const FIELDS = new Map<Resource, v.ObjectEntries>([
  [PODS, { spec: podSpec }],
  [DEPLOYMENTS, { spec: workloadSpec }],
  [REPLICA_SETS, { spec: workloadSpec }],
  [DAEMON_SETS, { spec: daemonSetSpec }],
  [SECRETS, { data: v.optional(v.boundedRecord(v.boundedText(253), v.string(), MAX_PARTS)) }],
  [SERVICES, { spec: serviceSpec }],
  [CLUSTER_ROLES, { rules }],
  [ROLES, { rules }],
  [CLUSTER_ROLE_BINDINGS, binding],
  [ROLE_BINDINGS, binding],
]);

/**
 * Checks the fields of a client's object that this cluster reads, and returns the object with its unknown fields. Sets a
 * missing kind or apiVersion. Throws ApiError 400 for another kind than the URL's and for deep nesting, and 422 for invalid fields.
 */
export function validated(resource: Resource, body: unknown): NewObject {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('the body is not an object');
  const object = withoutNulls(body, MAX_DEPTH) as Record<string, unknown>;
  const { kind = resource.kind, apiVersion = apiVersionOf(resource), ...rest } = object;
  if (kind !== resource.kind || apiVersion !== apiVersionOf(resource)) {
    throw badRequest(
      `the object provided is ${brief(apiVersion)} ${brief(kind)}, expected ${apiVersionOf(resource)} ${resource.kind}`,
    );
  }
  try {
    const fields = v.validate(v.looseObject({ metadata: metadataFields, ...FIELDS.get(resource) }), rest);
    if ([DEPLOYMENTS, REPLICA_SETS, DAEMON_SETS].includes(resource)) checkSelector(resource, fields);
    return { ...fields, kind: resource.kind, apiVersion: apiVersionOf(resource) } as NewObject;
  } catch (error) {
    if (!(error instanceof v.InvalidError)) throw error;
    const name = brief(Object(rest['metadata']).name ?? '');
    throw invalid(resource, name, error.path, error.fault);
  }
}

/** The label that the controller of DaemonSets sets on each of their pods: the hash of the template. */
export const REVISION_LABEL = 'controller-revision-hash';

/**
 * As in Kubernetes, the selector must match the labels of the template: else the controllers would create pods for ever. Throws
 * InvalidError.
 */
function checkSelector(resource: Resource, fields: object): void {
  const { selector, template } = (fields as Workload | DaemonSet).spec;
  const { matchLabels = {} } = selector;
  const { labels = {} } = template.metadata ?? {};
  if (Object.keys(matchLabels).length === 0) {
    throw new v.InvalidError('spec.selector', 'Invalid value: {}: an empty selector is invalid');
  }
  // A real API server accepts this selector, and then its controller creates pods for ever.
  if (resource === DAEMON_SETS && REVISION_LABEL in matchLabels) {
    throw new v.InvalidError('spec.selector', `Invalid value: the controller replaces the label ${REVISION_LABEL}`);
  }
  if (!selects(matchLabels, labels)) {
    const fault = `Invalid value: ${JSON.stringify(labels).slice(0, 200)}: \`selector\` does not match template \`labels\``;
    throw new v.InvalidError('spec.template.metadata.labels', fault);
  }
}

/** In a deeper object the controllers would run out of stack, which would end the cluster. Manifests have about 15 levels. */
const MAX_DEPTH = 100;

/**
 * A copy of a value of a body without fields that are null: as in Kubernetes they count as missing, and YAML has one wherever a key
 * has no value. Throws ApiError 400 for deep nesting and for a list that is too long to be copied.
 */
function withoutNulls(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) throw badRequest(`the object is nested more than ${MAX_DEPTH} levels deep`);
  if (Array.isArray(value)) {
    if (value.length > MAX_PARTS) throw badRequest(`a list has more than ${MAX_PARTS} elements`);
    return value.map((one) => withoutNulls(one, levels - 1));
  }
  const fields = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutNulls(field, levels - 1)]));
}

/** A text for a message; of any other value only its type, because a hostile list is long. */
function brief(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 200) : typeof value;
}

/** What a role allows: verbs on resources of API groups. */
export type Rule = NonNullable<v.InferInput<typeof rules>>[number];

/** To whom a binding gives a role. */
export type Subject = NonNullable<v.InferInput<typeof subjects>>[number];

/** An environment variable of a container: a value, a field of its pod, or a secret. */
export type EnvVar = NonNullable<Container['env']>[number];

export type Container = v.InferInput<typeof container>;

export type PodSpec = v.InferInput<typeof podSpec>;

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

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  lastTransitionTime: string;
  reason?: string;
}

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

export interface PodObject extends KubeObject {
  spec: PodSpec;
  status: PodStatus;
}

/** A Deployment or a ReplicaSet. */
export interface Workload extends KubeObject {
  spec: v.InferInput<typeof workloadSpec> & { replicas: number };
  /** A missing number is 0. */
  status?: { replicas?: number; readyReplicas?: number; conditions?: Condition[]; [count: string]: unknown };
}

export interface DaemonSet extends KubeObject {
  spec: v.InferInput<typeof daemonSetSpec>;
}

export interface ServiceObject extends KubeObject {
  spec: v.InferInput<typeof serviceSpec>;
  status?: { loadBalancer?: { ingress?: { ip?: string; ports?: { port: number; protocol: string }[] }[] } };
}

/** The text, number or truth value at a path of an object as text, e.g. at `status.phase`; '' if there is none. */
export function textAt(object: unknown, path: string): string {
  let value = object;
  for (const step of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[step];
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
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

/** Formats a value as JSON with sorted keys, because clients send the same template with keys in another order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Whether two values are equal, in whatever order their keys are. */
export function sameJson(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}
