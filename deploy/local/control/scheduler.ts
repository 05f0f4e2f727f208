import { kubeTime, type PodObject } from '../api/objects.ts';
import { NODES, PODS } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { recordEvent } from './events.ts';

/** Places every pod without a node on the node with the fewest pods, so that they spread evenly. */
export function placePods(store: Store, nowMs: number): void {
  const pods = store.list(PODS) as PodObject[];
  const load = new Map(store.list(NODES).map((node) => [node.metadata.name, 0]));
  for (const { spec } of pods) {
    if (spec.nodeName !== undefined) load.set(spec.nodeName, (load.get(spec.nodeName) ?? 0) + 1);
  }
  for (const pod of pods) {
    if (pod.spec.nodeName !== undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    const [node] = [...load].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))[0] ?? [];
    if (node === undefined) return;
    load.set(node, (load.get(node) ?? 0) + 1);
    const scheduled = { type: 'PodScheduled', status: 'True' as const, lastTransitionTime: kubeTime(nowMs) };
    const status = { ...pod.status, conditions: [scheduled] };
    const placed = store.update(PODS, { ...pod, spec: { ...pod.spec, nodeName: node }, status });
    const message = `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${node}`;
    recordEvent(store, nowMs, placed, { type: 'Normal', reason: 'Scheduled', message, component: 'default-scheduler' });
  }
}
