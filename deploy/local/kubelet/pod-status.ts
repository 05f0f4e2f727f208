import { type ContainerStatus, conditionOf, kubeTime, type PodObject, type PodStatus } from '../api/objects.ts';

/** What a kubelet knows about a pod that it runs. */
interface PodFacts {
  podIP: string;
  hostIP: string;
  containers: ContainerStatus[];
  /** Whether no container will run again. */
  finished: boolean;
}

/** Returns `status` of a pod that has a node. Conditions keep the time of their last change. */
export function podStatus(pod: PodObject, facts: PodFacts, nowMs: number): PodStatus {
  const { containers, podIP, hostIP } = facts;
  const ready = containers.length > 0 && containers.every((container) => container.ready);
  const condition = (type: string, holds: boolean, reason?: string) =>
    conditionOf(pod.status.conditions, type, holds, nowMs, reason);
  const notReady = ready ? undefined : 'ContainersNotReady';
  return {
    ...pod.status,
    phase: phaseOf(facts),
    conditions: [
      condition('PodReadyToStartContainers', podIP !== ''),
      condition('Initialized', true),
      condition('Ready', ready, notReady),
      condition('ContainersReady', ready, notReady),
      condition('PodScheduled', true),
    ],
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === '' ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime: pod.status.startTime ?? kubeTime(nowMs),
    containerStatuses: containers,
  };
}

function phaseOf({ containers, finished }: PodFacts): PodStatus['phase'] {
  if (containers.length === 0) return 'Pending';
  if (finished) return containers.every((one) => one.state.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
  const hasStarted = ({ state, lastState, restartCount }: ContainerStatus) =>
    state.running !== undefined || restartCount > 0 || lastState.terminated !== undefined;
  return containers.every(hasStarted) ? 'Running' : 'Pending';
}
