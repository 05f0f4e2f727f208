import { readFile } from 'node:fs';
import { type Agent, type ClientRequest, get as getOverHttp, type IncomingMessage } from 'node:http';
import { get as getOverHttps, type RequestOptions } from 'node:https';
import { isDeepStrictEqual, promisify } from 'node:util';
import type { DiscoveryFault } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import { errorCodeOf, isOwnFault, networkMessageOf } from '../runtime/network-errors.ts';
import { ApiError, asApiError } from './api-error.ts';
import { type Credential, runPlugin } from './credential-plugin.ts';
import { accountNamespace, type Login, readKubeconfig, readServiceAccount } from './kubeconfig.ts';
import type { Proxies } from './proxy.ts';

/** Where credentials and the address of the API server are read. */
export interface LoginSource {
  /** Path of a kubeconfig, or several as in KUBECONFIG; null = use the service account of the pod. */
  kubeconfig: string | null;
  proxies?: Proxies;
  /** Put before the paths of the service account, for tests. */
  accountRoot?: string;
}

/**
 * Reads the kubeconfig or the service account and makes a client for its API server. `credential`: what the plugin gave to an
 * earlier client; it is used until it expires, if this login names the same plugin. Throws an `ApiError`; see `faultOf`.
 */
export function loadApiClient(source: LoginSource, clock: Clock, credential: Credential | null = null): ApiClient {
  const { kubeconfig, proxies = { https: '', http: '', none: '' }, accountRoot: root = '' } = source;
  try {
    const login = kubeconfig === null ? readServiceAccount(root, proxies) : readKubeconfig(kubeconfig, proxies);
    const namespace = login.namespace || accountNamespace(root) || 'default';
    return new ApiClient(login, clock, namespace, credential);
  } catch (error) {
    throw new ApiError(faultOf(error), networkMessageOf(error));
  }
}

/**
 * The fault of an error before a request is sent: `config`, but `unreachable` if our process lacks something, such as open
 * files.
 */
function faultOf(error: unknown): DiscoveryFault {
  return isOwnFault(errorCodeOf(error)) ? 'unreachable' : 'config';
}

/** Makes the error of credentials that cannot be read or made. */
function credentialsError(error: unknown): ApiError {
  return new ApiError(faultOf(error), `credentials: ${networkMessageOf(error)}`);
}

/** TLS options and headers are used for this long, ms. Then they are made again, because certificates may have been renewed. */
const OPTIONS_LAST_MS = 60_000;

/** Sends requests to the API server, with credentials. Connections are kept open between requests. */
export class ApiClient {
  /** Namespace of the kubeconfig's context, else of the service account, else `default`. */
  readonly namespace: string;
  readonly #login: Login;
  readonly #clock: Clock;
  readonly #base: string;
  readonly #closing = new AbortController();
  /** What each request needs, and when it was made, monotonic ms. null: it must be made anew. */
  #options: { forRequests: RequestOptions; madeMs: number } | null = null;
  #credential: Credential | null;
  /** The run of the credential plugin that has not ended. */
  #pluginRun: Promise<Credential> | null = null;
  #agent: Agent | null = null;
  /** The certificates with which `#agent` opens connections. */
  #certificates = '';
  /** The token of the token file when it was last read; '' = never. */
  #token = '';

  constructor(login: Login, clock: Clock, namespace: string, credential: Credential | null) {
    this.namespace = namespace;
    this.#login = login;
    this.#clock = clock;
    this.#credential = isDeepStrictEqual(credential?.plugin, login.plugin) ? credential : null;
    this.#base = new URL(login.server).href.replace(/\/+$/, '');
  }

  /** What the credential plugin gave last, for the next `ApiClient`; null = nothing. */
  get credential(): Credential | null {
    return this.#credential;
  }

