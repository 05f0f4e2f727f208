import type { DiscoveryFault } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Access, LoginSource } from './access.ts';
import { ApiError } from './api-error.ts';

/**
 * The faults that another credential may mend. `malformed`: a proxy may have sent us to its login page. `config`: the
 * credential may have characters that no header may contain.
 */
const MENDED_BY_LOGIN: readonly DiscoveryFault[] = ['unauthorized', 'forbidden', 'tls', 'malformed', 'config'];

/** How the API server is reached at present: the Access, and after a failure the next one. */
export class Session {
  readonly #source: LoginSource;
  readonly #clock: Clock;
  #access: Access | null = null;
  /** What the credential plugin gave to the last Access, if it may still be right. */
  #credential: Access['credential'] = null;
  #isClosed = false;

  constructor(source: LoginSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /**
   * Loads the Kubernetes client when first called, reads kubeconfig or service account again after a failure, and logs in if
   * that is needed, which may take a minute (`Access.logIn`). Rejects with an `ApiError`, also after `close`.
   */
  async open(): Promise<Access> {
    // The client takes longer to load than all the rest together. The HTTP port must not wait for it.
    const { loadAccess } = await import('./access.ts');
    if (this.#isClosed) throw new ApiError('unreachable', 'stopped');
    this.#access ??= loadAccess(this.#source, this.#clock, this.#credential);
    const access = this.#access;
    await access.logIn();
    return access;
  }

  /** For the lists of nodes: as `open`, but rejects until discovery of pods has opened a session. Only that tries again. */
  async reuse(): Promise<Access> {
    if (this.#access === null) throw new ApiError('unreachable', 'the API server is not reachable at present');
    return this.open();
  }

  /**
   * Ends the present Access after a failure: the kubeconfig, the token or the certificates may have been replaced, and connections
   * may be dead. The credential of a plugin is kept, unless another one may help: a login may take long, and must not delay the
   * return of an API server that restarts.
   */
  drop(fault: DiscoveryFault): void {
    this.#credential = MENDED_BY_LOGIN.includes(fault) ? null : (this.#access?.credential ?? this.#credential);
    this.#access?.close();
    this.#access = null;
  }

  /** Closes all connections, and kills a credential plugin that still runs. */
  close(): void {
    this.#isClosed = true;
    this.#access?.close();
  }
}
