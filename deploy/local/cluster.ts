import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { realClock } from '../../server/runtime/clock.ts';
import { AddressPool, claimRange } from './addresses.ts';
import { isReady, type KubeObject, type PodObject, validated, type Workload } from './api/objects.ts';
import type { User } from './api/rbac.ts';
import { DEPLOYMENTS, PODS, SECRETS } from './api/resources.ts';
import { startApiServer } from './api/server.ts';
import { notFound } from './api/status.ts';
import { Store } from './api/store.ts';
import { podStatusText } from './api/table.ts';
import { deleteObject } from './api/write.ts';
import { makeServerIdentity } from './certificate.ts';
import { type Cleanups, runAll } from './cleanups.ts';
import { startControllers } from './control/controllers.ts';
import { ServicePort, startServiceAddresses } from './control/services.ts';
import { localImages } from './kubelet/images.ts';
import { Kubelet } from './kubelet/kubelet.ts';
import { httpCheck } from './kubelet/readiness.ts';
import { APP, NAMESPACE, type SeedOptions, seedObjects } from './seed.ts';
import { type ApiAccess, writeKubeconfig } from './state-folder.ts';
import { startWatchdog } from './watchdog.ts';

/** By default the pods listen on port 8080, and their account may do everything that the server can use. */
export interface ClusterOptions
  extends Pick<SeedOptions, 'pods' | 'intervalS'>,
    Partial<Pick<SeedOptions, 'podPort' | 'serverEnv' | 'rights' | 'writeToken'>> {
  /** Port of the service address on 127.0.0.1; 0 (the default) = any free one. */
  port?: number;
  /** Preferred range of the pods' addresses, e.g. `127.0.0`; any free one by default. */
  addressBase?: string;
  /** Folder for kubeconfigs and logs; by default a temporary one, which `stop` removes. */
  dir?: string;
  /** The built server, with the fault proxy beside it; `dist/goldpinger-ts.cjs` of the working directory by default. */
  serverPath?: string;
  /** How long the containers of a new pod wait before they start, ms; 0 by default. */
  startDelayMs?: number;
  /** How long a crashed pod waits for its restart, ms; from 1 s to 30 s by default. */
  backoff?: { firstMs: number; longestMs: number };
}

/** All that the server can make use of. */
const ALL_RIGHTS = { pods: ['get', 'list', 'watch'], nodes: ['get', 'list'] };
/** How long the pods have to end by themselves when the whole cluster stops. */
const STOP_GRACE_MS = 1000;
/** Number of changes that the API keeps for watches. It answers 410 to a watch from before them. */
const KEEP_CHANGES = 1000;
/** How often the API sends a bookmark to each watch that asks for them. */
const BOOKMARK_MS = 15_000;

/**
 * Starts a cluster on loopback: an API server, controllers, one process per pod. Resolves when the API and the service
 * address answer, while the pods are still starting (see `LocalCluster.ready`). Rejects with an Error that says why the
 * cluster cannot start, e.g. a port in use or missing addresses; nothing is left running then.
 */
export async function startCluster(options: ClusterOptions) {
  const cleanups: Cleanups = [];
  try {
    return await buildCluster(options, cleanups);
  } catch (error) {
    await runAll(cleanups).catch(() => {}); // The reason of the failed start is what the user needs.
    throw error;
  }
}

