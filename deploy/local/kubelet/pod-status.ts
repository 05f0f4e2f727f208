import { type Condition, type ContainerStatus, kubeTime, type PodObject, type PodStatus } from '../api/objects.ts';

/** What a kubelet knows of a pod that it runs. */
interface PodFacts {
  podIP: string;
  hostIP: string;
  containers: ContainerStatus[];
  /** Whether no container will run again. */
  finished: boolean;
}

/** `status` of a pod that has been placed on a node; conditions keep the time of their last change. */
export function podStatus(pod: PodObject, facts: PodFacts, nowMs: number): PodStatus {
  const { containers, podIP, hostIP } = facts;
  const ready = containers.length > 0 && containers.every((container) => container.ready);
  const conditions: [type: string, holds: boolean][] = [
    ['PodReadyToStartContainers', podIP !== ''],
    ['Initialized', true],
    ['Ready', ready],
    ['ContainersReady', ready],
    ['PodScheduled', true],
  ];
  return {
    ...pod.status,
    phase: phaseOf(facts),
    conditions: conditions.map(([type, holds]) => condition(pod.status.conditions, type, holds, nowMs)),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === '' ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime: pod.status.startTime ?? kubeTime(nowMs),
    containerStatuses: containers,
  };
}

/** A condition as it is now, given those of before. */
function condition(before: Condition[] | undefined, type: string, holds: boolean, nowMs: number): Condition {
  const status = holds ? 'True' : 'False';
  const old = before?.find((one) => one.type === type);
  if (old?.status === status) return old;
  const why = type.endsWith('Ready') && !holds ? { reason: 'ContainersNotReady' } : {};
  return { type, status, lastTransitionTime: kubeTime(nowMs), ...why };
}

function phaseOf({ containers, finished }: PodFacts): PodStatus['phase'] {
  if (finished && containers.length > 0) {
    return containers.every((one) => one.state.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
  }
  const begun = (one: ContainerStatus) =>
    one.state.running !== undefined || one.restartCount > 0 || one.lastState.terminated !== undefined;
  return containers.length > 0 && containers.every(begun) ? 'Running' : 'Pending';
}
