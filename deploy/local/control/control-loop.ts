import type { Resource } from '../api/resources.ts';
import type { Store } from '../api/store.ts';

/**
 * Calls `reconcile` at the start and soon after any change of the given resources; many changes at once cause one call.
 * `reconcile` compares the actual with the wanted state, so an additional call does nothing. Returns a function that
 * stops the loop.
 */
export function controlLoop(store: Store, resources: readonly Resource[], reconcile: () => void): () => void {
  let isDue = false;
  let isStopped = false;
  const request = () => {
    if (isDue || isStopped) return;
    isDue = true;
    // Not a microtask: controllers that change objects for ever would leave no time for requests, also for the one that ends it.
    setImmediate(() => {
      isDue = false;
      if (!isStopped) reconcile();
    });
  };
  const unsubscribe = store.subscribe((change) => {
    if (resources.includes(change.resource)) request();
  });
  request();
  return () => {
    isStopped = true;
    unsubscribe();
  };
}