/** Starts the parts of a cluster. Adds to `cleanups` what stops them. */
async function buildCluster(options: ClusterOptions, cleanups: Cleanups) {
  const { pods, podPort = 8080, serverEnv = {}, rights = ALL_RIGHTS } = options;
  const clock = realClock;
  const range = await claimRange(options.addressBase, podPort, Math.random);
  cleanups.push(() => range.release());
  const addresses = new AddressPool(range.base, podPort);
  await addresses.demand(pods + 1); // One to spare, because a replacement starts before its predecessor has ended.
  const dir = options.dir === undefined ? mkdtempSync(join(tmpdir(), 'goldpinger-local-')) : resolve(options.dir);
  if (options.dir === undefined) cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  const logFolder = join(dir, 'pods');
  mkdirSync(logFolder, { recursive: true, mode: 0o700 });

  const store = new Store({ nowMs: clock.nowMs, random: Math.random, newUid: randomUUID, keepChanges: KEEP_CHANGES });
  const users = new Map<string, User>();
  const newToken = (user: User) => {
    const token = randomBytes(24).toString('base64url');
    users.set(token, user);
    return token;
  };
  const identity = await makeServerIdentity(clock.nowMs());
  const watchdog = startWatchdog();
  cleanups.push(() => watchdog.stop());
  const api = await startApiServer(
    {
      store,
      userOf: (token) => users.get(token),
      // No pod has a log before the kubelet runs.
      logOf: (uid, container) => kubelet.logOf(uid, container),
      clock,
      bookmarkMs: BOOKMARK_MS,
    },
    identity,
  );
  cleanups.push(() => api.stop());
  const access: ApiAccess = { url: api.url, token: newToken('admin'), caPem: identity.certPem };
  const kubeconfigPath = join(dir, 'kubeconfig');
  writeKubeconfig(kubeconfigPath, access, 'admin', NAMESPACE);
  cleanups.push(() => rmSync(kubeconfigPath, { force: true }));
  const images = localImages({
    serverPath: resolve(options.serverPath ?? 'dist/goldpinger-ts.cjs'),
    kubeconfigOf: (namespace, account) => {
      const path = join(dir, 'accounts', `${namespace}_${account}`);
      // One token for all its pods.
      if (!existsSync(path)) {
        writeKubeconfig(path, { ...access, token: newToken({ namespace, account }) }, account, namespace);
      }
      return path;
    },
    // A pod gets only variables that are settings of the server, and these. `seedObjects` puts them into the Deployment.
    extraVariables: serverEnv,
    secretOf: (namespace, name, key) => {
      const encoded = (store.get(SECRETS, namespace, name)?.['data'] as Record<string, string> | undefined)?.[key];
      return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
    },
  });
  const kubelet = new Kubelet({
    store,
    addresses,
    images,
    logFolder,
    startDelayMs: options.startDelayMs ?? 0,
    clock,
    watchdog,
    check: httpCheck,
    backoff: options.backoff ?? { firstMs: 1000, longestMs: 30_000 },
  });

  const service = new ServicePort({ store, namespace: NAMESPACE, name: APP, portIndex: 0 });
  cleanups.push(() => service.close());
  const servicePort = await listenForBrowsers(service, options.port ?? 0);
  const isServed = ({ metadata }: KubeObject) => metadata.name === APP && metadata.namespace === NAMESPACE;
  cleanups.push(startServiceAddresses({ store, addresses, isServed }));
  cleanups.push(() => kubelet.stop(STOP_GRACE_MS));
  cleanups.push(startControllers(store));
  const seed = { ...options, podPort, serverEnv, rights, servicePort, apiUrl: api.url, base: range.base };
  for (const { resource, object } of seedObjects(seed)) {
    // `validated` changes no metadata, but its type does not say that there is a name.
    store.create(resource, { ...validated(resource, object), metadata: object.metadata });
  }

  const presentPod = (pod: KubeObject) => localPod(pod as PodObject, kubelet.pidOf(pod.metadata.uid));
  const deployment = () => store.get(DEPLOYMENTS, NAMESPACE, APP) as Workload | undefined;
  let stopped: Promise<void> | undefined;
  return {
    /** The administrator's kubeconfig, and the same for requests without one. */
    kubeconfigPath,
    access,
    /** E.g. `http://127.0.0.1:8080/`. */
    serviceUrl: `http://127.0.0.1:${servicePort}/`,
    /** Has one file for each container, NAMESPACE_POD_CONTAINER.log. */
    logFolder,

    /** Lists all pods of the namespace by name. */
    pods: () => store.list(PODS, NAMESPACE).map(presentPod),

    /** Deletes a pod without waiting, like `kubectl delete pod`. Grace 0 kills it at once. Throws ApiError 404. */
    deletePod(name: string, { graceSeconds }: { graceSeconds?: number } = {}): void {
      const pod = store.get(PODS, NAMESPACE, name);
      if (!pod) throw notFound(PODS, name);
      deleteObject(store, PODS, pod, { graceSeconds });
    },

    /** Sets the replicas of the Deployment. Throws ApiError 404 if it has been deleted. */
    scale(replicas: number): void {
      const present = deployment();
      if (!present) throw notFound(DEPLOYMENTS, APP);
      store.update(DEPLOYMENTS, { ...present, spec: { ...present.spec, replicas } });
    },

    /** Calls `listener` when a pod is created, changes its status or readiness, or is gone. Returns a function that stops it. */
    onEvent(listener: (pod: LocalPod) => void): () => void {
      return store.subscribe(({ resource, type, object, previous }) => {
        if (resource !== PODS) return;
        const pod = presentPod(object);
        const before = previous && presentPod(previous);
        if (type === 'DELETED') listener({ ...pod, status: 'Gone', ready: false });
        else if (pod.status !== before?.status || pod.ready !== before.ready) listener(pod);
      });
    },

    /**
     * Resolves when as many pods are ready as the Deployment wants; none if it has been deleted. Rejects after READY_TIMEOUT_MS with an Error that contains
     * the state of each pod, and if the cluster is stopped.
     */
    async ready(): Promise<void> {
      const deadlineMs = performance.now() + READY_TIMEOUT_MS;
      for (;;) {
        if (stopped) throw new Error('the cluster has been stopped');
        const all = this.pods();
        const wanted = deployment()?.spec.replicas ?? 0;
        if (all.filter((pod) => pod.ready && !pod.terminating).length >= wanted) return;
        if (performance.now() > deadlineMs) {
          const states = all.map((pod) => `${pod.name} ${pod.status}${pod.ready ? ' ready' : ''}`);
          throw new Error(`not all pods are ready after ${READY_TIMEOUT_MS} ms: ${states.join(', ')}`);
        }
        await pause(READY_CHECK_MS);
      }
    },

    /** Stops the cluster and all its processes. It may be called more than once. */
    stop(): Promise<void> {
      stopped ??= runAll(cleanups);
      return stopped;
    },
  };
}

