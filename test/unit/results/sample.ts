import type { Pod, Target } from '../../../server/protocol/pod.ts';
import type { Sample } from '../../../server/protocol/sample.ts';

/** A sample that is fine unless said otherwise. */
export function sampleOf(more: Partial<Sample> = {}): Sample {
  return {
    ...{ atMs: 0, outcome: 'ok', phase: null, connectUs: 100, firstByteUs: 200, totalUs: 320 },
    ...{ starvedUs: 0, suspect: false, bootTimeMs: 1, statusCode: 200, detail: '' },
    ...more,
  };
}

/** A sample of a connection that was refused. */
export function refusedSample(more: Partial<Sample> = {}): Sample {
  const figures = { connectUs: -1, firstByteUs: -1, totalUs: 90, statusCode: 0, bootTimeMs: -1 };
  return sampleOf({ outcome: 'refused', phase: 'connect', ...figures, detail: 'connection refused', ...more });
}

/** The target of a pod in a family. */
export function targetOf(uid: string, family: 4 | 6 = 4): Target {
  const pod = { uid, name: `pod-${uid}`, namespace: 'default', node: 'n', hostIP: '', podIP: `10.0.0.${uid}` };
  return { ...pod, id: `${uid}/${family}`, family, address: pod.podIP, port: 8080 };
}

/** A pod that is ready unless said otherwise. */
export function podOf(uid: string, more: Partial<Pod> = {}): Pod {
  return {
    ...{ uid, name: `pod-${uid}`, namespace: 'default', node: 'n', zone: '', podIPs: [`10.0.0.${uid}`] },
    ...{ hostIPs: [], lifecycle: 'ready', sinceMs: 0, createdMs: 0, owner: '', labels: '', replacedBy: '' },
    ...more,
  };
}
