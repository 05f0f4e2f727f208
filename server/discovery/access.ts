import { readFileSync } from 'node:fs';
import { type Agent, get as getOverHttp, type IncomingMessage } from 'node:http';
import { get as getOverHttps, type RequestOptions } from 'node:https';
import { delimiter } from 'node:path';
// This deep path leaves the generated API classes out of the bundle: see deploy/slim-client.mjs.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { textOf } from '../runtime/errors.ts';
import { ApiError, asApiError } from './api-error.ts';

/** Where the API server is and how to log in, as read once from the kubeconfig or from the pod's service account. */
export interface Access {
  /** Namespace of the kubeconfig's context, else of the service account, else `default`. */
  namespace: string;
  /** Prepares credentials; this may read token files or run a credential plugin. Rejects with an `ApiError`. */
  session(): Promise<Session>;
}

/** Sends requests with the same credentials over connections that are kept open. */
export interface Session {
  /**
   * Sends a GET; `path` starts with `/api`. Resolves with the answer, whatever its status, as soon as its head has come.
   * Rejects with an `ApiError`.
   */
  open(path: string, query: Record<string, string>, accept: string, signal: AbortSignal): Promise<IncomingMessage>;
  /** Closes the connections. */
  close(): void;
}

/** Where Kubernetes mounts a pod's service account. */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Reads the kubeconfig, or, if `kubeconfig` is null, the service account of the pod. `kubeconfig` is one path or several,
 * as in the variable KUBECONFIG; where two files define the same thing, the first file counts. `root` is put before the
 * paths of the service account. Throws an `ApiError` of fault `config`.
 */
export function loadAccess(kubeconfig: string | null, root = ''): Access {
  try {
    const config = kubeconfig === null ? readServiceAccount(root) : readFiles(kubeconfig);
    allowPlainHttp(config);
    const contextName = config.getCurrentContext();
    const server = config.getCurrentCluster()?.server;
    if (!server) throw new Error(`the context ${contextName || '(none)'} of the kubeconfig names no cluster`);
    const base = new URL(server);
    const namespace = config.getContextObject(contextName)?.namespace?.trim() || accountNamespace(root) || 'default';
    return { namespace, session: () => openSession(config, base) };
  } catch (error) {
    throw new ApiError('config', error);
  }
}

function readServiceAccount(root: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromCluster(root);
  // Kubernetes sets the variables of the API server in every pod. Where they are missing, the client writes "undefined".
  if (config.getCurrentCluster()?.server.includes('//undefined:') !== false) {
    throw new Error('neither KUBECONFIG nor KUBERNETES_SERVICE_HOST is set: not in a cluster');
  }
  return config;
}

function readFiles(paths: string): KubeConfig {
  const [first = '', ...rest] = paths.split(delimiter).filter((path) => path !== '');
  const config = new KubeConfig();
  config.loadFromFile(first);
  for (const path of rest) {
    const next = new KubeConfig();
    next.loadFromFile(path);
    for (const cluster of next.clusters) if (!config.getCluster(cluster.name)) config.addCluster(cluster);
    for (const user of next.users) if (!config.getUser(user.name)) config.addUser(user);
    for (const context of next.contexts) if (!config.getContextObject(context.name)) config.addContext(context);
    if (!config.currentContext) config.setCurrentContext(next.currentContext);
  }
  return config;
}

/** Has the client accept servers with `http:`, as kubectl does. The client wants verification turned off for them. */
function allowPlainHttp(config: KubeConfig): void {
  config.clusters = config.clusters.map((cluster) =>
    cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster,
  );
}

function accountNamespace(root: string): string {
  try {
    return readFileSync(`${root}${ACCOUNT}/namespace`, 'utf8').trim().slice(0, 63);
  } catch {
    return '';
  }
}

async function openSession(config: KubeConfig, base: URL): Promise<Session> {
  const options: RequestOptions = { headers: {} };
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    throw new ApiError('config', `credentials: ${textOf(error) || 'the credential plugin failed'}`);
  }
  // The client makes a new agent for each call, and that agent closes its connections. The pages of a list share them.
  const agent = options.agent as Agent & { keepAlive: boolean };
  agent.keepAlive = true;
  const credentials: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // A token file may end in a line break, which no header may contain.
    credentials[name] = String(value).trim();
  }
  return {
    open(path, query, accept, signal) {
      const url = new URL(`${base.href.replace(/\/+$/, '')}${path}?${new URLSearchParams(query)}`);
      return send(url, { ...options, signal, headers: { ...credentials, accept, 'user-agent': 'goldpinger-ts' } });
    },
    close: () => agent.destroy(),
  };
}

function send(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    try {
      const request = url.protocol === 'https:' ? getOverHttps(url, options) : getOverHttp(url, options);
      request.once('response', resolve);
      // Not `once`: an aborted request may emit a second error, after its answer has come.
      request.on('error', (error) => reject(asApiError(error, 'unreachable')));
    } catch (error) {
      // For example a token with characters that no header may contain.
      reject(new ApiError('config', error));
    }
  });
}
