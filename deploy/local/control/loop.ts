import type { Resource } from '../api/resources.ts';
import type { Store } from '../api/store.ts';

/**
 * Calls `reconcile` soon after any change of the resources named (many changes at once: one call), and once at the
 * start. Gives a function that stops it. `reconcile` compares what is with what should be, so a call too many does
 * nothing.
 */
export function controlLoop(store: Store, resources: readonly Resource[], reconcile: () => void): () => void {
  let due = false;
  let stopped = false;
  const request = () => {
    if (due || stopped) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      if (!stopped) reconcile();
    });
  };
  const unsubscribe = store.subscribe((change) => {
    if (resources.includes(change.resource)) request();
  });
  request();
  return () => {
    stopped = true;
    unsubscribe();
  };
}
