import { type KubeObject, kubeTime } from '../api/objects.ts';
import { EVENTS } from '../api/resources.ts';
import type { Store } from '../api/store.ts';

/** The fields of a Kubernetes Event that the caller chooses; `kubectl describe` shows them. */
interface EventFields {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  component: string;
}

/** The most Events in the whole cluster; the oldest are removed. Repeated Events are not merged. */
const MAX_EVENTS = 300;

/** Records an Event about an object, and removes the oldest Events beyond MAX_EVENTS. */
export function recordEvent(store: Store, nowMs: number, object: KubeObject, fields: EventFields): void {
  const { name, namespace = 'default', uid, resourceVersion } = object.metadata;
  const { type, reason, message, component } = fields;
  const time = kubeTime(nowMs);
  store.create(EVENTS, {
    apiVersion: 'v1',
    kind: 'Event',
    // `store.create` raises the version, so the next version makes the name unique.
    metadata: { name: `${name}.${(store.version + 1).toString(16).padStart(8, '0')}`, namespace },
    involvedObject: { apiVersion: object.apiVersion, kind: object.kind, name, namespace, uid, resourceVersion },
    type,
    reason,
    message,
    count: 1,
    firstTimestamp: time,
    lastTimestamp: time,
    source: { component },
    reportingComponent: component,
    reportingInstance: '',
  });
  const all = store.list(EVENTS);
  if (all.length <= MAX_EVENTS) return;
  const byAge = all.sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
  for (const old of byAge.slice(0, all.length - MAX_EVENTS)) {
    store.remove(EVENTS, old.metadata.namespace ?? '', old.metadata.name);
  }
}
