// What bundle.test.ts bundles and runs: discovers once and prints the names of the pods, or the first fault.
import { realClock } from '../../../server/clock.ts';
import { startDiscovery } from '../../../server/discovery/discovery.ts';

const silent = () => {};
const discovery = startDiscovery(
  {
    kubeconfig: process.argv[2] || null,
    namespace: null,
    labelSelector: 'app=goldpinger',
    refreshIntervalMs: 1_000,
    goneRetentionMs: 0,
  },
  {
    clock: realClock,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    random: Math.random,
    tuning: { accountRoot: process.argv[3] ?? '' },
  },
  {
    onChange({ pods, status }) {
      if (status.phase !== 'synced' && status.lastError === null) return;
      console.log(JSON.stringify({ pods: pods.map(({ name }) => name), error: status.lastError }));
      void discovery.stop();
    },
    onRequest: silent,
    onFault: silent,
  },
);
