import { readFileSync } from 'node:fs';
import { type Agent, get, type IncomingMessage } from 'node:http';
import { get as getSecurely, type RequestOptions } from 'node:https';
import { delimiter } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { textOf } from '../runtime/errors.ts';
import { ApiError, asApiError } from './status.ts';

// The deep path leaves the generated API classes out of the bundle (deploy/slim-client.mjs).

/** Where Kubernetes mounts a pod's service account. */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Requests with the same credentials and kept connections; `close` ends those connections. */
export interface Session {
  /** Sends a GET; `path` starts with `/api`. Gives the answer's head, of any status; rejects with an `ApiError`. */
  open(path: string, query: Record<string, string>, accept: string, signal: AbortSignal): Promise<IncomingMessage>;
  close(): void;
}

/** The API server and how to be let in, as one reading of the kubeconfig or of the pod's service account has it. */
export interface Access {
  /** Namespace of the service account or of the kubeconfig's context; `default` where neither names one. */
  namespace: string;
  /** Prepares credentials (may read token files or run a credential plugin). Rejects with an `ApiError`. */
  session(): Promise<Session>;
}

/**
 * Reads the kubeconfig (a path, or several as in KUBECONFIG's convention, of which the first to name something wins), or
 * with null the pod's service account. `root` is put before the account's paths. Throws an `ApiError` of class `config`.
 */
export function loadAccess(kubeconfig: string | null, root = ''): Access {
  try {
    const config = kubeconfig === null ? ofServiceAccount(root) : ofFiles(kubeconfig);
    const server = config.getCurrentCluster()?.server;
    if (!server) throw new Error(`the kubeconfig's context ${config.getCurrentContext() || '(none)'} names no cluster`);
    const base = new URL(server);
    const context = config.getContextObject(config.getCurrentContext());
    const namespace = context?.namespace?.trim() || accountNamespace(root) || 'default';
    return { namespace, session: () => openSession(config, base) };
  } catch (error) {
    throw new ApiError('config', error);
  }
}

function ofServiceAccount(root: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromCluster(root);
  // The client fills in "undefined" for the variables that Kubernetes sets in every pod.
  if (config.getCurrentCluster()?.server.includes('//undefined:') !== false) {
    throw new Error('neither KUBECONFIG nor KUBERNETES_SERVICE_HOST is set: not in a cluster');
  }
  return allowPlainHttp(config);
}

function ofFiles(paths: string): KubeConfig {
  const [first = '', ...rest] = paths.split(delimiter).filter((path) => path !== '');
  const config = new KubeConfig();
  config.loadFromFile(first);
  for (const path of rest) {
    const more = new KubeConfig();
    more.loadFromFile(path);
    for (const cluster of more.clusters) if (!config.getCluster(cluster.name)) config.addCluster(cluster);
    for (const user of more.users) if (!config.getUser(user.name)) config.addUser(user);
    for (const context of more.contexts) if (!config.getContextObject(context.name)) config.addContext(context);
    if (!config.currentContext) config.setCurrentContext(more.currentContext);
  }
  return allowPlainHttp(config);
}

/** The client refuses `http:` unless verification is off, which says nothing there; kubectl accepts it as it is. */
function allowPlainHttp(config: KubeConfig): KubeConfig {
  config.clusters = config.clusters.map((cluster) =>
    cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster,
  );
  return config;
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
    const why = textOf(error);
    throw new ApiError('config', `credentials: ${why === '' ? 'the credential plugin failed' : why}`);
  }
  const { agent, ...given } = options;
  // The client makes an agent per call that closes each connection: the pages of one list may share theirs.
  const kept = agent as Agent & { keepAlive: boolean };
  kept.keepAlive = true;
  const headers = headersOf(given);
  return {
    open(path, query, accept, signal) {
      const url = new URL(`${base.href.replace(/\/+$/, '')}${path}?${new URLSearchParams(query)}`);
      const request = { ...given, agent: kept, signal, headers: { ...headers, accept, 'user-agent': 'goldpinger-ts' } };
      return send(url, request);
    },
    close: () => kept.destroy(),
  };
}

/** A token file may end in a line break, which no header may hold. */
function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value).trim();
  return headers;
}

function send(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(asApiError(error, 'unreachable'));
    try {
      const request = url.protocol === 'https:' ? getSecurely(url, options) : get(url, options);
      request.once('response', resolve);
      // Not `once`: an aborted request may fail a second time, after its answer came.
      request.on('error', fail);
    } catch (error) {
      // E.g. a token that holds characters no header may hold.
      reject(new ApiError('config', error));
    }
  });
}
