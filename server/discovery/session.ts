import type { DiscoveryFault } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ApiClient, LoginSource } from './api-client.ts';
import { ApiError } from './api-error.ts';

/**
 * The faults that another credential may mend. `malformed`: a proxy may have sent us to its login page. `config`: the
 * credential may have characters that no header may contain.
 */
const MENDED_BY_LOGIN: readonly DiscoveryFault[] = ['unauthorized', 'forbidden', 'tls', 'malformed', 'config'];

/** Holds the client that lists and watches use at present, and makes the next one after a failure. */
export class Session {
  readonly #source: LoginSource;
  readonly #clock: Clock;
  #client: ApiClient | null = null;
  /** What the credential plugin gave to the last client, if it may still be right. */
  #credential: ApiClient['credential'] = null;
  #isClosed = false;

  constructor(source: LoginSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /**
   * Gives the present client, or a new one after `drop`: then it reads the kubeconfig or the service account again. Logs in if
   * that is needed, which may take a minute (`ApiClient.logIn`). Rejects with an `ApiError`, also after `close`.
   */
  async logIn(): Promise<ApiClient> {
    // The Kubernetes client takes longer to load than all the rest together. The HTTP port must not wait for it.
    const { loadApiClient } = await import('./api-client.ts');
    if (this.#isClosed) throw new ApiError('unreachable', 'stopped');
    this.#client ??= loadApiClient(this.#source, this.#clock, this.#credential);
    const client = this.#client;
    await client.logIn();
    return client;
  }

  /**
   * As `logIn`, but makes no new client: rejects with an `ApiError` if there is none. For lists of nodes, so that only discovery
   * of pods tries a failed login again.
   */
  async presentClient(): Promise<ApiClient> {
    if (this.#client === null) throw new ApiError('unreachable', 'the API server is not reachable at present');
    return this.logIn();
  }

  /**
   * Closes the present client after a failure: the kubeconfig, the token or the certificates may have been replaced, and
   * connections may be dead. The credential of a plugin is kept, unless another one may help (`MENDED_BY_LOGIN`): a login may take
   * long, and must not delay us when an API server that restarts is back.
   */
  drop(fault: DiscoveryFault): void {
    this.#credential = MENDED_BY_LOGIN.includes(fault) ? null : (this.#client?.credential ?? this.#credential);
    this.#client?.close();
    this.#client = null;
  }

  /** Closes all connections, and kills a credential plugin that still runs. */
  close(): void {
    this.#isClosed = true;
    this.#client?.close();
  }
}
