/** What a pod of the stub is to look like; everything else has a likely value. */
export interface StubPod {
  name: string;
  uid?: string;
  namespace?: string;
  ip?: string;
  ips?: string[];
  hostIP?: string;
  node?: string;
  owner?: string;
  ownerKind?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  phase?: string;
  /** The Ready condition; null = the pod has none. */
  ready?: boolean | null;
  /** When the Ready condition changed; by default when the pod was created. A pod that is not ready has never been ready then. */
  readySinceMs?: number | undefined;
  createdMs?: number;
  startedMs?: number;
  restarts?: number;
  /** When deletion was asked for; the stub adds the grace period. */
  deletedMs?: number;
  /** The grace period of the deletion; 30 s by default. */
  graceSeconds?: number;
}

const time = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
const GRACE_SECONDS = 30;

/** A pod object as the Kubernetes API has it, with the parts that discovery reads. */
export function podObject(pod: StubPod) {
  const createdMs = pod.createdMs ?? Date.now();
  const ips = pod.ips ?? (pod.ip === undefined ? [] : [pod.ip]);
  const ready = pod.ready === undefined ? ips.length > 0 : pod.ready;
  const metadata: Record<string, unknown> = {
    name: pod.name,
    uid: pod.uid ?? `uid-${pod.name}`,
    namespace: pod.namespace ?? 'default',
    labels: pod.labels ?? { app: 'goldpinger' },
    annotations: pod.annotations ?? {},
    creationTimestamp: time(createdMs),
    ownerReferences: [{ uid: pod.owner ?? 'owner', kind: pod.ownerKind ?? 'ReplicaSet', controller: true }],
  };
  if (pod.deletedMs !== undefined) {
    const { graceSeconds = GRACE_SECONDS } = pod;
    metadata['deletionGracePeriodSeconds'] = graceSeconds;
    metadata['deletionTimestamp'] = time(pod.deletedMs + graceSeconds * 1000);
  }
  const startedMs = pod.startedMs ?? createdMs;
  const status = {
    phase: pod.phase ?? (ips.length > 0 ? 'Running' : 'Pending'),
    hostIP: pod.hostIP ?? '10.0.0.1',
    ...(ips[0] === undefined ? {} : { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
    conditions:
      ready === null
        ? []
        : [
            {
              type: 'Ready',
              status: ready ? 'True' : 'False',
              lastTransitionTime: time(pod.readySinceMs ?? createdMs),
            },
          ],
    containerStatuses: [
      { restartCount: pod.restarts ?? 0, state: ips.length > 0 ? { running: { startedAt: time(startedMs) } } : {} },
    ],
  };
  return { metadata, spec: { nodeName: pod.node ?? 'node-1' }, status };
}