/** Listens on 127.0.0.1 and resolves with the port. Rejects with an Error and advice if the port cannot be used. */
async function listenForBrowsers(service: ServicePort, port: number): Promise<number> {
  try {
    return await service.listen('127.0.0.1', port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new Error(`port ${port} of 127.0.0.1 is in use by another program: stop it, or use --port ${port + 1}`);
    }
    if (code === 'EACCES') {
      throw new Error(`this user may not use port ${port}: use one above 1023, e.g. --port 8080`);
    }
    throw error;
  }
}

/** A running local cluster, for code in the same process. Other processes use its Kubernetes API. */
export type LocalCluster = Awaited<ReturnType<typeof startCluster>>;

/** See `LocalCluster.ready`. */
const READY_TIMEOUT_MS = 60_000;
const READY_CHECK_MS = 20;

/** The present state of a pod. `pid`: see `Kubelet.pidOf`. */
function localPod(pod: PodObject, pid: number) {
  const { name, namespace = '', uid, deletionTimestamp } = pod.metadata;
  return {
    name,
    namespace,
    uid,
    /** '' until the pod has an address. */
    ip: pod.status.podIP ?? '',
    /** '' until the pod has a node. */
    node: pod.spec.nodeName ?? '',
    pid,
    /** The column STATUS of kubectl: Running, Terminating, CrashLoopBackOff, ...; `Gone` after the pod's end. */
    status: podStatusText(pod),
    ready: isReady(pod),
    terminating: deletionTimestamp !== undefined,
    restarts: pod.status.containerStatuses?.reduce((sum, one) => sum + one.restartCount, 0) ?? 0,
  };
}

export type LocalPod = ReturnType<typeof localPod>;
