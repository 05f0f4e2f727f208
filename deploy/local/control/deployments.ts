import { createHash } from 'node:crypto';
import { nameEnding } from '../api/object-api.ts';
import { type Condition, controllerUid, kubeTime, type Workload } from '../api/objects.ts';
import { DEPLOYMENTS, REPLICA_SETS } from '../api/resources.ts';
import { canonicalJson } from '../api/sameness.ts';
import type { Store } from '../api/store.ts';
import { ownedBy } from './replica-sets.ts';

const HASH_LABEL = 'pod-template-hash';
const REVISION = 'deployment.kubernetes.io/revision';
/** Old, empty ReplicaSets that stay for `kubectl rollout undo`. */
const HISTORY = 3;

/**
 * Gives every Deployment a ReplicaSet for its present template with the wanted number of pods; those of older templates
 * shrink as the new pods become ready. Writes the Deployment's status.
 */
export function reconcileDeployments(store: Store, nowMs: number): void {
  for (const deployment of store.list(DEPLOYMENTS) as Workload[]) {
    const hash = templateHash(deployment);
    const owned = setsOf(store, deployment);
    const current =
      owned.find((set) => set.metadata.labels?.[HASH_LABEL] === hash) ?? createSet(store, deployment, hash);
    const { replicas } = deployment.spec;
    resize(store, current, replicas);
    let stillNeeded = Math.max(0, replicas - (current.status?.readyReplicas ?? 0));
    const old = owned.filter((set) => set !== current).sort((a, b) => b.metadata.name.localeCompare(a.metadata.name));
    for (const set of old) {
      const kept = Math.min(set.spec.replicas, stillNeeded);
      stillNeeded -= kept;
      resize(store, set, kept);
    }
    for (const set of old
      .filter((one) => one.spec.replicas === 0 && (one.status?.replicas ?? 0) === 0)
      .slice(HISTORY)) {
      store.remove(REPLICA_SETS, set.metadata.namespace ?? '', set.metadata.name);
    }
    writeStatus(store, deployment, hash, numberRevision(store, current, old), nowMs);
  }
}

function setsOf(store: Store, deployment: Workload): Workload[] {
  const sets = store.list(REPLICA_SETS, deployment.metadata.namespace) as Workload[];
  return sets.filter((set) => controllerUid(set) === deployment.metadata.uid);
}

function createSet(store: Store, deployment: Workload, hash: string): Workload {
  const { template, selector, replicas } = deployment.spec;
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  return store.create(REPLICA_SETS, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace ?? '',
      labels,
      ownerReferences: ownedBy(deployment),
    },
    spec: {
      replicas,
      selector: { matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
    status: { replicas: 0 },
  }) as Workload;
}

/**
 * Gives the present ReplicaSet the highest revision number, by which `kubectl rollout` names them; gives that number.
 */
function numberRevision(store: Store, current: Workload, old: Workload[]): string {
  const newest = Math.max(0, ...old.map(revisionOf));
  if (revisionOf(current) > newest) return String(revisionOf(current));
  const revision = String(newest + 1);
  const { namespace = '', name } = current.metadata;
  const set = store.get(REPLICA_SETS, namespace, name);
  const annotations = { ...set?.metadata.annotations, [REVISION]: revision };
  if (set) store.update(REPLICA_SETS, { ...set, metadata: { ...set.metadata, annotations } });
  return revision;
}

function revisionOf(set: Workload): number {
  return Number(set.metadata.annotations?.[REVISION] ?? 0);
}

function resize(store: Store, set: Workload, replicas: number): void {
  if (set.spec.replicas !== replicas) store.update(REPLICA_SETS, { ...set, spec: { ...set.spec, replicas } });
}

/** A short text that differs for every template, in the letters of generated names. */
function templateHash({ spec, metadata }: Workload): string {
  const digest = createHash('sha256')
    .update(canonicalJson([metadata.uid, spec.template]))
    .digest();
  let at = 0;
  return nameEnding(() => (digest[at++] ?? 0) / 256, 10);
}

function writeStatus(store: Store, deployment: Workload, hash: string, revision: string, nowMs: number): void {
  const sets = setsOf(store, deployment);
  const sum = (of: Workload[], field: 'replicas' | 'readyReplicas') =>
    of.reduce((all, set) => all + (set.status?.[field] ?? 0), 0);
  const updated = sum(
    sets.filter((set) => set.metadata.labels?.[HASH_LABEL] === hash),
    'replicas',
  );
  const ready = sum(sets, 'readyReplicas');
  const { replicas } = deployment.spec;
  const available = ready >= replicas;
  const status = {
    observedGeneration: deployment.metadata.generation ?? 1,
    replicas: sum(sets, 'replicas'),
    updatedReplicas: updated,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, replicas - ready),
    conditions: [
      condition(
        deployment,
        'Available',
        available,
        available ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
        nowMs,
      ),
      condition(deployment, 'Progressing', true, available ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated', nowMs),
    ],
  };
  const annotations = { ...deployment.metadata.annotations, [REVISION]: revision };
  store.update(DEPLOYMENTS, { ...deployment, metadata: { ...deployment.metadata, annotations }, status });
}

function condition(deployment: Workload, type: string, holds: boolean, reason: string, nowMs: number): Condition {
  const old = deployment.status?.conditions?.find((one) => one.type === type);
  const status = holds ? 'True' : 'False';
  const lastTransitionTime = old?.status === status ? old.lastTransitionTime : kubeTime(nowMs);
  return { type, status, reason, lastTransitionTime };
}
