import type { Clock } from '../../server/contract/seams.ts';
import { DEPLOYMENTS, NODES, PODS, REPLICA_SETS, SERVICES } from './api/resources.ts';
import type { Store } from './api/store.ts';
import { reconcileDeployments } from './control/deployments.ts';
import { reconcileEndpoints } from './control/endpoints.ts';
import { collectGarbage } from './control/garbage.ts';
import { controlLoop } from './control/loop.ts';
import { reconcileReplicaSets } from './control/replica-sets.ts';
import { placePods } from './control/scheduler.ts';

/** Starts the controllers and the scheduler on a store; gives a function that stops them. */
export function startControlPlane(store: Store, clock: Clock, random: () => number): () => void {
  const stops = [
    controlLoop(store, [DEPLOYMENTS, REPLICA_SETS], () => reconcileDeployments(store, clock.nowMs())),
    controlLoop(store, [REPLICA_SETS, PODS], () => reconcileReplicaSets(store, clock.nowMs(), random)),
    controlLoop(store, [PODS, NODES], () => placePods(store, clock.nowMs())),
    controlLoop(store, [SERVICES, PODS], () => reconcileEndpoints(store)),
    controlLoop(store, [DEPLOYMENTS, REPLICA_SETS], () => collectGarbage(store, clock.nowMs())),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