  /**
   * Runs the credential plugin, if there is one and its credential is missing or has expired. This may take a minute: so callers
   * do it before each request, outside of the timeout of that request. Calls at the same time wait for the same run. Rejects
   * with an `ApiError`.
   */
  async logIn(): Promise<void> {
    const { plugin } = this.#login;
    // Without an expiry it is used until the API server refuses it. Then `Session` makes a new client without it.
    if (plugin === null || this.#clock.nowMs() < (this.#credential?.expiresMs ?? 0)) return;
    this.#pluginRun ??= runPlugin(plugin, this.#clock, this.#closing.signal).finally(() => {
      this.#pluginRun = null;
    });
    try {
      this.#credential = await this.#pluginRun;
      this.#options = null;
    } catch (error) {
      throw credentialsError(error);
    }
  }

  /**
   * Sends a GET with the credentials of the last `logIn`; `path` starts with `/api`. Resolves with the answer, whatever its
   * status, as soon as its head has come. Before that it may read the token file. Rejects with an `ApiError`.
   */
  async get(
    path: string,
    query: Record<string, string>,
    accept: string,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { options, headers } = await this.#credentials();
    signal.throwIfAborted();
    const url = new URL(`${this.#base}${path}?${new URLSearchParams(query)}`);
    return send(url, { ...options, signal, headers: { ...headers, accept, 'user-agent': 'goldpinger-ts' } });
  }

  /** Closes all connections and kills a credential plugin that still runs. */
  close(): void {
    this.#closing.abort(new Error('the client was closed'));
    this.#agent?.destroy();
  }

  /** TLS options and headers of one request. */
  async #credentials() {
    try {
      const { configWith, tokenFile, impersonation } = this.#login;
      const nowMs = this.#clock.monotonicMs();
      if (this.#options === null || nowMs - this.#options.madeMs > OPTIONS_LAST_MS) {
        const made: RequestOptions = { headers: {} };
        await configWith(this.#credential).applyToHTTPSOptions(made);
        this.#options = { forRequests: { ...made, agent: this.#agentOf(made) }, madeMs: nowMs };
      }
      const options = this.#options.forRequests;
      const headers: Record<string, string | string[]> = { ...impersonation };
      // A token may end in a line break, which no header may contain.
      for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value).trim();
      if (tokenFile !== '') headers['Authorization'] = `Bearer ${await this.#readToken(tokenFile)}`;
      return { options, headers };
    } catch (error) {
      throw credentialsError(error);
    }
  }

  /** The token in the file. If the file cannot be read or is empty, the last token that was read, as in client-go. */
  async #readToken(path: string): Promise<string> {
    try {
      const token = (await promisify(readFile)(path, 'utf8')).trim();
      if (token === '') throw new Error(`the token file ${path} is empty`);
      this.#token = token;
    } catch (error) {
      if (this.#token === '') throw error;
    }
    return this.#token;
  }

  /**
   * `@kubernetes/client-node` makes a new agent each time. The first one is used until the certificates change, so that its
   * connections stay open.
   */
  #agentOf({ agent, ca, cert, key }: RequestOptions): Agent {
    const certificates = JSON.stringify([ca, cert, key].map(String));
    if (this.#agent === null || certificates !== this.#certificates) {
      // The last agent is not destroyed: a watch may still use its connections.
      this.#agent = Object.assign(agent as Agent, { keepAlive: true });
      this.#certificates = certificates;
    }
    return this.#agent;
  }
}

/** Sends a GET, and once more if a kept connection failed. Rejects with an `ApiError`. */
async function send(url: URL, options: RequestOptions): Promise<IncomingMessage> {
  const get = url.protocol === 'https:' ? getOverHttps : getOverHttp;
  let request: ClientRequest | null = null;
  try {
    request = get(url, options);
    return await answerOf(request);
  } catch (error) {
    // The request could not be made, for example because the token has characters that no header may contain.
    if (request === null) throw new ApiError('config', error);
    // The server may close a kept connection just when we use it again: the request is sent once more.
    if (request.reusedSocket && !options.signal?.aborted) return answerOf(get(url, options)).catch(failed);
    return failed(error);
  }
}

/** Resolves with the answer when its head has come. */
function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Not `once`: an aborted request may emit a second error, after its answer has come.
    request.on('error', reject);
  });
}

function failed(error: unknown): never {
  throw asApiError(error, 'unreachable');
}
