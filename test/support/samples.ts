import type { Pod, Target } from '../../server/protocol/pod.ts';
import type { Sample, UdpResult } from '../../server/protocol/sample.ts';
import { podOf as podOfMesh } from './mesh.ts';

/** A sample of a ping that took 320 us and was answered. */
export function sampleOf(change: Partial<Sample> = {}): Sample {
  return {
    atMs: 0,
    outcome: 'ok',
    phase: null,
    connectUs: 100,
    firstByteUs: 200,
    totalUs: 320,
    starvedUs: 0,
    suspect: false,
    bootTimeMs: 1,
    statusCode: 200,
    detail: '',
    ...change,
  };
}

/** A sample of a connection that was refused. */
export function refusedSample(change: Partial<Sample> = {}): Sample {
  return sampleOf({
    outcome: 'refused',
    phase: 'connect',
    connectUs: -1,
    firstByteUs: -1,
    totalUs: 90,
    statusCode: 0,
    bootTimeMs: -1,
    detail: 'connection refused',
    ...change,
  });
}

/** A cycle of the UDP probe that lost none of its ten datagrams. */
export function cycleOf(change: Partial<UdpResult> = {}): UdpResult {
  return { atMs: 0, sent: 10, lost: 0, rttUs: 500, duplicates: 0, outOfOrder: 0, hops: 2, suspect: false, ...change };
}

/** The target of the pod `uid` in a family. */
export function targetOf(uid: string, family: 4 | 6 = 4): Target {
  return {
    id: `${uid}/${family}`,
    uid,
    name: `pod-${uid}`,
    namespace: 'default',
    node: 'n',
    hostIP: '',
    podIP: `10.0.0.${uid}`,
    family,
    address: `10.0.0.${uid}`,
    port: 8080,
  };
}

/** The ready pod `uid`, the one of `targetOf`, since the epoch. */
export function podOf(uid: string, change: Partial<Pod> = {}): Pod {
  const { name, node, podIP } = targetOf(uid);
  return podOfMesh(0, { uid, name, node, podIPs: [podIP], hostIPs: [], sinceMs: 0, createdMs: 0, ...change });
}
