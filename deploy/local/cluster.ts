import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Clock } from '../../server/runtime/clock.ts';
import { AddressPool, claimRange } from './addresses.ts';
import type { KubeObject } from './api/objects.ts';
import { MASTERS, Tokens } from './api/rbac.ts';
import { DEPLOYMENTS, NODES, PODS, REPLICA_SETS, SERVICES } from './api/resources.ts';
import { startApiServer } from './api/server.ts';
import { Store } from './api/store.ts';
import { validated } from './api/validate.ts';
import { makeServerIdentity } from './certificate.ts';
import { collectGarbage, controlLoop, placePods } from './control/controller.ts';
import { reconcileDeployments } from './control/deployments.ts';
import { reconcileEndpoints } from './control/endpoints.ts';
import { reconcileReplicaSets } from './control/replica-sets.ts';
import { ServiceAddress, ServiceAddresses } from './control/service-address.ts';
import { type ApiAccess, writeKubeconfig } from './kubeconfig.ts';
import { localImages } from './kubelet/images.ts';
import { Kubelet } from './kubelet/kubelet.ts';
import { httpCheck } from './kubelet/readiness.ts';
import { LocalCluster } from './local-cluster.ts';
import { APP, NAMESPACE, type SeedOptions, seeds, WRITE_SECRET } from './seed.ts';
import { wallClock } from './wall-clock.ts';
import { startWatchdog } from './watchdog.ts';

/** How a local cluster is to be. */
export interface ClusterOptions {
  /** Replicas of the Deployment `goldpinger`. */
  pods: number;
  /** REFRESH_INTERVAL of the pods, seconds. */
  intervalS: number;
  /** Port of the service address on 127.0.0.1; 0 (the default) = any free one, 'none' = no service address. */
  port?: number | 'none';
  /** Port that every pod listens on; 8080 by default. */
  podPort?: number;
  /** Range of the pods' addresses to use if it is free, e.g. `127.0.0`; by default any free one. */
  addressBase?: string;
  /** More variables for the pods, and other values for those that the cluster sets. */
  serverEnv?: Record<string, string>;
  /** What the pods take as WRITE_TOKEN; '' or absent = nobody may write. */
  writeToken?: string;
  /** Folder for kubeconfigs and logs; by default a temporary one, which `stop` removes. */
  dir?: string;
  /** The built server; `dist/goldpinger-ts.cjs` of the working directory by default. */
  serverPath?: string;
  /** Where the other built programs are (the fault proxy); beside the server by default. */
  toolFolder?: string;
  /** What the pods' service account may do; everything that the server can use by default. */
  rights?: SeedOptions['rights'];
  /** Changes that the API keeps for watches before it answers 410; 1000 by default. */
  keepChanges?: number;
  /** How often watches get bookmarks, ms; 15 s by default. */
  bookmarkMs?: number;
  /** Waits before a pod that died by itself is restarted, ms; from 1 s to 30 s by default. */
  backoff?: { firstMs: number; longestMs: number };
}

const ALL_RIGHTS = { pods: ['get', 'list', 'watch'], nodes: ['get', 'list', 'watch'] };
/** How long the pods have to end when the whole cluster does: nobody is left who would miss them. */
const STOP_GRACE_MS = 1000;

/**
 * Starts a cluster on loopback: an API server, controllers, one process per pod. Resolves when the API and the service
 * address answer; the pods are starting then (see `LocalCluster.ready`). Rejects, with nothing left behind, with an
 * Error that says what is in the way: ports taken, addresses missing.
 */
