import { readFile } from 'node:fs/promises';
import { type Agent, type ClientRequest, get as getOverHttp, type IncomingMessage } from 'node:http';
import { get as getOverHttps, type RequestOptions } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import type { DiscoveryFault } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import { errorCodeOf, isOwnFault, networkMessageOf } from '../runtime/network-errors.ts';
import { ApiError, asApiError } from './api-error.ts';
import { type Credential, runPlugin } from './credential-plugin.ts';
import type { Login, LoginSource } from './kubeconfig.ts';

/**
 * The faults that another credential may mend. `malformed`: a proxy may have sent us to its login page. `config`: the
 * credential may have characters that no header may contain.
 */
const MENDED_BY_LOGIN: readonly DiscoveryFault[] = ['unauthorized', 'forbidden', 'tls', 'malformed', 'config'];

/** Logs in to the API server and sends requests to it. Connections are kept open between requests. */
export class ApiClient {
  readonly #source: LoginSource;
  readonly #clock: Clock;
  /** null: kubeconfig or service account are to be read. */
  #login: Login | null = null;
  /** Aborts when the login is dropped. */
  #dropped = new AbortController();
  /** What the credential plugin gave last. */
  #credential: Credential | null = null;
  /** The run of the credential plugin that has not ended. */
  #pluginRun: Promise<Credential> | null = null;
  /** TLS options, headers and agent of all requests with the present login and credential. */
  #options: Promise<RequestOptions> | null = null;
  /** The token of the token file when it was last read; '' = never. */
  #token = '';
  #isClosed = false;

  constructor(source: LoginSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** Namespace of the kubeconfig's context, else of the service account, else `default`; '' before the first login. */
  get namespace(): string {
    return this.#login?.namespace ?? '';
  }

  /** Whether kubeconfig or service account were read, and nothing has failed since. */
  get hasLogin(): boolean {
    return this.#login !== null;
  }

  /**
   * Reads the kubeconfig or the service account if that is needed, and runs the credential plugin if there is one and its
   * credential is missing or has expired. This may take a minute: so callers do it before each request, outside of the timeout of
   * that request. Calls at the same time wait for the same run. Rejects with an `ApiError`, also after `close`.
   */
  async logIn(): Promise<void> {
    // The Kubernetes client takes longer to load than all the rest together. The HTTP port must not wait for it.
    const { readLogin } = await import('./kubeconfig.ts');
    if (this.#isClosed) throw new ApiError('unreachable', 'stopped');
    try {
      this.#login ??= readLogin(this.#source);
      const { plugin } = this.#login;
      if (!isDeepStrictEqual(this.#credential?.plugin, plugin)) this.#credential = null;
      // Without an expiry it is used until the API server refuses it: see `drop`.
      if (plugin === null || this.#clock.nowMs() < (this.#credential?.expiresMs ?? 0)) return;
      this.#pluginRun ??= runPlugin(plugin, this.#clock, this.#dropped.signal).finally(() => {
        this.#pluginRun = null;
      });
      this.#credential = await this.#pluginRun;
      this.#options = null;
    } catch (error) {
      throw loginError(error);
    }
  }

  /**
   * Sends a GET with the credentials of the last `logIn`; `path` starts with `/api`. Resolves with the answer, whatever its
   * status, as soon as its head has come. Before that it may read the token file. Rejects with an `ApiError`, or with the reason of
   * `signal`.
   */
  async get(
    path: string,
    query: Record<string, string>,
    accept: string,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const login = this.#login;
    if (login === null) throw new ApiError('unreachable', 'the API server is not reachable at present');
    const headers: Record<string, string | string[]> = { ...login.impersonation };
    let options: RequestOptions;
    try {
      this.#options ??= optionsOf(login, this.#credential);
      options = await this.#options;
      // A token may end in a line break, which no header may contain.
      for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value).trim();
      if (login.tokenFile !== '') headers['Authorization'] = `Bearer ${await this.#readToken(login.tokenFile)}`;
    } catch (error) {
      throw loginError(error);
    }
    signal.throwIfAborted();
    const url = new URL(`${login.server}${path}?${new URLSearchParams(query)}`);
    return send(url, { ...options, signal, headers: { ...headers, accept, 'user-agent': 'goldpinger-ts' } });
  }

  /**
   * Closes all connections after a failure, and reads kubeconfig or service account anew at the next login: they may have been
   * replaced, and connections may be dead. The credential of a plugin is kept, unless another one may help (`MENDED_BY_LOGIN`): a
   * login may take long, and must not delay us when an API server that restarts is back.
   */
  drop(fault: DiscoveryFault): void {
    if (MENDED_BY_LOGIN.includes(fault)) this.#credential = null;
    this.#dropped.abort(new Error('the client was closed'));
    this.#dropped = new AbortController();
    this.#options?.then(({ agent }) => (agent as Agent).destroy()).catch(() => {});
    this.#login = null;
    this.#options = null;
    this.#token = '';
  }

  /** Closes all connections for good, and kills a credential plugin that still runs. */
  close(): void {
    this.#isClosed = true;
    this.drop('unreachable');
  }

  /** The token in the file. If the file cannot be read or is empty, the last token that was read, as in client-go. */
  async #readToken(path: string): Promise<string> {
    try {
      const token = (await readFile(path, 'utf8')).trim();
      if (token === '') throw new Error(`the token file ${path} is empty`);
      this.#token = token;
    } catch (error) {
      if (this.#token === '') throw error;
    }
    return this.#token;
  }
}

/** TLS options, headers and agent. The agent keeps its connections. */
async function optionsOf({ configWith }: Login, credential: Credential | null): Promise<RequestOptions> {
  const options: RequestOptions = { headers: {} };
  await configWith(credential).applyToHTTPSOptions(options);
  Object.assign(options.agent as Agent, { keepAlive: true });
  return options;
}

/**
 * The error of a login that cannot be read or made: fault `config`, but `unreachable` if our process lacks something, such as open
 * files.
 */
function loginError(error: unknown): ApiError {
  return new ApiError(isOwnFault(errorCodeOf(error)) ? 'unreachable' : 'config', networkMessageOf(error));
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
    if (!request.reusedSocket || options.signal?.aborted) throw asApiError(error, 'unreachable');
  }
  // The server may close a kept connection just when we use it again: the request is sent once more.
  return answerOf(get(url, options)).catch((error) => Promise.reject(asApiError(error, 'unreachable')));
}

/** Resolves with the answer when its head has come. */
function answerOf(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    // Not `once`: an aborted request may emit a second error, after its answer has come.
    request.on('error', reject);
  });
}