export async function startCluster(options: ClusterOptions): Promise<LocalCluster> {
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    const faults: unknown[] = [];
    for (let step = undo.pop(); step; step = undo.pop()) {
      // One step that fails must not keep the others, processes among them, from ending.
      await Promise.resolve(step()).catch((fault: unknown) => faults.push(fault));
    }
    if (faults.length > 0) throw faults[0];
  };
  try {
    return await build(options, undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function build(
  options: ClusterOptions,
  undo: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<LocalCluster> {
  const { pods, intervalS, podPort = 8080, serverEnv = {}, rights = ALL_RIGHTS } = options;
  const clock = wallClock;
  const random = Math.random;
  const range = await claimRange(options.addressBase, podPort, random);
  undo.push(() => range.release());
  const addresses = new AddressPool(range.base, podPort);
  await addresses.demand(pods + 1); // One to spare: a replacement comes before its predecessor's address is free.
  const dir = folderOf(options, undo);
  const logFolder = join(dir, 'pods');
  mkdirSync(logFolder, { recursive: true, mode: 0o700 });
  const store = new Store({ nowMs: clock.nowMs, newUid: randomUUID, keepChanges: options.keepChanges ?? 1000 });
  const tokens = new Tokens(() => randomBytes(24).toString('base64url'));
  const identity = await makeServerIdentity(clock.nowMs());
  const watchdog = startWatchdog();
  undo.push(() => watchdog.stop());
  const access: ApiAccess = {
    url: '',
    token: tokens.issue({ name: 'admin', groups: [MASTERS, 'system:authenticated'] }),
    caPem: identity.caPem,
  };
  const serverPath = resolve(options.serverPath ?? 'dist/goldpinger-ts.cjs');
  const images = localImages({
    serverPath,
    ...(options.toolFolder === undefined ? {} : { toolFolder: resolve(options.toolFolder) }),
    kubeconfigOf: accountFiles(dir, access, tokens),
    secrets: (path) => (path === `${NAMESPACE}/${WRITE_SECRET}/token` ? options.writeToken : undefined),
  });
  const backoff = options.backoff ?? { firstMs: 1000, longestMs: 30_000 };
  const kubelet = new Kubelet({ store, addresses, images, logFolder, clock, watchdog, check: httpCheck, backoff });
  const bookmarkMs = options.bookmarkMs ?? 15_000;
  const api = await startApiServer({ store, tokens, logs: kubelet, clock, random, identity, bookmarkMs });
  undo.push(() => api.stop());
  access.url = api.url;
  const kubeconfigPath = join(dir, 'kubeconfig');
  writeKubeconfig(kubeconfigPath, access, 'admin', NAMESPACE);
  undo.push(async () => rmSync(kubeconfigPath, { force: true }));

  const service = new ServiceAddress({ store, namespace: NAMESPACE, name: APP, random });
  undo.push(() => service.close());
  const servicePort = options.port === 'none' ? 0 : await service.listen('127.0.0.1', options.port ?? 0);

  const isServed = ({ metadata }: KubeObject) =>
    servicePort > 0 && metadata.name === APP && metadata.namespace === NAMESPACE;
  const serviceAddresses = new ServiceAddresses({ store, addresses, clock, random, isServed });
  undo.push(() => serviceAddresses.stop());
  kubelet.start();
  undo.push(() => kubelet.stop(STOP_GRACE_MS));
  const stopControlPlane = startControlPlane(store, clock, random);
  undo.push(async () => stopControlPlane());
  const seedOptions = { pods, intervalS, podPort, servicePort, base: range.base, serverEnv, rights };
  for (const { resource, object } of seeds(seedOptions)) {
    store.create(resource, { ...validated(resource, object), metadata: object.metadata });
  }
  const serviceUrl = servicePort === 0 ? '' : `http://127.0.0.1:${servicePort}/`;
  return new LocalCluster({ store, clock, kubelet, stop, access, kubeconfigPath, serviceUrl, logFolder });
}

function folderOf({ dir }: ClusterOptions, undo: (() => Promise<unknown>)[]): string {
  if (dir !== undefined) return resolve(dir);
  const temporary = mkdtempSync(join(tmpdir(), 'goldpinger-local-'));
  undo.push(async () => rmSync(temporary, { recursive: true, force: true }));
  return temporary;
}

/** Writes the kubeconfig of a service account whenever a pod of it starts; `access` has the API's URL by then. */
function accountFiles(dir: string, access: ApiAccess, tokens: Tokens): (namespace: string, account: string) => string {
  return (namespace, account) => {
    const path = join(dir, 'accounts', `${namespace}_${account}`);
    writeKubeconfig(path, { ...access, token: tokens.forServiceAccount(namespace, account) }, account, namespace);
    return path;
  };
}

/** Starts the controllers and the scheduler on a store; gives a function that stops them. */
function startControlPlane(store: Store, clock: Clock, random: () => number): () => void {
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
